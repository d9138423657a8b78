"""The native engine's representation of a workflow as a FlowGraph."""

from __future__ import annotations

from collections.abc import Iterable
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
from wf_debug.backends.edges import Wiring, edges_of
from wf_debug.backends.resources import resources_of
from wf_debug.graph import EventRole, EventType, FlowGraph, SourceRef, Step

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
    configs = (workflow if isinstance(workflow, type) else type(workflow))._step_configs()
    wirings = [
        Wiring(_step(n, configs[n.id].resources), n.catches, n.accepts_subclasses)
        for n in drawn.nodes
        if isinstance(n, WorkflowStepNode)
    ]
    events = [_event_type(n, classes.get(n.id)) for n in drawn.nodes if isinstance(n, WorkflowEventNode)]
    return FlowGraph(
        name=drawn.name,
        doc=drawn.description or "",
        steps=tuple(w.step for w in wirings),
        events=tuple(events),
        edges=edges_of(wirings, events),
    )


def role_of(cls: type | None) -> EventRole:
    """What an event class is for."""
    return next((role for base, role in _ROLES if cls is not None and issubclass(cls, base)), "event")


def _step(node: WorkflowStepNode, resources: Iterable[Any]) -> Step:
    return Step(
        name=node.id,
        role=node.role,
        accepts=tuple(node.accepts),
        emits=tuple(dict.fromkeys((*node.emits, *node.sends, *node.asks))),
        lists=tuple(node.lists),
        waits_for=tuple(node.waits_for),
        joins=node.joins or bool(node.collects),
        join_size=node.take,
        num_workers=node.num_workers,
        retry=node.retry,
        timeout=node.timeout,
        resources=resources_of(resources),
        doc=node.description or "",
        source=_source(node),
    )


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
