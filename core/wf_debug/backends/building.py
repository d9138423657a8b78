"""Building events from JSON data, for any engine whose events are pydantic models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
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
        raise Refused("invalid_input", f"{cls.__name__} can't be built", fields=found) from error
    except Exception as error:
        text = f"{type(error).__name__}: {safe_str(error)}"
        found = [FieldError(field="", message=text)]
        raise Refused("invalid_input", f"{cls.__name__} can't be built", fields=found) from error


def merged(before: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields `before` with those of `data`. What `data` repeats as it was recorded, at any depth, keeps
    its very object: what has no JSON form, or another class than its field says, outlives an edit near it."""
    kept = {name: _restored(before[name], data[name]) for name in data if name in before}
    return {**before, **data, **kept}


def _restored(value: Any, data: Any) -> Any:
    """`data` with the objects of `value` where it only repeats them."""
    if _plain(value) == data:
        return value
    if isinstance(value, list | tuple) and isinstance(data, list):
        return _restored_items(list(value), data)
    if isinstance(value, Mapping) and isinstance(data, Mapping):
        return {k: _restored(value[k], d) if k in value else d for k, d in data.items()}
    if isinstance(value, BaseModel) and isinstance(data, Mapping):
        return _restored_model(value, data)
    return data


def _restored_items(items: list[Any], data: list[Any]) -> list[Any]:
    """Items that are there unchanged are recognised; the others are taken for those that are missing, in
    order."""
    left = [(item, _plain(item)) for item in items]
    found: dict[int, Any] = {}
    for place, wanted in enumerate(data):
        same = next((i for i, (_, plain) in enumerate(left) if plain == wanted), None)
        if same is not None:
            found[place] = left.pop(same)[0]
    changed = iter([item for item, _ in left])
    return [
        found[place] if place in found else _restored(next(changed, None), wanted)
        for place, wanted in enumerate(data)
    ]


def _restored_model(model: BaseModel, data: Mapping[str, Any]) -> Any:
    """A model of the same class; what that class refuses is left to the event's own validation."""
    fields = type(model).model_fields
    names = {field.serialization_alias or field.alias or name: name for name, field in fields.items()}
    known = {key: d for key, d in data.items() if key in names}
    values = {key: _restored(getattr(model, names[key], None), d) for key, d in known.items()}
    try:
        return type(model).model_validate({**data, **values})
    except ValidationError:
        return data


def _plain(value: Any) -> Any:
    """What the recording shows for `value`; something equal to nothing if it shows nothing."""
    try:
        return from_json(encode_json({"": value}))[""]
    except Exception:
        return object()
