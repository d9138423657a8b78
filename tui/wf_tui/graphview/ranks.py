"""The row of each node: longest path from the start, then pulled down to what it leads to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from wf_tui.graphview.plan import Plan

_ROUNDS = 8


def ranks_of(plan: Plan, back: frozenset[int]) -> dict[str, int]:
    """Rank by node id, from 0; every wire not in `back` leads to a higher rank, and `stop` is last."""
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for index, wire in enumerate(plan.wires):
        if index not in back:
            above[wire.target].append(wire.source)
            below[wire.source].append(wire.target)
    order = _topological([node.id for node in plan.nodes], above, below)
    rank: dict[str, int] = {}
    for node in order:
        # what the start does not reach begins beneath it, so that the start stays alone on top
        rank[node] = max((rank[p] + 1 for p in above[node]), default=0 if node == "*start" else 1)
    if "*stop" in rank:
        rank["*stop"] = max(rank.values())
    _tighten(rank, order, above, below)
    base = min(rank.values(), default=0)
    return {node: value - base for node, value in rank.items()}


def _topological(
    nodes: Sequence[str], above: Mapping[str, list[str]], below: Mapping[str, list[str]]
) -> list[str]:
    missing = {node: len(above[node]) for node in nodes}
    ready = [node for node in nodes if not missing[node]]
    for node in ready:
        for successor in below[node]:
            missing[successor] -= 1
            if not missing[successor]:
                ready.append(successor)
    return ready


def _tighten(
    rank: dict[str, int], order: Sequence[str], above: Mapping[str, list[str]], below: Mapping[str, list[str]]
) -> None:
    """Move nodes with more wires out than in down to just above their nearest successor."""
    for _ in range(_ROUNDS):
        moved = False
        for node in reversed(order):
            if node in ("*start", "*stop") or len(below[node]) <= len(above[node]):
                continue
            lowest = min(rank[successor] for successor in below[node]) - 1
            if lowest > rank[node]:
                rank[node] = lowest
                moved = True
        if not moved:
            return
