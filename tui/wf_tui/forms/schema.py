"""From a JSON schema, as pydantic writes it for an event class, to the list of fields a person fills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from wf_tui.forms.jsonschema import Schema, allowed_values, as_schema, resolve, variants
from wf_tui.forms.words import in_words

FieldKind = Literal["text", "integer", "number", "boolean", "choice", "json"]


class Unset:
    """The type of `UNSET`: a field left out, so that the event class's own default applies."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of an event: what it is called, what it takes, and how that reads to a person."""

    name: str
    kind: FieldKind
    words: str
    """The type in plain words: `whole number from 1 to 50`."""
    required: bool = False
    nullable: bool = False
    default: Any = UNSET
    description: str = ""
    choices: tuple[Any, ...] = ()
    """The values of kind "choice", null among them when it is allowed."""
    format: str = ""
    """JSON schema's `format` of kind "text": date, date-time, uuid ..."""
    bare_text: bool = False
    """Of kind "json": what is not JSON is taken as text."""
    schema: Schema = field(default_factory=dict)
    root: Schema = field(default_factory=dict)
    """The whole schema, where `$ref` points into."""


ANY_FIELD: Final = FieldSpec("", "json", "anything", bare_text=True)
"""How an undeclared field is read."""


def fields_of(schema: Schema) -> list[FieldSpec]:
    """The declared fields of an object schema, in their order."""
    required = set(schema.get("required", ()))
    properties: Mapping[str, Any] = schema.get("properties") or {}
    return [_field(name, as_schema(part), name in required, schema) for name, part in properties.items()]


def takes_extra_fields(schema: Schema) -> bool:
    """Whether the event accepts fields that its class does not declare."""
    return schema.get("additionalProperties") is not False


def _field(name: str, part: Schema, required: bool, root: Schema) -> FieldSpec:
    whole = resolve(part, root)
    members = list(variants(part, root))
    rest = [m for m in members if m.get("type") != "null"]
    nullable = len(rest) < len(members)
    kind, choices = _kind(rest, nullable)
    return FieldSpec(
        name=name,
        kind=kind,
        words=in_words(part, root),
        required=required,
        nullable=nullable or None in choices,
        default=whole.get("default", UNSET),
        description=" ".join(str(whole.get("description", "")).split()),
        choices=choices,
        format=str(rest[0].get("format", "")) if kind == "text" else "",
        bare_text=kind == "json" and any(m.get("type", "string") == "string" for m in rest),
        schema=part,
        root=root,
    )


def _kind(members: list[Schema], nullable: bool) -> tuple[FieldKind, tuple[Any, ...]]:
    """The kind for a union's members other than null, and the values when it is a choice."""
    values = [allowed_values(m) for m in members]
    none = (None,) if nullable else ()
    if members and all(v is not None for v in values):
        return "choice", (*(x for v in values if v for x in v), *none)
    if len(members) != 1:
        return "json", ()
    match members[0].get("type"):
        case "string":
            return "text", ()
        case "integer":
            return "integer", ()
        case "number":
            return "number", ()
        case "boolean":
            return ("choice", (True, False, None)) if nullable else ("boolean", ())
    return "json", ()
