"""The resources that a step's parameters ask for, for any engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wf_debug.graph import Resource


def resources_of(definitions: Iterable[Any]) -> tuple[Resource, ...]:
    """In the order of the parameters. A definition has a `name`, a `resource` and a `type_annotation`."""
    return tuple(
        Resource(parameter=d.name, type=_type_name(d), maker=str(getattr(d.resource, "name", "")))
        for d in definitions
    )


def _type_name(definition: Any) -> str:
    annotation = getattr(definition, "type_annotation", None)
    if annotation is None:
        return ""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
