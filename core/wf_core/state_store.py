"""The state that the steps of a run share.

Reads see the last committed state and never wait. Writers take turns; `edit_state` works on a copy that is
committed when its block ends, or forgotten when the block raises.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast, runtime_checkable

from pydantic import BaseModel, ValidationError

from wf_core.events import DictLikeModel
from wf_core.serializers import BaseSerializer
from wf_core.state_paths import MISSING, get_by_path, isolated, with_path_set

if TYPE_CHECKING:
    from wf_core.workflow import Workflow


class DictState(DictLikeModel):
    """A state without declared fields: `state["a"] = 1`, `state.a`."""


StateT = TypeVar("StateT", bound=BaseModel)

OnChange = Callable[[str, Any], None]
"""Told of each committed change: the dotted path and its new value; the empty path and the whole state as a
mapping where more than single values changed."""

KEYS_LEFT_OUT = ("memory",)
"""Keys that agents are known to fill with what can't be written down."""


class UnserializableKeyWarning(Warning):
    """A key was left out of a snapshot."""


@runtime_checkable
class StateStore(Protocol[StateT]):
    """What a step can do with the shared state."""

    state_type: type[StateT]

    async def get_state(self) -> StateT:
        """The committed state; a shallow copy, so put changes back with `set_state`, or use `edit_state`."""

    async def set_state(self, state: StateT) -> None:
        """Replace the state. A state of a parent type only overwrites the fields it has; else ValueError."""

    async def get(self, path: str, default: Any = MISSING) -> Any:
        """What lies at a dotted path; ValueError if nothing does and no default is given."""

    async def set(self, path: str, value: Any) -> None:
        """Put a value at a dotted path, making dicts on the way."""

    async def clear(self) -> None:
        """Back to the defaults; ValueError if a field has none."""

    def edit_state(self) -> AbstractAsyncContextManager[StateT]:
        """Change a copy of the state that is committed at the end of the block, unless it raises."""

    def to_dict(self, serializer: BaseSerializer) -> dict[str, Any]:
        """The state as JSON data."""


class InMemoryStateStore(Generic[StateT]):
    """A state store in this process."""

    def __init__(self, initial_state: StateT, on_change: OnChange | None = None) -> None:
        self.state_type: type[StateT] = type(initial_state)
        self.on_change = on_change
        self._state = initial_state
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None

    # -- reading
    async def get_state(self) -> StateT:
        return self._state.model_copy()

    async def get(self, path: str, default: Any = MISSING) -> Any:
        return get_by_path(self._state, path, default)

    def as_mapping(self) -> Mapping[str, Any]:
        """The committed state by top-level key, read-only; the values are the live ones."""
        return MappingProxyType(_top_level(self._state))

    # -- writing
    async def set(self, path: str, value: Any) -> None:
        await self._begin_write()
        try:
            self.put(path, value)
        finally:
            self._end_write()
        if self.on_change is not None:
            self.on_change(path, value)

    def put(self, path: str, value: Any) -> None:
        """`set`, for whoever knows that nobody else writes; nobody is told."""
        self._state = with_path_set(self._state, path, value)

    async def set_state(self, state: BaseModel) -> None:
        await self._begin_write()
        try:
            self._state = merge_state(self._state, state)
        finally:
            self._end_write()
        self._announce_all()

    async def clear(self) -> None:
        await self._begin_write()
        try:
            self._state = create_cleared_state(type(self._state))
        finally:
            self._end_write()
        self._announce_all()

    @asynccontextmanager
    async def edit_state(self) -> AsyncIterator[StateT]:
        await self._begin_write()
        try:
            before = self._state
            draft = isolated(before)
            yield draft
            self._state = draft
        finally:
            self._end_write()
        if self.on_change is not None:
            self._announce_edit(_top_level(before), _top_level(draft))

    async def _begin_write(self) -> None:
        task = asyncio.current_task()
        if self._writer is not None and self._writer is task:
            raise RuntimeError("writer called inside edit_state: mutate the yielded state instead")
        await self._turn.acquire()
        self._writer = task

    def _end_write(self) -> None:
        self._writer = None
        self._turn.release()

    def _announce_all(self) -> None:
        if self.on_change is not None:
            self.on_change("", self.as_mapping())

    def _announce_edit(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        if before.keys() - after.keys() or any("." in key for key in after):  # a key is not a path
            self._announce_all()
            return
        assert self.on_change is not None
        for key, value in after.items():
            if key not in before or not _same(before[key], value):
                self.on_change(key, value)

    # -- snapshots
    def to_dict(self, serializer: BaseSerializer) -> dict[str, Any]:
        """The state as JSON data; ValueError names the key that has no serialized form."""
        state = self._state
        data: Any
        if isinstance(state, DictState):
            data = {"_data": _serialized_items(state, serializer)}
        else:
            data = serializer.serialize(state)
        cls = type(state)
        return {
            "store_type": "in_memory",
            "state_type": cls.__name__,
            "state_module": cls.__module__,
            "state_data": data,
        }

    @classmethod
    def from_dict(
        cls, serialized_state: Mapping[str, Any], serializer: BaseSerializer
    ) -> InMemoryStateStore[StateT]:
        """The store that `to_dict` described, an empty one for `{}`; ValueError for anything else."""
        kind = serialized_state.get("store_type") or "in_memory"
        if kind != "in_memory":
            raise ValueError(f"Cannot read a state of store_type {kind!r} into memory")
        return cls(cast("StateT", decode_state(serialized_state.get("state_data"), serializer)))


def create_cleared_state(state_type: type[StateT]) -> StateT:
    """A state of that type with nothing set; ValueError if a field has no default."""
    try:
        return state_type()
    except ValidationError as error:
        missing = ", ".join(str(part["loc"][0]) for part in error.errors() if part["loc"])
        raise ValueError(
            f"State must have defaults for all fields, {state_type.__name__} lacks: {missing}"
        ) from error


def most_derived_state_type(declared: Iterable[type[BaseModel] | None]) -> type[BaseModel]:
    """The one state type that suits all steps' `Context[T]`; DictState if none declares any.

    Raises ValueError if the types are not one line of inheritance.
    """
    types = [t for t in dict.fromkeys(declared) if t is not None and t is not DictState]
    for candidate in types:
        if all(issubclass(candidate, other) for other in types):
            return candidate
    if not types:
        return DictState
    names = ", ".join(t.__name__ for t in types)
    raise ValueError(
        "Multiple state types are not in a compatible inheritance hierarchy. All state types must share a "
        f"common inheritance chain. Found: {names}"
    )


def infer_state_type(workflow: Workflow) -> type[BaseModel]:
    """The state type of the workflow's runs; ValueError if its steps contradict each other."""
    return workflow._plan().state_type


def decode_state(state_data: Any, serializer: BaseSerializer) -> BaseModel:
    """The state in a snapshot's `state_data`, told by its shape; ValueError for an unknown one."""
    if state_data is None:
        return DictState()
    if isinstance(state_data, BaseModel):
        return state_data
    if isinstance(state_data, str):
        wrapped = _json_or_none(state_data)
        if isinstance(wrapped, dict) and "_data" in wrapped:
            return _read_items(wrapped["_data"], serializer)
        return _model_or_raise(serializer.deserialize(state_data))
    if isinstance(state_data, dict):
        if "_data" in state_data:
            return _read_items(state_data["_data"], serializer)
        return _model_or_raise(serializer.deserialize(json.dumps(state_data)))
    raise ValueError(f"Unrecognized state payload of type {type(state_data).__name__}")


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _model_or_raise(value: Any) -> BaseModel:
    if isinstance(value, BaseModel):
        return value
    raise ValueError(f"Unrecognized state payload: it holds a {type(value).__name__}, not a state model")


def _serialized_items(state: DictState, serializer: BaseSerializer) -> dict[str, str]:
    items = {}
    for key, value in state.items():
        try:
            items[key] = serializer.serialize(value)
        except Exception as error:
            if key not in KEYS_LEFT_OUT:
                raise ValueError(f"Failed to serialize state value for key {key}: {error}") from error
            warnings.warn(
                f"State key {key!r} can't be serialized and is left out; set it after restoring: {error}",
                UnserializableKeyWarning,
                stacklevel=2,
            )
    return items


def _read_items(items: Mapping[str, str], serializer: BaseSerializer) -> DictState:
    state = DictState()
    for key, text in items.items():
        try:
            state[key] = serializer.deserialize(text)
        except Exception as error:
            raise ValueError(f"Failed to deserialize state value for key {key}: {error}") from error
    return state


def merge_state(current_state: StateT, incoming: BaseModel) -> StateT:
    """The state that `set_state(incoming)` leads to; ValueError if the types are not related."""
    kind = type(current_state)
    if isinstance(incoming, kind):
        return incoming
    if issubclass(kind, type(incoming)):
        return kind.model_validate({**current_state.model_dump(), **incoming.model_dump()})
    raise ValueError(f"State must be of type {kind.__name__} or a parent type, got {type(incoming).__name__}")


def _top_level(state: BaseModel) -> dict[str, Any]:
    values = {name: getattr(state, name) for name in type(state).model_fields}
    values.update(state.__pydantic_extra__ or {})
    if isinstance(state, DictLikeModel):
        values.update(state.items())
    return values


def _same(before: Any, after: Any) -> bool:
    try:
        return bool(before == after)
    except Exception:  # arrays and the like have no single answer
        return False
