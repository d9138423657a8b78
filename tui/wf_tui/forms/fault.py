"""What is wrong with a JSON value under a schema, in words.

It refuses what the event class surely refuses, no more. The host builds the event and has the last word;
this check answers while a person types.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from wf_tui.forms.jsonschema import Schema, allowed_values, as_schema, variants
from wf_tui.forms.words import in_words


def fault(value: Any, schema: Schema, root: Schema) -> str | None:
    """The first fault, with its place inside the value (`[2].name must be text`); None when it fits."""
    members = list(variants(schema, root))
    faults = [_member_fault(value, member, root) for member in members]
    if None in faults:
        return None
    if len(faults) == 1:
        return faults[0]
    deeper = [f for m, f in zip(members, faults, strict=True) if f and _right_type(value, m)]
    return deeper[0] if len(deeper) == 1 else f"must be {in_words(schema, root)}"


def _member_fault(value: Any, schema: Schema, root: Schema) -> str | None:
    values = allowed_values(schema)
    if values is not None:
        return None if value in values else f"must be {_listed(values)}"
    if not _right_type(value, schema):
        return f"must be {in_words(schema, root)}"
    match value:
        case bool() | None:
            return None
        case int() | float():
            return _number_fault(value, schema)
        case str():
            return _length_fault(len(value), schema, "minLength", "maxLength", "character")
        case list():
            return _list_fault(value, schema, root)
        case Mapping():
            return _object_fault(value, schema, root)
    return None


def _right_type(value: Any, schema: Schema) -> bool:
    match schema.get("type"):
        case "string":
            return isinstance(value, str)
        case "integer":
            return (
                _is_number(value) and float(value).is_integer()
                if isinstance(value, float)
                else _is_number(value)
            )
        case "number":
            return _is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, Mapping)
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(values: list[Any]) -> str:
    texts = [json.dumps(v, ensure_ascii=False) for v in values]
    return texts[0] if len(texts) == 1 else f"one of {', '.join(texts)}"


def _number_fault(value: float, schema: Schema) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if (low := schema.get("minimum")) is not None and value < low:
        return f"must be at least {low:g}"
    if (high := schema.get("maximum")) is not None and value > high:
        return f"must be at most {high:g}"
    if (above := schema.get("exclusiveMinimum")) is not None and value <= above:
        return f"must be more than {above:g}"
    if (below := schema.get("exclusiveMaximum")) is not None and value >= below:
        return f"must be less than {below:g}"
    return None


def _length_fault(length: int, schema: Schema, low: str, high: str, noun: str) -> str | None:
    if (least := schema.get(low)) is not None and length < least:
        return f"needs at least {least} {noun}{'s' * (least != 1)}, has {length}"
    if (most := schema.get(high)) is not None and length > most:
        return f"may have {most} {noun}{'s' * (most != 1)} at most, has {length}"
    return None


def _list_fault(value: list[Any], schema: Schema, root: Schema) -> str | None:
    wrong = _length_fault(len(value), schema, "minItems", "maxItems", "item")
    if wrong and not schema.get("uniqueItems"):
        return wrong
    fixed = schema.get("prefixItems") or ()
    item = as_schema(schema.get("items"))
    for i, one in enumerate(value):
        if wrong := fault(one, as_schema(fixed[i]) if i < len(fixed) else item, root):
            return _inside(f"[{i}]", wrong)
    return None


def _object_fault(value: Mapping[str, Any], schema: Schema, root: Schema) -> str | None:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for name in schema.get("required", ()):
        if name not in value:
            return _inside(f".{name}", "is required")
    for name, one in value.items():
        if name not in properties and extra is False:
            return _inside(f".{name}", "is not a field here")
        if wrong := fault(one, as_schema(properties.get(name, extra)), root):
            return _inside(f".{name}", wrong)
    return None


def _inside(place: str, wrong: str) -> str:
    """Put a place before a message that may begin with a place further inside."""
    joint = "" if wrong.startswith(("[", ".")) else " "
    return f"{place}{joint}{wrong}"
