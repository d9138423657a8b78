"""The engine's events: their fields, and building one like another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.events import Event, StopEvent

from wf_debug.backends.building import build, merged


def fields_of(value: Any) -> Mapping[str, Any] | None:
    """Declared and dynamic fields, and the result of a stop event; None for what is no event."""
    if not isinstance(value, Event):
        return None
    dynamic = (value.__pydantic_private__ or {}).get("_data")  # `items()` takes a long way to the same
    fields = {**value.__dict__, **dynamic} if dynamic else value.__dict__
    if isinstance(value, StopEvent) and "result" not in fields and value.result is not None:
        return {**fields, "result": value.result}
    return fields


def rebuild(original: Event, data: Mapping[str, Any]) -> Event:
    """An event of the same class with the fields of `data` (see `merged`). Raises: Refused."""
    return build(type(original), merged(fields_of(original) or {}, data))


def copied(event: Event) -> Event:
    """Another event with the very same values."""
    return event.model_copy()


def type_of(value: Any) -> str:
    """`Result`, `None`, or for a list `list[Result]`, `list[A | B]`."""
    if value is None:
        return "None"
    if isinstance(value, list):
        names = dict.fromkeys(type(v).__name__ for v in value)
        return f"list[{' | '.join(names)}]"
    return type(value).__name__
