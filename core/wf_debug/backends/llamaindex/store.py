"""The state store as a step sees it, telling what is written."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from workflows.context import state_store

_EDITS_A_COPY = hasattr(state_store, "copy_state_for_edit")
"""Older engines hand out the committed values themselves for editing."""
Tell = Callable[[str, Any], None]


class ObservedStore:
    """Stands before the engine's store of one run."""

    def __init__(self, inner: Any, tell: Tell) -> None:
        self._inner, self._tell = inner, tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def set(self, path: str, value: Any) -> None:
        await self._inner.set(path, value)
        self._tell(path, value)

    async def set_state(self, state: Any) -> None:
        await self._inner.set_state(state)
        self._tell("", fields_of_state(await self._inner.get_state()))

    async def clear(self) -> None:
        await self._inner.clear()
        self._tell("", fields_of_state(await self._inner.get_state()))

    @asynccontextmanager
    async def edit_state(self) -> AsyncIterator[Any]:
        before = fields_of_state(await self._inner.get_state())
        if not _EDITS_A_COPY:
            before = {key: _kept(value) for key, value in before.items()}
        async with self._inner.edit_state() as draft:
            yield draft
        after = fields_of_state(draft)
        if before.keys() - after.keys():
            self._tell("", after)
            return
        for key, value in after.items():
            if key not in before or not _same(before[key], value):
                self._tell(key, value)


def fields_of_state(state: Any) -> dict[str, Any]:
    """Declared fields and dynamic ones."""
    items = getattr(state, "items", None)
    return {**state.__dict__, **dict(items() if callable(items) else ())}


def read_now(store: Any) -> dict[str, Any]:
    """The committed state, from any thread: reading takes no turn with the writers."""
    return fields_of_state(_at_once(store.get_state()))


def _at_once(reading: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that does not wait for anything."""
    try:
        reading.send(None)
    except StopIteration as done:
        return done.value
    reading.close()
    raise RuntimeError("the state is being written; try again")


def _kept(value: Any) -> Any:
    """A copy that later changes to the value don't reach, where it can be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def _same(before: Any, after: Any) -> bool:
    try:
        return bool(before == after)
    except Exception:
        return before is after
