"""Gives living modules the code of a newer generation of themselves, keeping the identity of classes and
functions."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

_MISSING = object()
_KEPT = (
    "__name__",
    "__spec__",
    "__loader__",
    "__file__",
    "__cached__",
    "__package__",
    "__path__",
    "__builtins__",
)
_DATA = (bool, int, float, complex, str, bytes, type(None), list, tuple, dict, set, frozenset)
_DEEPEST = 6


class CannotTransplant(Exception):
    """The new code does not fit the living objects; the message says what changed."""


class Transplant:
    """Moves the contents of new modules into old ones of the same name; can be undone."""

    def __init__(self, pairs: Sequence[tuple[ModuleType, ModuleType]]) -> None:
        """`pairs`: (living module, its new generation)."""
        self._pairs = pairs
        self._twins: dict[int, Any] = {}
        self._homes = {id(new.__dict__): old.__dict__ for old, new in pairs}
        self._undo: list[Callable[[], object]] = []
        self._swapped: set[int] = set()

    def apply(self) -> None:
        """All or nothing.

        Raises:
            CannotTransplant: with everything as it was.
        """
        try:
            for old, new in self._pairs:
                self._match(old.__dict__, new.__dict__, new.__name__)
            for old, new in self._pairs:
                self._graft_module(old, new)
        except BaseException as error:
            self.undo()
            if isinstance(error, CannotTransplant):
                raise
            raise CannotTransplant(f"{type(error).__name__}: {error}") from error

    def undo(self) -> None:
        """Everything as it was before `apply`."""
        while self._undo:
            self._undo.pop()()

    # -- who is whose younger self
    def _match(self, old: Any, new: Any, module: str) -> None:
        for name, value in list(new.items()):
            before = old.get(name, _MISSING)
            if isinstance(value, ModuleType):
                continue
            if isinstance(value, type) and isinstance(before, type) and value.__module__ == module:
                self._twins[id(value)] = before
                self._match(vars(before), vars(value), module)
            elif isinstance(value, FunctionType) and isinstance(before, FunctionType) and self._is_new(value):
                self._twins[id(value)] = before

    def _is_new(self, function: FunctionType) -> bool:
        return id(function.__globals__) in self._homes

    # -- modules
    def _graft_module(self, old: ModuleType, new: ModuleType) -> None:
        living = old.__dict__
        for name, value in list(new.__dict__.items()):
            if name not in _KEPT:
                self._set_item(living, name, self._graft(living.get(name, _MISSING), value))
        for name in [n for n in living if n not in new.__dict__ and n not in _KEPT]:
            self._set_item(living, name, _MISSING)
        new.__dict__.update({n: v for n, v in living.items() if n not in _KEPT})

    def _graft(self, before: Any, value: Any) -> Any:
        """The living counterpart of a new value, with the new code in it."""
        if isinstance(value, type) and self._is_twin(before, value):
            self._graft_class(before, value)
            return before
        if isinstance(value, FunctionType) and self._is_twin(before, value):
            self._swap(before, value)
            return before
        return self._translate(value)

    def _is_twin(self, before: Any, value: object) -> bool:
        twin = self._twins.get(id(value))
        return twin is not None and twin is before

    # -- classes
    def _graft_class(self, old: type, new: type) -> None:
        for name, value in list(vars(new).items()):
            before = vars(old).get(name, _MISSING)
            if self._graft_callable(old, name, before, value) or _is_machinery(name):
                continue
            if isinstance(value, type) and self._is_twin(before, value):
                self._graft_class(before, value)
            elif type(value) in _DATA or before is _MISSING:
                self._set_attr(old, name, self._translate(value))
        for name, value in list(vars(old).items()):
            if name not in vars(new) and not _is_machinery(name) and isinstance(value, FunctionType):
                self._set_attr(old, name, _MISSING)

    def _graft_callable(self, old: type, name: str, before: Any, value: Any) -> bool:
        """Whether the attribute was a function, or something around functions; it now has the new code."""
        if name in ("__annotate__", "__annotate_func__"):
            return True
        news, olds = list(_functions_in(value)), list(_functions_in(before))
        if not news:
            return False
        if type(before) is type(value) and len(olds) == len(news):
            for older, newer in zip(olds, news, strict=True):
                self._swap(older, newer)
        elif isinstance(value, FunctionType):
            self._set_attr(old, name, self._translate(value))
        else:
            self._set_attr(old, name, self._rewrapped(value))
        return True

    def _rewrapped(self, value: Any) -> Any:
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self._translate(value.__func__))
        if isinstance(value, property):
            return property(*(self._translate(f) for f in (value.fget, value.fset, value.fdel)))
        return value

    # -- functions
    def _swap(self, old: FunctionType, new: FunctionType) -> None:
        if id(old) in self._swapped or old is new:
            return
        self._swapped.add(id(old))
        if old.__code__.co_freevars != new.__code__.co_freevars:
            raise CannotTransplant(f"{new.__qualname__} now uses other variables of the code around it")
        for attribute in ("__code__", "__doc__"):
            self._set_attr(old, attribute, getattr(new, attribute))
        self._set_attr(old, "__defaults__", self._translate(new.__defaults__))
        self._set_attr(old, "__kwdefaults__", self._translate(new.__kwdefaults__))
        for older, newer in zip(old.__closure__ or (), new.__closure__ or (), strict=True):
            self._swap_cell(older, newer)
        wrapped = getattr(old, "__wrapped__", None), getattr(new, "__wrapped__", None)
        if all(isinstance(w, FunctionType) for w in wrapped):
            self._swap(*wrapped)  # type: ignore[arg-type]

    def _swap_cell(self, old: types.CellType, new: types.CellType) -> None:
        before, value = _content(old), _content(new)
        if value is _MISSING or self._twins.get(id(value)) is before:
            return
        if isinstance(before, FunctionType) and isinstance(value, FunctionType):
            self._swap(before, value)
        else:
            self._set_attr(old, "cell_contents", self._translate(value))

    def _rebound(self, function: FunctionType) -> FunctionType:
        """A function without a living counterpart, at home in the living module."""
        closure = tuple(types.CellType(self._translate(_content(c))) for c in function.__closure__ or ())
        home = self._homes[id(function.__globals__)]
        twin = FunctionType(
            function.__code__, home, function.__name__, function.__defaults__, closure or None
        )
        twin.__kwdefaults__ = self._translate(function.__kwdefaults__)
        twin = functools.update_wrapper(twin, function)  # type: ignore[assignment]
        vars(twin).pop("__wrapped__", None)
        return twin

    # -- values
    def _translate(self, value: Any, depth: int = 0) -> Any:
        """The value with every new class and function in it replaced by the living one."""
        twin = self._twins.get(id(value), _MISSING)
        if twin is not _MISSING:
            return twin
        if isinstance(value, FunctionType) and self._is_new(value):
            self._twins[id(value)] = rebound = self._rebound(value)
            return rebound
        if depth >= _DEEPEST:
            return value
        if type(value) in (list, tuple, set, frozenset):
            items = [self._translate(v, depth + 1) for v in value]
            same = all(a is b for a, b in zip(items, value, strict=True))
            return value if same else type(value)(items)
        if type(value) is dict:
            return {self._translate(k, depth + 1): self._translate(v, depth + 1) for k, v in value.items()}
        return self._translated_instance(value, depth)

    def _translated_instance(self, value: Any, depth: int) -> Any:
        """An instance of a new class becomes one of the living class."""
        living = self._twins.get(id(type(value)))
        if living is None:
            return value
        value.__class__ = living
        for name, item in list(getattr(value, "__dict__", {}).items()):
            value.__dict__[name] = self._translate(item, depth + 1)
        return value

    # -- changes that can be undone
    def _set_item(self, target: dict[str, Any], name: str, value: Any) -> None:
        before = target.get(name, _MISSING)
        self._undo.append(lambda: _put(target, name, before))
        _put(target, name, value)

    def _set_attr(self, target: Any, name: str, value: Any) -> None:
        before = vars(target).get(name, _MISSING) if isinstance(target, type) else getattr(target, name)
        if before is value:
            return
        self._undo.append(lambda: _assign(target, name, before))
        _assign(target, name, value)


def _put(target: dict[str, Any], name: str, value: Any) -> None:
    if value is _MISSING:
        target.pop(name, None)
    else:
        target[name] = value


def _assign(target: Any, name: str, value: Any) -> None:
    if value is _MISSING:
        delattr(target, name)
    else:
        setattr(target, name, value)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _functions_in(value: Any) -> Iterator[FunctionType]:
    """The plain functions that an attribute of a class consists of."""
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, staticmethod | classmethod):
        yield from _functions_in(value.__func__)
    elif isinstance(value, property):
        yield from (f for f in (value.fget, value.fset, value.fdel) if isinstance(f, FunctionType))
    elif isinstance(value, functools.cached_property):
        yield from _functions_in(value.func)
    elif type(value).__name__ == "PydanticDescriptorProxy":
        yield from _functions_in(value.wrapped)


def _is_machinery(name: str) -> bool:
    """Attributes that python and pydantic make themselves."""
    return (name.startswith("__") and name.endswith("__")) or name.startswith(("model_", "_abc_"))
