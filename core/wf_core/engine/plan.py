"""What the engine needs to know of a workflow class, worked out once: who takes which event type, who joins
what.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from wf_core.collect import Take
from wf_core.decorators import StepConfig
from wf_core.events import Event, InputRequiredEvent, StopEvent
from wf_core.levels import stream_level_types
from wf_core.matching import is_subclass, step_accepts_type
from wf_core.state_store import most_derived_state_type

T = TypeVar("T")


class _ByClass(dict[type[Event], T]):
    """What is to be known of each event class, found when it is first asked for."""

    def __init__(self, find: Callable[[type[Event]], T]) -> None:
        self._find = find

    def __missing__(self, kind: type[Event]) -> T:
        found = self[kind] = self._find(kind)
        return found


class StepPlan:
    """One step, ready to be routed to and run."""

    __slots__ = (
        "accepts",
        "bare",
        "collects",
        "config",
        "context_param",
        "direct",
        "event_param",
        "fans_out",
        "free",
        "full",
        "function",
        "handler",
        "is_async",
        "max_recoveries",
        "name",
        "policy",
        "resources",
        "seeded",
        "slots",
        "subclasses",
        "take",
        "timeout",
        "workers",
    )

    def __init__(self, name: str, function: Callable[..., Any], config: StepConfig, *, free: bool) -> None:
        self.name = name
        self.function = function
        self.config = config
        self.free = free
        """A free function, not looked up on the workflow instance."""
        self.is_async = asyncio.iscoroutinefunction(function)
        self.direct = self.is_async and not config.resources
        """Its body is nothing but the author's coroutine."""
        self.accepts = tuple(config.accepted_events)
        self.subclasses = config.accept_event_subclasses
        self.workers = config.num_workers
        self.full = (1 << config.num_workers) - 1
        """Bit mask of all workers."""
        self.policy = config.retry_policy
        self.seeded = self.policy is not None and "seed" in inspect.signature(self.policy.next).parameters
        """Whether the retry policy takes a seed for its jitter."""
        self.slots = tuple(config.collect_params or ())
        self.collects = config.collection_param[0] if config.collection_param else None
        """Parameter that takes the members of a stream."""
        cardinality = config.collection_policy.cardinality if config.collection_policy else None
        self.take = cardinality.n if isinstance(cardinality, Take) else None
        self.timeout = config.timeout
        self.fans_out = config.is_fan_out
        self.bare = tuple(t for t in config.bare_return_types if isinstance(t, type))
        self.context_param = config.context_parameter
        self.event_param = config.event_name
        self.resources = tuple(config.resources)
        self.handler: str | None = None
        """The `@catch_error` step that takes this step's final failures."""
        self.max_recoveries = config.catch_error_max_recoveries

    def takes(self, kind: type[Event]) -> bool:
        """Whether an event of exactly this class is routed to the step."""
        return step_accepts_type(kind, self.accepts, allow_subclasses=self.subclasses)


class FlowPlan:
    """All steps of a workflow class, in the order events are offered to them."""

    def __init__(self, steps: Mapping[str, StepPlan], handler_for: Mapping[str, str]) -> None:
        self.steps = dict(steps)
        for name, handler in handler_for.items():
            self.steps[name].handler = handler
        self.joins = _joins_of(self.steps)
        """The collecting steps that each fan-out step's streams feed."""
        self.takers: Mapping[type[Event], tuple[StepPlan, ...]] = _ByClass(self._find_takers)
        """The steps that take events of a class."""
        self.matters_outside: Mapping[type[Event], bool] = _ByClass(_matters_outside)
        """Whether a step that returns an event of a class ends the run with it, or asks for input."""
        self.waits_with_subclasses = any(plan.subclasses for plan in self.steps.values())

    @functools.cached_property
    def state_type(self) -> type[BaseModel]:
        """The most derived state type that the steps' contexts declare; ValueError if they contradict each
        other."""
        return most_derived_state_type(step.config.context_state_type for step in self.steps.values())

    def _find_takers(self, kind: type[Event]) -> tuple[StepPlan, ...]:
        return tuple(plan for plan in self.steps.values() if plan.takes(kind))


def _matters_outside(kind: type[Event]) -> bool:
    return issubclass(kind, (StopEvent, InputRequiredEvent))


def _joins_of(steps: Mapping[str, StepPlan]) -> dict[str, tuple[str, ...]]:
    configs = {name: plan.config for name, plan in steps.items()}
    return {
        producer: tuple(
            name
            for name, plan in steps.items()
            if plan.collects is not None and any(is_subclass(t, Event) and plan.takes(t) for t in level)
        )
        for producer, level in stream_level_types(configs).items()
    }
