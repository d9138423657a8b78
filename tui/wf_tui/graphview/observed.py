"""Ways that events took at run time without having been declared."""

from __future__ import annotations

from collections.abc import Iterable

from wf_debug.graph import START, Edge, FlowGraph
from wf_debug.trace.activity import EdgeKey


def undeclared(graph: FlowGraph, edges: Iterable[EdgeKey]) -> list[EdgeKey]:
    """Those of `edges` that run between nodes of `graph` and are not its own, in a fixed order.

    What came from outside, by hand, is not the workflow's doing and is left out.
    """
    declared = {(edge.source, edge.event, edge.target) for edge in graph.edges}
    steps = {step.name for step in graph.steps}
    return sorted(
        e for e in edges if e not in declared and e[2] in steps and (e[0] in steps or e[0] == START)
    )


def with_observed(graph: FlowGraph, edges: Iterable[EdgeKey]) -> FlowGraph:
    """`graph` with these edges added, marked as observed."""
    seen = tuple(Edge(source=s, event=e, target=t, origin="observed") for s, e, t in edges)
    return graph.model_copy(update={"edges": graph.edges + seen})
