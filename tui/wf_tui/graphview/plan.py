"""What is to be drawn: the nodes and wires of a `FlowGraph`, before any of them has a place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from wf_debug.graph import HUMAN, START, STOP, Edge, FlowGraph, Step

NodeKind = Literal["start", "step", "human", "stop", "failure"]
WireLook = Literal["declared", "error", "observed"]

LIST = "[]"
"""Behind an event type that fans out."""
FOLD_LIMIT = 3
"""More stop events (or failures caught by one handler) than this are folded, not drawn as long wires."""


@dataclass(frozen=True, slots=True)
class Node:
    """Something with a place of its own. `id` is the step's name, or `*kind[:step]`, which no step has."""

    id: str
    name: str
    kind: NodeKind
    loops: tuple[str, ...] = ()
    """Event types that the step sends to itself."""
    joins: str = ""
    """How many events it collects before it runs: `all`, `first 3`; empty when it runs on each."""
    folded: bool = False
    """An end mark beside its one neighbour, drawn without a name."""


@dataclass(frozen=True, slots=True)
class Wire:
    """An event type on its way from one node to another."""

    source: str
    target: str
    event: str
    look: WireLook = "declared"
    many: bool = False
    """The event leaves in a list, with others of its kind."""

    @property
    def label(self) -> str:
        """The event, as its type is written beside the wire."""
        return f"{self.event}{LIST}" if self.many else self.event


@dataclass(frozen=True, slots=True)
class Plan:
    """Nodes in definition order (start first, stop last) and wires in the graph's order, no self-loops."""

    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]


class _Endpoints:
    """Tells a pseudo node from a step that happens to be called start, stop or human."""

    def __init__(self, graph: FlowGraph) -> None:
        self._steps = {step.name: step for step in graph.steps}
        self._roles = {event.name: event.role for event in graph.events}

    def source(self, edge: Edge) -> str:
        step = self._steps.get(edge.source)
        role = self._roles.get(edge.event, "event")
        if edge.source == START and (step is None or role == "start"):
            return "*start"
        if edge.source == HUMAN and (
            step is None or (role == "human_response" and edge.event not in step.emits)
        ):
            return "*human"
        return edge.source

    def target(self, edge: Edge) -> str:
        step = self._steps.get(edge.target)
        role = self._roles.get(edge.event, "event")
        if edge.target == STOP and (step is None or (role == "stop" and edge.event not in step.accepts)):
            return "*stop"
        if edge.target == HUMAN and (
            step is None or (role == "input_required" and edge.event not in step.accepts)
        ):
            return "*human"
        return edge.target

    def many(self, edge: Edge) -> bool:
        step = self._steps.get(edge.source)
        return step is not None and edge.event in step.lists

    def look(self, edge: Edge) -> WireLook:
        if edge.origin == "observed":
            return "observed"
        return "error" if self._roles.get(edge.event) == "step_failed" else "declared"


def plan_of(graph: FlowGraph) -> Plan:
    """The nodes and wires to draw for `graph`, with crowded ends folded."""
    wires = _fold_failures(_fold_stops(_wires(graph)))
    loops: dict[str, list[str]] = defaultdict(list)
    for wire in wires:
        if wire.source == wire.target:
            loops[wire.source].append(wire.event)
    wires = [w for w in wires if w.source != w.target]
    nodes = [replace(n, loops=tuple(loops.get(n.id, ()))) for n in _nodes(graph, wires)]
    return Plan(tuple(nodes), tuple(wires))


def _wires(graph: FlowGraph) -> list[Wire]:
    """One wire per (source, target, event); what is declared wins over what was only seen."""
    ends = _Endpoints(graph)
    found: dict[tuple[str, str, str], Wire] = {}
    for edge in graph.edges:
        wire = Wire(ends.source(edge), ends.target(edge), edge.event, ends.look(edge), ends.many(edge))
        known = found.get((wire.source, wire.target, wire.event))
        if known is None or known.look == "observed":
            found[wire.source, wire.target, wire.event] = wire
    return list(found.values())


def _nodes(graph: FlowGraph, wires: Iterable[Wire]) -> list[Node]:
    mentioned = dict.fromkeys(end for wire in wires for end in (wire.source, wire.target))
    steps = dict.fromkeys([s.name for s in graph.steps] + [m for m in mentioned if not m.startswith("*")])
    folded = [m for m in mentioned if ":" in m]
    nodes = [Node("*start", START, "start")] if "*start" in mentioned or steps else []
    nodes += [Node(name, name, "step", joins=_joins(graph.step(name))) for name in steps]
    nodes += [Node(m, "any failure", "failure") for m in folded if m.startswith("*failure")]
    nodes += [Node("*human", HUMAN, "human")] if "*human" in mentioned else []
    nodes += [Node(m, STOP, "stop", folded=True) for m in folded if m.startswith("*stop")]
    return nodes + ([Node("*stop", STOP, "stop")] if "*stop" in mentioned else [])


def _joins(step: Step | None) -> str:
    if step is None or not step.joins:
        return ""
    return "all" if step.join_size is None else f"first {step.join_size}"


def _fold_stops(wires: list[Wire]) -> list[Wire]:
    sources = {wire.source for wire in wires if wire.target == "*stop"}
    if len(sources) <= FOLD_LIMIT:
        return wires
    return [replace(w, target=f"*stop:{w.source}") if w.target == "*stop" else w for w in wires]


def _fold_failures(wires: list[Wire]) -> list[Wire]:
    """A handler that catches many steps hangs under one `any failure` mark."""
    caught = Counter((w.target, w.event) for w in wires if w.look == "error")
    crowded = {key for key, count in caught.items() if count > FOLD_LIMIT}
    folded: dict[Wire, None] = {}
    for wire in wires:
        if wire.look == "error" and (wire.target, wire.event) in crowded:
            wire = replace(wire, source=f"*failure:{wire.target}")
        folded[wire] = None
    return list(folded)
