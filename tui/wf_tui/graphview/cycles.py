"""Which wires run back up. A depth-first walk from the start keeps the loops a reader would call loops."""

from __future__ import annotations

from collections import defaultdict

from wf_tui.graphview.plan import Plan


def back_wires(plan: Plan) -> tuple[frozenset[int], list[str]]:
    """Indices of wires that lead to a node still being walked, and the node ids in the order first met."""
    leaving: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for index, wire in enumerate(plan.wires):
        leaving[wire.source].append((wire.target, index))
    met: dict[str, bool] = {}  # id -> still on the walk's path
    back: set[int] = set()
    for root in plan.nodes:
        if root.id in met:
            continue
        met[root.id] = True
        path = [(root.id, iter(leaving[root.id]))]
        while path:
            node, rest = path[-1]
            for target, index in rest:
                if target not in met:
                    met[target] = True
                    path.append((target, iter(leaving[target])))
                    break
                if met[target]:
                    back.add(index)
            else:
                met[node] = False
                path.pop()
    return frozenset(back), list(met)
