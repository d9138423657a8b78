"""What steps are given from outside: clients, stores, configuration.

    async def ask(self, ev: StartEvent, db: Annotated[Database, Resource(connect)]) -> StopEvent: ...

A factory's own parameters may be resources too. A value is made when a step first needs it and kept for the
workflow instance, or with `cache=False` made anew for each invocation of a step (once within one).
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, get_args, get_origin, get_type_hints, runtime_checkable

from pydantic import BaseModel

Dependency = tuple[str, "ResourceDescriptor", Any]
"""Parameter name, resource, annotated type."""


class Resolver(Protocol):
    """Gives the value of a resource."""

    async def get(self, resource: ResourceDescriptor) -> Any: ...


@runtime_checkable
class ResourceDescriptor(Protocol):
    """How a value comes about; what an `Annotated` parameter carries."""

    @property
    def name(self) -> str:
        """What the value is kept under."""

    @property
    def cache(self) -> bool:
        """Whether the value is kept for the workflow instance."""

    async def resolve(self, manager: Resolver) -> Any:
        """Make the value."""

    def set_type_annotation(self, type_annotation: Any) -> None:
        """The type of the annotated parameter."""

    def set_localns(self, localns: dict[str, Any] | None) -> None:
        """Local names at the place of declaration, for annotations given as text."""

    def get_dependencies(self) -> list[Dependency]:
        """The resources it is made from."""


@dataclass(frozen=True)
class ResourceDefinition:
    """A resource that a step asks for with one of its parameters."""

    name: str
    resource: ResourceDescriptor
    type_annotation: Any = None


class Resource:
    """A value made by `factory`, which may be async."""

    def __init__(self, factory: Callable[..., Any], cache: bool = True) -> None:
        self.factory = factory
        self.cache = cache
        self.name: str = getattr(factory, "__qualname__", type(factory).__name__)
        self._localns: dict[str, Any] | None = None

    async def resolve(self, manager: Resolver) -> Any:
        arguments = {}
        for name, resource, annotation in self.get_dependencies():
            resource.set_type_annotation(annotation)
            resource.set_localns(self._localns)
            arguments[name] = await manager.get(resource)
        self._refuse_missing(arguments)
        value = self.factory(**arguments)
        return await value if inspect.iscoroutinefunction(self.factory) else value

    def _refuse_missing(self, arguments: Mapping[str, Any]) -> None:
        parameters = inspect.signature(self.factory).parameters.values()
        missing = [
            p.name
            for p in parameters
            if p.default is p.empty
            and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            and p.name not in arguments
        ]
        if missing:
            raise TypeError(
                f"Resource {self.name} has no value for its parameter {', '.join(missing)}: annotate it as "
                "Annotated[T, Resource(...)], with names that the module (or the step's scope) knows"
            )

    def set_type_annotation(self, type_annotation: Any) -> None:
        """Nothing to do: the factory decides the type."""

    def set_localns(self, localns: dict[str, Any] | None) -> None:
        self._localns = localns

    def get_dependencies(self) -> list[Dependency]:
        hints = _factory_hints(self.factory, self._localns)
        parameters = inspect.signature(self.factory).parameters
        found = []
        for name, parameter in parameters.items():
            annotation, *marks = _annotated(hints.get(name, parameter.annotation))
            if marks and isinstance(marks[0], ResourceDescriptor):
                found.append((name, marks[0], annotation))
        return found


class ResourceConfig:
    """The annotated pydantic model, read from a JSON file or the part of it at a dotted `path_selector`.

    Raises ValueError for a file that is not `.json`; the file itself is read when the value is first needed.
    """

    cache = True

    def __init__(
        self,
        config_file: str,
        path_selector: str | None = None,
        label: str | None = None,
        description: str | None = None,
    ) -> None:
        if Path(config_file).suffix != ".json":
            raise ValueError(
                f"Only JSON files can be used to load Pydantic-based resources, got {config_file!r}"
            )
        self._given = config_file
        self.path_selector = path_selector
        self.label = label
        self.description = description
        self.cls_factory: type[BaseModel] | None = None
        """What the file is read into; the type of the parameter, unless it was set."""

    @property
    def name(self) -> str:
        return self._given if self.path_selector is None else f"{self._given}.{self.path_selector}"

    @functools.cached_property
    def config_file(self) -> str:
        """The absolute path; FileNotFoundError if there is no such file."""
        if not Path(self._given).is_file():
            raise FileNotFoundError(f"No such file: {self._given} (looked in {Path.cwd()})")
        return str(Path(self._given).resolve())

    def data(self) -> dict[str, Any]:
        """The selected part of the file; ValueError if it is no object."""
        return _selected(self.config_file, os.stat(self.config_file).st_mtime_ns, self.path_selector)

    def call(self) -> Any:
        """The model; pydantic's ValidationError if the file does not fit it, ValueError without a class."""
        if self.cls_factory is None:
            raise ValueError(
                "Class factory should be set to a BaseModel subclass before calling: annotate the parameter "
                f"of {self.name} with the model to read it into"
            )
        return self.cls_factory.model_validate(self.data())

    async def resolve(self, manager: Resolver) -> Any:
        return self.call()

    def set_type_annotation(self, type_annotation: Any) -> None:
        if self.cls_factory is None:
            self.cls_factory = type_annotation

    def set_localns(self, localns: dict[str, Any] | None) -> None:
        """Nothing to do: a file has no annotations."""

    def get_dependencies(self) -> list[Dependency]:
        return []


class ResourceManager:
    """The values made so far for one workflow instance, by resource name."""

    def __init__(self) -> None:
        self.resources: dict[str, Any] = {}
        self._makers: dict[str, object] = {}
        self._namesakes: dict[object, Any] = {}
        self._making: dict[object, asyncio.Event] = {}

    async def set(self, name: str, val: Any) -> None:
        """Use this value wherever a resource of that name is asked for; how a test puts a double in place."""
        self.resources[name] = val
        self._makers.pop(name, None)

    def get_all(self) -> dict[str, Any]:
        """The values kept so far, by name."""
        return self.resources

    async def get(self, resource: ResourceDescriptor) -> Any:
        """The resource's value, made if need be; ValueError if it depends on itself."""
        return await _Invocation(self).get(resource)

    async def resolve_all(self, definitions: Iterable[ResourceDefinition]) -> dict[str, Any]:
        """The arguments of one step invocation, within which every resource is made at most once."""
        invocation = _Invocation(self)
        arguments = {}
        for definition in definitions:
            definition.resource.set_type_annotation(definition.type_annotation)
            arguments[definition.name] = await invocation.get(definition.resource)
        return arguments

    def _kept(self, resource: ResourceDescriptor) -> Mapping[Any, Any] | None:
        """Where the resource's value is kept already. Two factories of one name do not share a value."""
        name, maker = resource.name, _maker(resource)
        if name in self.resources and self._makers.get(name, maker) == maker:
            return {maker: self.resources[name]}
        return self._namesakes if maker in self._namesakes else None

    def _keep(self, resource: ResourceDescriptor, value: Any) -> None:
        name, maker = resource.name, _maker(resource)
        if name in self.resources:
            self._namesakes[maker] = value
        else:
            self.resources[name] = value
            self._makers[name] = maker

    async def _get_kept(self, resource: ResourceDescriptor, invocation: _Invocation) -> Any:
        maker = _maker(resource)
        while True:
            if (kept := self._kept(resource)) is not None:
                return kept[maker]
            if (being_made := self._making.get(maker)) is None:
                break
            await being_made.wait()
        done = self._making[maker] = asyncio.Event()
        try:
            value = await resource.resolve(invocation)
            self._keep(resource, value)
            return value
        finally:
            del self._making[maker]
            done.set()

    def _refuse_cycle(self, resource: ResourceDescriptor, above: tuple[ResourceDescriptor, ...] = ()) -> None:
        chain = (*above, resource)
        if any(_maker(one) == _maker(resource) for one in above):
            names = " -> ".join(one.name for one in chain)
            raise ValueError(f"Circular resource dependency detected: {names}")
        if not resource.cache or self._kept(resource) is None:
            for _, dependency, _ in resource.get_dependencies():
                self._refuse_cycle(dependency, chain)


class _Invocation:
    """One invocation's view of the manager: keeps what is made for it alone."""

    def __init__(self, manager: ResourceManager) -> None:
        self._manager = manager
        self._made: dict[object, Any] = {}

    async def get(self, resource: ResourceDescriptor) -> Any:
        maker = _maker(resource)
        if resource.cache:
            if (kept := self._manager._kept(resource)) is not None:
                return kept[maker]
        elif maker in self._made:
            return self._made[maker]
        self._manager._refuse_cycle(resource)
        if resource.cache:
            return await self._manager._get_kept(resource, self)
        value = self._made[maker] = await resource.resolve(self)
        return value


def _maker(resource: ResourceDescriptor) -> object:
    """What tells two resources of one name apart."""
    return resource.factory if isinstance(resource, Resource) else resource.name


def _annotated(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)


def _factory_hints(factory: Callable[..., Any], localns: dict[str, Any] | None) -> dict[str, Any]:
    module_names = getattr(factory, "__globals__", {})
    local_names = {k: v for k, v in (localns or {}).items() if k not in module_names}
    try:
        return get_type_hints(factory, include_extras=True, localns=local_names or None)
    except (NameError, TypeError):  # unresolvable text, or a callable without annotations
        return {}


@functools.lru_cache(maxsize=128)
def _selected(file: str, modified: int, selector: str | None) -> dict[str, Any]:
    part = json.loads(Path(file).read_text(encoding="utf-8"))
    walked: list[str] = []
    for key in selector.split(".") if selector is not None else ():
        walked.append(key)
        part = part.get(key)
        if not isinstance(part, dict):
            raise ValueError(
                f"Expected dictionary for configuration from {file} at path {'.'.join(walked)}, "
                f"got: {type(part)}"
            )
    if not isinstance(part, dict):
        raise ValueError(f"Expected a JSON object in {file}, got: {type(part)}")
    return part
