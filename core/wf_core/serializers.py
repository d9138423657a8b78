"""Values as text and back: what a snapshot of a run is made of."""

from __future__ import annotations

import base64
import contextvars
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, get_origin

from pydantic import BaseModel

_active: contextvars.ContextVar[JsonSerializer | None] = contextvars.ContextVar(
    "active_serializer", default=None
)
_PLAIN = (str, int, float, bool)
_OWN = ("wf_core.", "workflows.events.")
"""How the names of this engine's own classes begin; under the alias its events go by the second."""


def active_serializer() -> JsonSerializer | None:
    """The serializer whose value is being read back right now, for validators that build nested classes."""
    return _active.get()


def qualified_name(cls: type[Any]) -> str:
    """`module.Class`, with the enclosing classes if there are any."""
    return f"{cls.__module__}.{cls.__qualname__}"


def record_name(cls: type[Any]) -> str:
    """The name a record carries; a class inside a function goes by its bare name, as in `allowed_types`."""
    return f"{cls.__module__}.{cls.__name__}" if "<locals>" in cls.__qualname__ else qualified_name(cls)


def import_class(name: str) -> type[Any]:
    """The class of that qualified name, imported.

    Raises ValueError, ImportError or AttributeError that names what could not be found.
    """
    module_name, _, path = name.rpartition(".")
    if not module_name:
        raise ValueError(f"{name!r} is not a qualified class name like 'package.module.Class'")
    outer = [path]
    while True:
        try:
            found: Any = import_module(module_name)
            break
        except ImportError as error:
            parent, _, enclosing = module_name.rpartition(".")
            if not parent:
                raise ImportError(f"Failed to import module {name.rpartition('.')[0]}: {error}") from error
            module_name, outer = parent, [enclosing, *outer]
    for part in outer:
        if not hasattr(found, part):
            raise AttributeError(_missing(name, part, module_name))
        found = getattr(found, part)
    if not isinstance(found, type):
        raise ValueError(f"{name} is not a class")
    return found


def _missing(name: str, part: str, module: str) -> str:
    return (
        f"Attribute {part} not found in module {module}, for class {name}. A class that is made inside a "
        "function can only be read back by a JsonSerializer(allowed_types=[...]) that lists it."
    )


class BaseSerializer(ABC):
    """Encodes any value as text, and back."""

    @abstractmethod
    def serialize(self, value: Any) -> str:
        """The value as text; ValueError if it has no such form."""

    @abstractmethod
    def deserialize(self, value: str) -> Any:
        """The value of that text."""

    @contextmanager
    def validation_context(self) -> Iterator[None]:
        """Within the block this is the `active_serializer()`, if it resolves classes."""
        yield


class JsonSerializer(BaseSerializer):
    """JSON with pydantic models, and with components (objects with `class_name` and `to_dict`), at any depth.

    Such a value carries its class name. `allowed_types` restricts which names are read back: classes are
    taken as given and never imported, names are imported. None, the default, imports any name. This engine's
    own models can always be read. Raises TypeError for an entry that is no class and no name, ValueError for
    two classes of one name.
    """

    def __init__(self, *, allowed_types: Iterable[type[Any] | str] | None = None) -> None:
        self._classes: dict[str, type[Any]] = {}
        self._names: set[str] | None = None if allowed_types is None else set()
        for entry in allowed_types or ():
            self._allow(entry)

    def _allow(self, entry: type[Any] | str) -> None:
        assert self._names is not None
        if isinstance(entry, str):
            self._names.add(entry)
        elif isinstance(entry, type) and get_origin(entry) is None and entry is not Any:
            for name in (qualified_name(entry), f"{entry.__module__}.{entry.__name__}"):
                self._register(name, entry)
        else:
            raise TypeError(f"allowed_types entries must be concrete classes or legacy names, got {entry!r}")

    def _register(self, name: str, cls: type[Any]) -> None:
        if (known := self._classes.setdefault(name, cls)) is not cls:
            raise ValueError(
                f"Two classes claim the serialized name {name}: {known!r} and {cls!r}. "
                "Only one can be allowed."
            )

    def with_types(self, *classes: type[Any]) -> JsonSerializer:
        """A serializer that reads back these classes too."""
        if self._names is None:
            return self
        return JsonSerializer(allowed_types=(*dict.fromkeys(self._classes.values()), *self._names, *classes))

    def resolve_class(self, qualified_name: str) -> type[Any]:
        """The class that records of this name are built from; ValueError if it is not allowed."""
        if (known := self._classes.get(qualified_name)) is not None:
            return known
        own = qualified_name.startswith(_OWN)
        if self._names is not None and not own and qualified_name not in self._names:
            raise ValueError(
                f"Class {qualified_name} is not in the serializer's allowed types. "
                f"Pass JsonSerializer(allowed_types=[{qualified_name}]) to allow it, or JsonSerializer() to "
                "import any class by name."
            )
        return import_class(qualified_name)

    @contextmanager
    def validation_context(self) -> Iterator[None]:
        token = _active.set(self)
        try:
            yield
        finally:
            _active.reset(token)

    def serialize_value(self, value: Any) -> Any:
        """The value with every model and component in it turned into tagged plain data."""
        if isinstance(value, _PLAIN) or value is None:
            return value
        if hasattr(type(value), "class_name"):
            return _tagged("__is_component", value.to_dict(), value)
        if isinstance(value, BaseModel):
            return _tagged("__is_pydantic", value.model_dump(mode="json"), value)
        if isinstance(value, dict):
            return {k: self.serialize_value(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.serialize_value(item) for item in value]
        return value

    def serialize(self, value: Any) -> str:
        try:
            return json.dumps(self.serialize_value(value))
        except Exception as error:
            where = _place(self, value)
            raise ValueError(
                f"Failed to serialize value: {type(value)}: {value!s:.200}: {where}: {error}"
            ) from error

    def deserialize_value(self, data: Any) -> Any:
        """The inverse of `serialize_value`."""
        if isinstance(data, list):
            return [self.deserialize_value(item) for item in data]
        if not isinstance(data, dict):
            return data
        name = data.get("qualified_name")
        if name and data.get("__is_pydantic"):
            with self.validation_context():
                return self.resolve_class(name).model_validate(data["value"])
        if name and data.get("__is_component"):
            with self.validation_context():
                return self.resolve_class(name).from_dict(data["value"])
        return {k: self.deserialize_value(v) for k, v in data.items()}

    def deserialize(self, value: str) -> Any:
        return self.deserialize_value(json.loads(value))


def _tagged(tag: str, data: Any, value: Any) -> dict[str, Any]:
    return {tag: True, "value": data, "qualified_name": record_name(type(value))}


def _place(serializer: JsonSerializer, value: Any, path: str = "the value") -> str:
    """Which part of a value it is that has no JSON form."""
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    for key, part in parts:
        try:
            json.dumps(serializer.serialize_value(part))
        except RecursionError:
            return f"{path}[{key!r}] is nested too deeply or contains itself"
        except Exception:
            return _place(serializer, part, f"{path}[{key!r}]")
    return f"{path} of type {type(value).__name__} has no JSON form"


def class_resolver(serializer: BaseSerializer) -> Callable[[str], type[Any]]:
    """How this serializer finds the class of a qualified name."""
    return serializer.resolve_class if isinstance(serializer, JsonSerializer) else import_class


class PickleSerializer(JsonSerializer):
    """JSON where possible, else pickle in base64. Reading can run code: only for text you trust."""

    def serialize(self, value: Any) -> str:
        try:
            return super().serialize(value)
        except ValueError:
            import pickle

            return base64.b64encode(pickle.dumps(value)).decode()

    def deserialize(self, value: str) -> Any:
        import pickle

        try:
            return pickle.loads(base64.b64decode(value))
        except Exception:  # unpickling raises anything; what is no pickle is JSON
            return super().deserialize(value)


JsonPickleSerializer = PickleSerializer
"""The former name."""
