"""The native engine's events: their fields, and building one from JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from wf_core import Workflow
from wf_core.events import Event, StopEvent
from wf_core.representation import workflow_event_types
from wf_debug.backends.refusal import Refused
from wf_debug.control.names import suggestion
from wf_debug.control.payload import encode_json, safe_str
from wf_debug.wire import FieldError


def fields_of(value: Any) -> Mapping[str, Any] | None:
    """Declared and dynamic fields, and the result of a stop event; None for what is no event."""
    if not isinstance(value, Event):
        return None
    fields = value.__dict__ | value._data if value._data else value.__dict__
    if isinstance(value, StopEvent) and value._result is not None and "result" not in fields:
        return {**fields, "result": value._result}
    return fields


def event_class(workflow: type[Workflow], name: str) -> type[Event]:
    """The event class of that name among those the workflow declares.

    Raises:
        Refused: unknown_event with the closest names.
    """
    known = workflow_event_types(workflow)
    if name not in known:
        raise Refused(
            "unknown_event", f"the workflow has no event type {name!r}", hint=suggestion(name, known)
        )
    return known[name]


def build(cls: type[Event], data: Mapping[str, Any]) -> Event:
    """An event from its fields. What is not declared becomes a dynamic field.

    Raises:
        Refused: invalid_input with one entry a field.
    """
    try:
        return cls(**data)
    except ValidationError as error:
        found = [FieldError(field=".".join(map(str, e["loc"])), message=e["msg"]) for e in error.errors()]
        text = "; ".join(f"{f.field or cls.__name__}: {f.message}" for f in found[:4])
        raise Refused("invalid_input", f"{cls.__name__} can't be built: {text}", fields=found) from error
    except Exception as error:
        text = f"{type(error).__name__}: {safe_str(error)}"
        raise Refused(
            "invalid_input",
            f"{cls.__name__} can't be built: {text}",
            fields=[FieldError(field="", message=text)],
        ) from error


def rebuild(original: Event, data: Mapping[str, Any]) -> Event:
    """An event of the same class with the fields of `data`. A field that `data` repeats as it was recorded
    keeps its very object, so that what has no JSON form survives an edit of its neighbours.

    Raises:
        Refused: invalid_input with one entry a field.
    """
    before = fields_of(original) or {}
    kept = {name: before[name] for name in data if name in before and _same(before[name], data[name])}
    return build(type(original), {**before, **data, **kept})


def _same(value: Any, data: Any) -> bool:
    """Whether `data` is what the recording shows for `value`."""
    try:
        return bool(from_json(encode_json({"": value}))[""] == data)
    except Exception:
        return False
