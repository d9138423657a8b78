"""The step graph as plain data: steps, event types, edges. JSON in and out; knows no engine and no screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

START = "start"
"""Pseudo node that the start event leaves from."""
STOP = "stop"
"""Pseudo node that stop events run into."""
HUMAN = "human"
"""Pseudo node for the person who answers an `InputRequiredEvent`."""

EventRole = Literal["start", "stop", "input_required", "human_response", "step_failed", "event"]
EdgeOrigin = Literal["declared", "waited", "observed"]
StepRole = Literal["step", "catch_error"]


class Frozen(BaseModel):
    """Base of the graph's value types."""

    model_config = ConfigDict(frozen=True)


class SourceRef(Frozen):
    """A place in the user's source: absolute file path and 1-based line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class EventType(Frozen):
    """One event class. `name` is the class name, unique within a graph; `fields` is its JSON schema."""

    name: str
    role: EventRole = "event"
    bases: tuple[str, ...] = ()
    """Names of the event classes it derives from, nearest first."""
    doc: str = ""
    fields: dict[str, Any] = Field(default_factory=dict)
    source: SourceRef | None = None


class Resource(Frozen):
    """What a step is given beside its events: the parameter, its type, and what makes the value (a factory's
    name, or a file)."""

    parameter: str
    type: str
    maker: str


class Step(Frozen):
    """One step: what starts it, what it may emit, and how it is run."""

    name: str
    role: StepRole = "step"
    accepts: tuple[str, ...] = ()
    """Event type names; a step with several runs on any of them unless `joins`."""
    emits: tuple[str, ...] = ()
    """Event type names it declares to return."""
    waits_for: tuple[str, ...] = ()
    """Event type names its body awaits with `wait_for_event`, as far as the source shows."""
    lists: tuple[str, ...] = ()
    """Those of `emits` that it returns in a list: a fan-out, of any number of events at once."""
    joins: bool = False
    """Whether it collects a list of events (or several slots) before it runs."""
    join_size: int | None = None
    """How many events of a list a join runs on, None for all."""
    num_workers: int = 1
    retry: str = ""
    """The retry policy in words, empty if none."""
    timeout: float | None = None
    """Seconds that an attempt may take, None for no limit."""
    resources: tuple[Resource, ...] = ()
    doc: str = ""
    source: SourceRef | None = None


class Edge(Frozen):
    """`event` may go from node `source` to node `target` (step names or START, STOP, HUMAN)."""

    source: str
    target: str
    event: str
    origin: EdgeOrigin = "declared"


class FlowGraph(Frozen):
    """Everything that can be drawn about a workflow before anything runs."""

    name: str
    doc: str = ""
    steps: tuple[Step, ...] = ()
    """In definition order, which is also the drawing's tie-break."""
    events: tuple[EventType, ...] = ()
    edges: tuple[Edge, ...] = ()

    def step(self, name: str) -> Step | None:
        """The step of that name, if there is one."""
        return next((s for s in self.steps if s.name == name), None)

    def event(self, name: str) -> EventType | None:
        """The event type of that name, if there is one."""
        return next((e for e in self.events if e.name == name), None)

    def start_event(self) -> EventType | None:
        """The event type that starts a run."""
        return next((e for e in self.events if e.role == "start"), None)

    def accepting(self, event: str) -> tuple[Step, ...]:
        """The steps that take this event type as their input."""
        return tuple(s for s in self.steps if event in s.accepts)


class Growth(Frozen):
    """What a run showed of a workflow that its source does not: an event type, the step that waits for it,
    the step that asks a person with it."""

    event: EventType
    awaited_by: str | None = None
    asked_by: str | None = None

    def added_to(self, graph: FlowGraph) -> FlowGraph:
        """The graph with it; the new edges are marked as observed."""
        name = self.event.name
        events = graph.events if graph.event(name) else (*graph.events, self.event)
        steps = tuple(map(self._waiting, graph.steps))
        edges = []
        if self.awaited_by and not any(name in step.emits for step in steps):
            edges.append(Edge(source=HUMAN, target=self.awaited_by, event=name, origin="observed"))
        if self.asked_by:
            edges.append(Edge(source=self.asked_by, target=HUMAN, event=name, origin="observed"))
        drawn = {(e.source, e.target, e.event) for e in graph.edges}
        fresh = [e for e in edges if (e.source, e.target, e.event) not in drawn]
        update = {"events": events, "steps": steps, "edges": (*graph.edges, *fresh)}
        return graph.model_copy(update=update)

    def _waiting(self, step: Step) -> Step:
        if step.name != self.awaited_by or self.event.name in step.waits_for:
            return step
        return step.model_copy(update={"waits_for": (*step.waits_for, self.event.name)})


def joined(graphs: Sequence[FlowGraph]) -> FlowGraph:
    """One graph that knows all steps and event types of several; of equal names the first counts.

    Raises:
        IndexError: for no graph at all.
    """
    if len(graphs) == 1:
        return graphs[0]
    steps = {step.name: step for graph in reversed(graphs) for step in graph.steps}
    events = {event.name: event for graph in reversed(graphs) for event in graph.events}
    edges = dict.fromkeys(edge for graph in graphs for edge in graph.edges)
    return FlowGraph(
        name=graphs[0].name, steps=tuple(steps.values()), events=tuple(events.values()), edges=tuple(edges)
    )
