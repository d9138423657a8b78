"""The JSON schema that pydantic writes for event classes: references, unions, closed sets of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def as_schema(part: Any) -> Schema:
    """A schema may be `true`, which allows anything."""
    return part if isinstance(part, Mapping) else {}


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow `$ref` and a single `allOf`; what stands beside them (a default, a description) wins."""
    seen: set[str] = set()
    while True:
        inner = schema.get("allOf")
        if isinstance(inner, list) and len(inner) == 1:
            schema = {**as_schema(inner[0]), **_without(schema, "allOf")}
        elif isinstance(ref := schema.get("$ref"), str) and ref not in seen:
            seen.add(ref)
            schema = {**_pointed_at(ref, root), **_without(schema, "$ref")}
        else:
            return schema


def variants(schema: Schema, root: Schema) -> Iterator[Schema]:
    """What a value may be: the members of a union, nested unions and lists of types spread out."""
    schema = resolve(schema, root)
    if union := schema.get("anyOf") or schema.get("oneOf"):
        for member in union:
            yield from variants(as_schema(member), root)
    elif isinstance(types := schema.get("type"), list):
        yield from ({**schema, "type": one} for one in types)
    else:
        yield schema


def allowed_values(schema: Schema) -> list[Any] | None:
    """The values of an enum, Literal or constant; None when the schema is none of these."""
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return list(values) if isinstance(values, list) else None


def _without(schema: Schema, key: str) -> dict[str, Any]:
    return {k: v for k, v in schema.items() if k != key}


def _pointed_at(ref: str, root: Schema) -> Schema:
    """What a local JSON pointer names; nothing known about it when it leads nowhere."""
    found: Any = root
    for part in ref.removeprefix("#/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return as_schema(found)
