"""The native engine's representation of a workflow as a FlowGraph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wf_core import Workflow
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
)
from wf_core.representation import (
    WorkflowEventNode,
    WorkflowStepNode,
    get_workflow_representation,
    workflow_event_types,
)
from wf_debug.graph import HUMAN, START, STOP, Edge, EventRole, EventType, FlowGraph, SourceRef, Step

_ROLES: tuple[tuple[type[Event], EventRole], ...] = (
    (StartEvent, "start"),
    (StopEvent, "stop"),
    (InputRequiredEvent, "input_required"),
    (HumanResponseEvent, "human_response"),
    (StepFailedEvent, "step_failed"),
)


def graph_of(workflow: Workflow | type[Workflow]) -> FlowGraph:
    """Steps in definition order, event types with their schemas, and every edge that can be known before a
    run."""
    drawn = get_workflow_representation(workflow)
    classes = workflow_event_types(workflow)
    steps = [n for n in drawn.nodes if isinstance(n, WorkflowStepNode)]
    events = [n for n in drawn.nodes if isinstance(n, WorkflowEventNode)]
    edges = dict.fromkeys(_Edges(steps, classes))
    return FlowGraph(
        name=drawn.name,
        doc=drawn.description or "",
        steps=tuple(map(_step, steps)),
        events=tuple(_event_type(n, classes.get(n.id)) for n in events),
        edges=tuple(edges),
    )


def role_of(cls: type | None) -> EventRole:
    """What an event class is for."""
    return next((role for base, role in _ROLES if cls is not None and issubclass(cls, base)), "event")


def _step(node: WorkflowStepNode) -> Step:
    return Step(
        name=node.id,
        role=node.role,
        accepts=tuple(node.accepts),
        emits=_emitted(node),
        waits_for=tuple(node.waits_for),
        joins=node.joins or bool(node.collects),
        fans_out=node.fans_out,
        num_workers=node.num_workers,
        retry=node.retry,
        doc=node.description or "",
        source=_source(node),
    )


def _emitted(node: WorkflowStepNode) -> tuple[str, ...]:
    """Returned, sent and asked: all that can come out of the step."""
    return tuple(dict.fromkeys((*node.emits, *node.sends, *node.asks)))


def _event_type(node: WorkflowEventNode, cls: type | None) -> EventType:
    return EventType(
        name=node.id,
        role=role_of(cls),
        bases=tuple(node.event_types[1:]),
        doc=node.description or "",
        fields=node.event_schema or {},
        source=_source(node),
    )


def _source(node: Any) -> SourceRef | None:
    return (
        SourceRef(file=node.source_file, line=node.source_line)
        if node.source_file and node.source_line
        else None
    )


class _Edges:
    """The edges that steps and event classes imply."""

    def __init__(self, steps: list[WorkflowStepNode], classes: dict[str, type[Event]]) -> None:
        self._steps, self._classes = steps, classes
        self._produced = {name for step in steps for name in _emitted(step)}

    def __iter__(self) -> Iterator[Edge]:
        for step in self._steps:
            yield from self._into(step)
        for step in self._steps:
            yield from self._out_of(step)

    def _into(self, step: WorkflowStepNode) -> Iterator[Edge]:
        for name in step.accepts:
            role = role_of(self._classes.get(name))
            if role == "start":
                yield Edge(source=START, target=step.id, event=name)
            elif role == "human_response":
                yield Edge(source=HUMAN, target=step.id, event=name)
            elif role == "step_failed":
                yield from (Edge(source=s, target=step.id, event=name) for s in self._caught_by(step))
        for name in step.waits_for:
            if name not in self._produced:
                yield Edge(source=HUMAN, target=step.id, event=name, origin="waited")

    def _caught_by(self, handler: WorkflowStepNode) -> list[str]:
        claimed = {name for s in self._steps if s is not handler for name in s.catches or ()}
        ordinary = [s.id for s in self._steps if s.role != "catch_error" and s.id not in claimed]
        return ordinary if handler.catches is None else handler.catches

    def _out_of(self, step: WorkflowStepNode) -> Iterator[Edge]:
        for name in _emitted(step):
            role = role_of(self._classes.get(name))
            if role == "stop":
                yield Edge(source=step.id, target=STOP, event=name)
            if role == "input_required":
                yield Edge(source=step.id, target=HUMAN, event=name)
            for taker in self._steps:
                if self._takes(taker, name):
                    yield Edge(source=step.id, target=taker.id, event=name)
                if name in taker.waits_for:
                    yield Edge(source=step.id, target=taker.id, event=name, origin="waited")

    def _takes(self, step: WorkflowStepNode, name: str) -> bool:
        if name in step.accepts:
            return True
        if not step.accepts_subclasses or name not in self._classes:
            return False
        return any(
            base in self._classes and issubclass(self._classes[name], self._classes[base])
            for base in step.accepts
        )
