"""Which event types live inside the stream that a fan-out step opens.

A step returning `list[E]` opens a stream. Inside it live the listed types and all that one-to-one steps make
of them. A fan-out step met on the way opens a stream of its own; what comes back to this level is what the
steps that join that inner stream return. A join takes its members out of the level, so its results belong
one level up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wf_core.decorators import StepConfig
from wf_core.events import Event
from wf_core.matching import is_subclass, step_accepts_type

Configs = Mapping[str, StepConfig]


def event_types(types: Iterable[Any]) -> list[type[Event]]:
    """Only the event classes among the types."""
    return [t for t in types if is_subclass(t, Event)]


def same_level_types(
    steps: Configs, seeds: Iterable[Any], open_producers: frozenset[str] = frozenset()
) -> set[type[Event]]:
    """The event types reachable from the seeds without leaving their level.

    `open_producers` are the fan-out steps whose streams enclose the level; they end loops that feed
    themselves.
    """
    seen: set[type[Event]] = set()
    frontier = event_types(seeds)
    while frontier:
        kind = frontier.pop()
        if kind in seen:
            continue
        seen.add(kind)
        for name, config in steps.items():
            if config.collection_param is None and _takes(config, kind):
                frontier.extend(_passed_on(steps, name, open_producers))
    return seen


def stream_level_types(steps: Configs) -> dict[str, set[type[Event]]]:
    """For each fan-out step the event types inside its stream."""
    return {
        name: same_level_types(steps, config.return_types, frozenset({name}))
        for name, config in steps.items()
        if config.is_fan_out
    }


def _takes(config: StepConfig, kind: type[Event]) -> bool:
    return step_accepts_type(kind, config.accepted_events, allow_subclasses=config.accept_event_subclasses)


def _passed_on(steps: Configs, name: str, open_producers: frozenset[str]) -> list[type[Event]]:
    if not steps[name].is_fan_out:
        return event_types(steps[name].return_types)
    if name in open_producers:
        return []
    return _joined_outputs(steps, name, open_producers | {name})


def _joined_outputs(steps: Configs, producer: str, open_producers: frozenset[str]) -> list[type[Event]]:
    inside = same_level_types(steps, steps[producer].return_types, open_producers)
    outputs: list[type[Event]] = []
    for name, config in steps.items():
        if config.collection_param is None or not any(_takes(config, kind) for kind in inside):
            continue
        if not config.is_fan_out:
            outputs.extend(event_types(config.return_types))
        elif name not in open_producers:
            outputs.extend(_joined_outputs(steps, name, open_producers | {name}))
    return outputs
