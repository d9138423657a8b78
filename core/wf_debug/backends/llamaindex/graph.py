"""A workflow of this engine as a FlowGraph: from the steps' signatures, their options and their sources."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from workflows import Workflow, events
from workflows.events import Event

from wf_core.representation.source import ContextUse, context_use
from wf_debug.backends.edges import Wiring, edges_of
from wf_debug.backends.event_types import event_type, own_doc, source
from wf_debug.backends.llamaindex.retries import describe
from wf_debug.backends.resources import resources_of
from wf_debug.graph import EventRole, FlowGraph, Step

_ROLES: tuple[tuple[str, EventRole], ...] = (
    ("StartEvent", "start"),
    ("StopEvent", "stop"),
    ("InputRequiredEvent", "input_required"),
    ("HumanResponseEvent", "human_response"),
    ("StepFailedEvent", "step_failed"),
)
_BASES: list[tuple[type, EventRole]] = [
    (getattr(events, name), role) for name, role in _ROLES if hasattr(events, name)
]


@dataclass
class StepFacts:
    """One step as its author declared it."""

    name: str
    function: Callable[..., Any]
    config: Any
    """The engine's StepConfig; fields that its version lacks count as unset."""
    use: ContextUse = field(default_factory=ContextUse)

    def option(self, name: str, default: Any = None) -> Any:
        return getattr(self.config, name, default)

    @property
    def accepts(self) -> list[type[Event]]:
        return [t for t in self.config.accepted_events if isinstance(t, type)]

    @property
    def gathers(self) -> bool:
        """It runs on a list of events, or on several at once."""
        return self.option("collection_param") is not None or self.option("collect_params") is not None

    @property
    def join_size(self) -> int | None:
        """On how many members of a stream it runs, None for all."""
        policy = self.option("collection_policy")
        size: int | None = getattr(getattr(policy, "cardinality", None), "n", None)
        return size

    @property
    def lists(self) -> list[Any]:
        """The event classes that it returns in a list."""
        if not self.option("is_fan_out", False):
            return []
        bare = self.option("bare_return_types", ())
        return [t for t in self.config.return_types if t not in bare]

    def takes(self, event: Event) -> bool:
        """Whether the engine gives it the event."""
        if self.option("accept_event_subclasses", False):
            return isinstance(event, tuple(self.accepts))
        return type(event) in self.config.accepted_events

    def types(self) -> Iterable[Any]:
        """Every event class it has to do with, in order of appearance."""
        use = self.use
        returned = (t for t in self.config.return_types if t is not type(None))
        return (*self.accepts, *returned, *use.sent, *use.waited, *use.asked, *use.collected)


def steps_of(cls: type[Workflow]) -> dict[str, StepFacts]:
    """The steps by name, in order of definition, those of base classes first; sources are not read."""
    found = {
        name: member
        for base in reversed(cls.__mro__)
        for name in vars(base)
        if hasattr(member := inspect.getattr_static(cls, name, None), "_step_config")
    }
    found |= getattr(cls, "_step_functions", {})
    return {name: StepFacts(name, f, f._step_config) for name, f in found.items()}


def event_classes(cls: type[Workflow]) -> dict[str, type[Event]]:
    """Every event class that the workflow's steps accept, return, send, await, ask or collect, by name."""
    return _named_types(_with_sources(cls))


def graph_of(workflow: Workflow | type[Workflow]) -> FlowGraph:
    """Steps in definition order, event types with their schemas, and every edge that can be known before a
    run."""
    cls = workflow if isinstance(workflow, type) else type(workflow)
    steps = _with_sources(cls)
    classes = _named_types(steps)
    names = {c: name for name, c in classes.items()}
    wirings = [_wiring(step, names) for step in steps]
    types = [event_type(name, c, Event, role_of(c)) for name, c in classes.items()]
    return FlowGraph(
        name=cls.__name__,
        doc=own_doc(cls),
        steps=tuple(w.step for w in wirings),
        events=tuple(types),
        edges=edges_of(wirings, types),
    )


def role_of(cls: type) -> EventRole:
    """What an event class is for."""
    return next((role for base, role in _BASES if issubclass(cls, base)), "event")


def _with_sources(cls: type[Workflow]) -> list[StepFacts]:
    steps = list(steps_of(cls).values())
    known = {t.__name__: t for step in steps for t in step.types() if isinstance(t, type)}
    for step in steps:
        step.use = context_use(step.function, step.config.context_parameter, cls, known, Event)
    return steps


def _named_types(steps: Iterable[StepFacts]) -> dict[str, type[Event]]:
    """By class name; the full name where two classes share one."""
    named: dict[str, type[Event]] = {}
    for t in dict.fromkeys(t for step in steps for t in step.types()):
        if isinstance(t, type) and issubclass(t, Event):
            named[f"{t.__module__}.{t.__qualname__}" if t.__name__ in named else t.__name__] = t
    return named


def _wiring(step: StepFacts, names: dict[type[Event], str]) -> Wiring:
    use = step.use

    def named(types: Iterable[Any]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names[t] for t in types if t in names))

    return Wiring(
        Step(
            name=step.name,
            role="catch_error" if step.option("role", "step") == "catch_error" else "step",
            accepts=named(step.accepts),
            emits=named((*step.config.return_types, *use.sent, *use.asked)),
            lists=named(step.lists),
            waits_for=named(use.waited),
            joins=step.gathers or bool(use.collected),
            join_size=step.join_size,
            num_workers=step.config.num_workers,
            retry=describe(step.config.retry_policy),
            resources=resources_of(step.option("resources", ())),
            doc=inspect.getdoc(step.function) or "",
            source=source(step.function),
        ),
        step.option("catch_error_for_steps"),
        bool(step.option("accept_event_subclasses", False)),
    )
