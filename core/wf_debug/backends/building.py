"""Building events from JSON data, for any engine whose events are pydantic models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from wf_debug.backends.refusal import Refused
from wf_debug.control.payload import encode_json, safe_str
from wf_debug.wire import FieldError

E = TypeVar("E")


def build(cls: type[E], data: Mapping[str, Any]) -> E:
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


def merged(before: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields `before` with those of `data`. A field that `data` repeats as it was recorded keeps its very
    object, so that what has no JSON form survives an edit of its neighbours."""
    kept = {name: before[name] for name in data if name in before and _same(before[name], data[name])}
    return {**before, **data, **kept}


def _same(value: Any, data: Any) -> bool:
    """Whether `data` is what the recording shows for `value`."""
    try:
        return bool(from_json(encode_json({"": value}))[""] == data)
    except Exception:
        return False
