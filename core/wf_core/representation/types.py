"""The graph of a workflow as JSON-able models: steps, events, people and resources, and the edges between."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

EdgeOrigin = Literal["declared", "sent", "waited", "asked"]
"""How an edge is known: from a signature, or from the step's source: `send_event`, `wait_for_event` and the
`waiter_event` of that."""


class WorkflowNodeBase(BaseModel):
    """What all nodes have; `id` is unique in the graph."""

    id: str
    label: str

    def truncated_label(self, max_length: int) -> str:
        """The label, cut with a `*` if it is longer."""
        return self.label if len(self.label) <= max_length else f"{self.label[: max_length - 1]}*"


class WorkflowStepNode(WorkflowNodeBase):
    """A step."""

    node_type: Literal["step"] = "step"
    description: str | None = None
    role: Literal["step", "catch_error"] = "step"
    accepts: list[str] = []
    """Ids of the events it takes as input. This and the lists below are in order of appearance."""
    emits: list[str] = []
    """Ids of the events it declares to return."""
    sends: list[str] = []
    """Ids of the events it passes to `send_event`, as far as its source shows."""
    waits_for: list[str] = []
    """Ids of the events it awaits with `wait_for_event`, as far as its source shows."""
    asks: list[str] = []
    """Ids of the events it publishes while it waits."""
    collects: list[str] = []
    """Ids of the events it gathers with `collect_events`, as far as its source shows."""
    joins: bool = False
    """It runs on a list of events, or on several at once."""
    lists: list[str] = []
    """Ids of the events that it declares to return in a list, which opens a stream of them."""
    take: int | None = None
    """A join that runs on the first so many events."""
    accepts_subclasses: bool = False
    num_workers: int = 1
    retry: str = ""
    """The retry policy in words, empty for none."""
    timeout: float | None = None
    """Seconds that an attempt may take, None for no limit."""
    catches: list[str] | None = None
    """Names of the steps whose failures a `catch_error` step handles, None for all."""
    source_file: str | None = None
    source_line: int | None = None


class WorkflowEventNode(WorkflowNodeBase):
    """An event type."""

    node_type: Literal["event"] = "event"
    event_type: str
    """Its class name."""
    event_types: list[str]
    """Its class name and those of the event classes it derives from, nearest first, without `Event`."""
    event_schema: dict[str, Any] | None = None
    """JSON schema of its declared fields."""
    produced_by: list[str] = []
    """Names of the steps that declare to return it."""
    description: str | None = None
    qualified_name: str = ""
    source_file: str | None = None
    source_line: int | None = None

    def is_subclass_of(self, *type_names: str) -> bool:
        """Whether it is, or derives from, one of the named classes."""
        return any(name in self.event_types for name in type_names)


class WorkflowExternalNode(WorkflowNodeBase):
    """The person, or system, outside."""

    node_type: Literal["external"] = "external"


class WorkflowResourceNode(WorkflowNodeBase):
    """A resource made by a factory."""

    node_type: Literal["resource"] = "resource"
    type_name: str | None = None
    getter_name: str | None = None
    source_file: str | None = None
    source_line: int | None = None
    description: str | None = None


class WorkflowResourceConfigNode(WorkflowNodeBase):
    """A resource read from a JSON file."""

    node_type: Literal["resource_config"] = "resource_config"
    type_name: str | None = None
    config_file: str | None = None
    path_selector: str | None = None
    config_schema: dict[str, Any] | None = None
    config_value: dict[str, Any] | None = None
    """What the file holds now."""
    description: str | None = None


class WorkflowGenericNode(WorkflowNodeBase):
    """A node of another kind, for whoever extends the graph."""

    node_type: str
    event_type: str | None = None
    event_types: list[str] | None = None

    def is_subclass_of(self, *type_names: str) -> bool:
        """Whether it is, or derives from, one of the named classes."""
        return any(name in (self.event_types or ()) for name in type_names)


WorkflowGraphNode = (
    WorkflowStepNode
    | WorkflowEventNode
    | WorkflowExternalNode
    | WorkflowResourceNode
    | WorkflowResourceConfigNode
    | WorkflowGenericNode
)


class WorkflowGraphEdge(BaseModel):
    """From node to node, by id; `label` is the parameter name for a resource."""

    source: str
    target: str
    label: str | None = None
    origin: EdgeOrigin = "declared"


class WorkflowGraph(BaseModel):
    """A whole workflow."""

    name: str
    nodes: list[WorkflowGraphNode]
    edges: list[WorkflowGraphEdge]
    description: str | None = None

    def filter_by_node_type(self, *node_types: str) -> WorkflowGraph:
        """The graph without nodes of these types; paths through them become edges, labelled by the first."""
        kept = [node for node in self.nodes if node.node_type not in node_types]
        left_out = {node.id: node.label for node in self.nodes if node.node_type in node_types}
        leaving: dict[str, list[WorkflowGraphEdge]] = {}
        for edge in self.edges:
            leaving.setdefault(edge.source, []).append(edge)
        edges: dict[tuple[str, str], WorkflowGraphEdge] = {}
        for node in kept:
            for target, label in _reached(node.id, leaving, left_out):
                edge = WorkflowGraphEdge(source=node.id, target=target, label=label)
                edges.setdefault((node.id, target), edge)
        return self.model_copy(update={"nodes": kept, "edges": list(edges.values())})


def _reached(
    start: str, leaving: dict[str, list[WorkflowGraphEdge]], left_out: dict[str, str]
) -> list[tuple[str, str | None]]:
    """The nodes that remain after `start`, each with the label of the edge or of the first node left out."""
    found: list[tuple[str, str | None]] = []
    visited: set[str] = set()
    stack: list[tuple[str, str | None]] = [(start, None)]
    while stack:
        current, passed = stack.pop()
        for edge in leaving.get(current, ()):
            if edge.target not in left_out:
                found.append((edge.target, edge.label if passed is None else passed))
            elif edge.target not in visited:
                visited.add(edge.target)
                stack.append((edge.target, left_out[edge.target] if passed is None else passed))
    return found
