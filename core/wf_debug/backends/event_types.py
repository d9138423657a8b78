"""Event classes of any engine, which are pydantic models, as the graph shows them."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import BaseModel

from wf_core.representation.source import place_of
from wf_debug.graph import EventRole, EventType, SourceRef


def event_type(name: str, cls: type[Any], base: type, role: EventRole) -> EventType:
    """The class under this name; `base` is the class of all events."""
    bases = [t.__name__ for t in cls.__mro__[1:] if issubclass(t, base) and t is not base]
    return EventType(
        name=name, role=role, bases=tuple(bases), doc=own_doc(cls), fields=_schema(cls), source=source(cls)
    )


def is_loaded(base: type, name: str) -> bool:
    """Whether the process has a subclass of that name."""
    left: list[type] = [base]
    seen = {base}
    while left:
        cls = left.pop()
        if cls.__name__ == name:
            return True
        subclasses: list[type] = type.__subclasses__(cls)
        more = [c for c in subclasses if c not in seen]
        seen.update(more)
        left += more
    return False


def source(thing: Any) -> SourceRef | None:
    """Where a class or function is defined, None if it has no source."""
    found = place_of(thing)
    return SourceRef(file=found[0], line=found[1]) if found else None


def own_doc(cls: type) -> str:
    """A class's own docstring, not that of a base."""
    doc = vars(cls).get("__doc__")
    return inspect.cleandoc(doc) if doc else ""


def _schema(cls: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema; of a class with fields that have none, the names alone."""
    try:
        return cls.model_json_schema()
    except Exception:
        fields = cls.model_fields
        return {
            "type": "object",
            "title": cls.__name__,
            "properties": {name: {"title": name} for name in fields},
            "required": [name for name, info in fields.items() if info.is_required()],
        }
