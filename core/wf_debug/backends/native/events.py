"""The native engine's events: their fields, and building one from JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wf_core.events import Event, StopEvent
from wf_debug.backends.building import build, merged
from wf_debug.backends.refusal import Refused
from wf_debug.control.names import suggestion

__all__ = ["build", "event_class", "fields_of", "rebuild"]


def fields_of(value: Any) -> Mapping[str, Any] | None:
    """Declared and dynamic fields, and the result of a stop event; None for what is no event."""
    if not isinstance(value, Event):
        return None
    fields = value.__dict__ | value._data if value._data else value.__dict__
    if isinstance(value, StopEvent) and value._result is not None and "result" not in fields:
        return {**fields, "result": value._result}
    return fields


def event_class(known: Mapping[str, type[Event]], name: str) -> type[Event]:
    """The event class of that name among those known.

    Raises:
        Refused: unknown_event with the closest names.
    """
    if name not in known:
        raise Refused(
            "unknown_event", f"the workflow has no event type {name!r}", hint=suggestion(name, known)
        )
    return known[name]


def rebuild(original: Event, data: Mapping[str, Any]) -> Event:
    """An event of the same class with the fields of `data` (see `merged`).

    Raises:
        Refused: invalid_input with one entry a field.
    """
    return build(type(original), merged(fields_of(original) or {}, data))
