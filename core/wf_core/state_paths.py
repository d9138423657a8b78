"""Dotted paths into a state, as `user.names.0`: a dict key, a list index or an attribute at every dot."""

from __future__ import annotations

from collections import deque
from copy import copy, deepcopy
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from wf_core.events import DictLikeModel

MAX_DEPTH = 1000
MISSING: Any = ...
"""The default that means: a missing path is an error."""

_NO_SUCH = (KeyError, AttributeError, IndexError, TypeError)

ModelT = TypeVar("ModelT", bound=BaseModel)


class _NotRebuildableError(Exception):
    """A container on a path can be neither copied nor put back."""


def get_by_path(state: Any, path: str, default: Any = MISSING) -> Any:
    """What lies at the path; the default, or ValueError, if nothing does. An empty path is the state."""
    segments = _split(path) if path else []
    try:
        value = state
        for segment in segments:
            value = _step_into(value, segment)
    except Exception:  # a property on the path may raise anything
        if default is not MISSING:
            return default
        raise ValueError(f"Path '{path}' not found in state") from None
    return value


def with_path_set(state: ModelT, path: str, value: Any) -> ModelT:
    """A state with the value at the path, sharing everything that is not on the path; makes missing dicts.

    Raises ValueError for an empty path or one of more than 1000 segments.
    """
    if not path:
        raise ValueError("Path cannot be empty")
    *parents, last = _split(path)
    try:
        root = _shallow(state)
        inner = root
        for segment in parents:
            inner = _rebuilt_child(inner, segment)
    except _NotRebuildableError:
        root = isolated(state)
        inner = root
        for segment in parents:
            inner = _made_child(inner, segment)
    _assign(inner, last, value)
    return cast("ModelT", root)


def _split(path: str) -> list[str]:
    segments = path.split(".")
    if len(segments) > MAX_DEPTH:
        raise ValueError(f"Path length exceeds {MAX_DEPTH} segments")
    return segments


def _undeclared(model: DictLikeModel) -> dict[str, Any]:
    """The dictionary of undeclared values, read past the model's attribute lookup: this is a hot path."""
    values: dict[str, Any] = (model.__pydantic_private__ or {})["_data"]
    return values


def _declares(model: DictLikeModel, name: str) -> bool:
    cls = type(model)
    return (
        name in cls.model_fields
        or name in cls.model_computed_fields
        or isinstance(getattr(cls, name, None), property)
    )


def _step_into(holder: Any, segment: str) -> Any:
    if isinstance(holder, dict):
        return holder[segment]
    if isinstance(holder, DictLikeModel):  # its methods (`items`, `get`) never hide a key of that name
        values = _undeclared(holder)
        if segment in values:
            return values[segment]
        if _declares(holder, segment):
            return getattr(holder, segment)
        raise KeyError(segment)
    try:
        return holder[int(segment)]
    except (ValueError, TypeError, IndexError):
        return getattr(holder, segment)


def _assign(holder: Any, segment: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[segment] = value
        return
    if isinstance(holder, DictLikeModel):
        cls = type(holder)
        if segment not in cls.model_fields and segment not in cls.__private_attributes__:
            _undeclared(holder)[segment] = value
            return
    else:
        try:
            holder[int(segment)] = value
        except (ValueError, TypeError, IndexError):
            pass
        else:
            return
    setattr(holder, segment, value)


def _shallow(holder: Any) -> Any:
    if isinstance(holder, BaseModel):
        copied = holder.model_copy()
        if isinstance(copied, DictLikeModel):
            copied._data = dict(_undeclared(copied))
        return copied
    if isinstance(holder, dict | list):
        return copy(holder)
    raise _NotRebuildableError


def _rebuilt_child(parent: Any, segment: str) -> Any:
    try:
        child = _shallow(_step_into(parent, segment))
    except _NO_SUCH:
        child = {}
    try:
        _assign(parent, segment, child)
    except Exception as error:
        raise _NotRebuildableError from error
    return child


def _made_child(parent: Any, segment: str) -> Any:
    try:
        return _step_into(parent, segment)
    except _NO_SUCH:
        child: dict[str, Any] = {}
        _assign(parent, segment, child)
        return child


def isolated(state: ModelT) -> ModelT:
    """A deep copy for editing that shares handles: fields with `exclude=True`, and what can't be copied."""
    return cast("ModelT", _isolated(state, {}))


def _isolated(value: Any, memo: dict[int, Any]) -> Any:
    if id(value) in memo:
        return memo[id(value)]
    kind = type(value)
    if isinstance(value, BaseModel) and kind.__deepcopy__ is BaseModel.__deepcopy__:
        return _isolated_model(value, memo)
    if kind in (list, set, dict, deque):
        return _isolated_container(value, memo)
    if kind in (tuple, frozenset):
        frozen = kind(_isolated(item, memo) for item in value)
        return memo.setdefault(id(value), frozen)
    return _copied_or_shared(value, memo)


def _copied_or_shared(value: Any, memo: dict[int, Any]) -> Any:
    try:
        return deepcopy(value, memo)
    except Exception:  # locks, sockets, clients: shared
        memo[id(value)] = value
        return value


def _isolated_container(value: Any, memo: dict[int, Any]) -> Any:
    copied: Any = deque(maxlen=value.maxlen) if isinstance(value, deque) else type(value)()
    memo[id(value)] = copied  # before its parts, which may contain it
    if isinstance(value, dict):
        copied.update((_isolated(k, memo), _isolated(v, memo)) for k, v in value.items())
    elif isinstance(value, set):
        copied.update(_isolated(item, memo) for item in value)
    else:
        copied.extend(_isolated(item, memo) for item in value)
    return copied


def _isolated_model(value: BaseModel, memo: dict[int, Any]) -> BaseModel:
    copied = value.model_copy()
    memo[id(value)] = copied
    fields = type(value).model_fields
    for name, part in vars(value).items():
        if name not in fields or fields[name].exclude is not True:
            vars(copied)[name] = _isolated(part, memo)
    for parts in (copied.__pydantic_extra__, copied.__pydantic_private__):
        for name, part in list((parts or {}).items()):
            parts[name] = _isolated(part, memo)  # type: ignore[index]
    return copied
