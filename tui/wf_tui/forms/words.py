"""A JSON schema said in plain words: `list of text`, `whole number from 1 to 50`."""

from __future__ import annotations

import json
from typing import Any

from wf_tui.forms.jsonschema import Schema, allowed_values, as_schema, resolve, variants

_FORMATS = {
    "date": "date",
    "date-time": "date and time",
    "time": "time of day",
    "duration": "duration",
    "uuid": "UUID",
    "uri": "URL",
    "email": "email address",
    "path": "path",
    "file-path": "path of a file",
    "directory-path": "path of a directory",
    "binary": "bytes as text",
}
_EXAMPLES = {
    "date": "2026-11-22",
    "date-time": "2026-11-22 09:30",
    "time": "09:30",
    "duration": "PT90S",
}
_SHORT = 40
"""Values of a choice are spelled out up to this many characters."""


def in_words(schema: Schema, root: Schema, depth: int = 0) -> str:
    """What a value of this schema is. Nested types are named down to two levels."""
    members: dict[str, None] = {}
    for member in variants(schema, root):
        members[_member(member, root, depth)] = None
    return " or ".join(members) or "anything"


def example_of(text_format: str) -> str:
    """How a text of that format is written; empty where the name says enough."""
    return _EXAMPLES.get(text_format, "")


def _member(schema: Schema, root: Schema, depth: int) -> str:
    if (values := allowed_values(schema)) is not None:
        return _choice(values)
    match schema.get("type"):
        case "string":
            return _FORMATS.get(str(schema.get("format")), "text") + _length(schema)
        case "integer":
            return "whole number" + _bounds(schema)
        case "number":
            return "number" + _bounds(schema)
        case "boolean":
            return "true or false"
        case "null":
            return "null"
        case "array":
            return _list(schema, root, depth)
        case "object":
            return _object(schema, root, depth)
    return "anything"


def _choice(values: list[Any]) -> str:
    texts = [v if isinstance(v, str) else json.dumps(v) for v in values]
    if len(texts) == 1:
        return f"always {texts[0]}"
    listed = ", ".join(texts)
    return f"one of {listed}" if len(listed) <= _SHORT else f"one of {len(texts)} values"


def _list(schema: Schema, root: Schema, depth: int) -> str:
    noun = "set" if schema.get("uniqueItems") else "list"
    if "prefixItems" in schema:
        return f"{noun} of {len(schema['prefixItems'])} values"
    item = as_schema(schema.get("items"))
    return f"{noun} of {in_words(item, root, depth + 1)}" if item and depth < 2 else noun


def _object(schema: Schema, root: Schema, depth: int) -> str:
    if fields := schema.get("properties"):
        title = str(resolve(schema, root).get("title", "object"))
        return f"{title} {{{_listed(list(fields))}}}" if depth < 2 else title
    value = as_schema(schema.get("additionalProperties"))
    return f"map of {in_words(value, root, depth + 1)}" if value and depth < 2 else "map"


def _listed(names: list[str]) -> str:
    """As many of the names as are short together."""
    shown = [name for n, name in enumerate(names) if not n or len(", ".join(names[: n + 1])) <= _SHORT]
    return ", ".join([*shown, "..."] if len(shown) < len(names) else shown)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    parts = [
        f"at least {low:g}" if low is not None else "",
        f"above {above:g}" if above is not None else "",
        f"at most {high:g}" if high is not None else "",
        f"below {below:g}" if below is not None else "",
    ]
    text = " and ".join(p for p in parts if p)
    return f" {text}" if text else ""


def _length(schema: Schema) -> str:
    low, high = schema.get("minLength"), schema.get("maxLength")
    if low and high:
        return f" of {low} to {high} characters"
    if high:
        return f" up to {high} characters"
    return f" of at least {low} character{'s' * (low != 1)}" if low else ""
