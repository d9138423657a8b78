"""Filtered views of a table with dense positions: the filter as SQL, the matching positions kept up to date.

A view reads only what was added or changed since it was last asked: a filter costs one scan when first set.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from wf_debug.trace.rows import LogFilter, TimelineFilter

Condition = tuple[str, tuple[object, ...]]
"""SQL expression and its parameters."""

_WORD = re.compile(r'(?:(type|step|kind):)?(?:"([^"]*)"?|(\S+))')
_KEPT_VIEWS = 8


def _like(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


_FIELDS = {
    None: "(type || ' ' || preview || ' ' || producer || consumers)",
    "type": "type",
    "step": "(producer || ' ' || consumers)",
    "kind": "(kind || ' ' || outcome)",
}


def _words(text: str) -> Iterator[Condition]:
    for match in _WORD.finditer(text):
        field, quoted, plain = match.groups()
        word = quoted if quoted is not None else plain
        if word:
            yield f"{_FIELDS[field]} LIKE ? ESCAPE '\\'", (_like(word),)


def _joined(parts: list[Condition]) -> Condition:
    return " AND ".join(sql for sql, _ in parts) or "1", tuple(p for _, params in parts for p in params)


def timeline_condition(wanted: TimelineFilter) -> Condition:
    """The WHERE expression of a timeline filter."""
    parts: list[Condition] = []
    if wanted.run is not None:
        parts.append(("run = ?", (wanted.run,)))
    if wanted.type is not None:
        parts.append(("type = ?", (wanted.type,)))
    if wanted.step is not None:
        parts.append(("(producer = ? OR instr(consumers, ?))", (wanted.step, f" {wanted.step} ")))
    if wanted.only_problems:
        parts.append(("problem", ()))
    return _joined([*parts, *_words(wanted.text)])


def log_condition(wanted: LogFilter) -> Condition:
    """The WHERE expression of a log filter."""
    exact = (("step", wanted.step), ("invocation", wanted.invocation), ("run", wanted.run))
    parts: list[Condition] = [(f"{column} = ?", (value,)) for column, value in exact if value is not None]
    parts.extend(("text LIKE ? ESCAPE '\\'", (_like(word),)) for word in wanted.text.split())
    return _joined(parts)


class View:
    """The positions that match one condition, oldest first."""

    def __init__(self, table: str, condition: Condition) -> None:
        where, self._params = condition
        self._sql = f"SELECT pos FROM {table} WHERE pos >= ? AND ({where}) ORDER BY pos"
        self._positions = array("q")
        self._refreshing = threading.Lock()
        self._marking = threading.Lock()
        self._stale_from = 0

    def mark(self, position: int) -> None:
        """Rows from this position on were added or changed; never waits for a scan under way."""
        with self._marking:
            self._stale_from = min(self._stale_from, position)

    def _refresh(self, connection: sqlite3.Connection, count: int) -> None:
        with self._marking:
            start, self._stale_from = self._stale_from, max(self._stale_from, count)
        if start < count:
            del self._positions[bisect_left(self._positions, start) :]
            self._positions.extend(pos for (pos,) in connection.execute(self._sql, (start, *self._params)))

    def count(self, connection: sqlite3.Connection, count: int) -> int:
        """How many rows match; `count` is how many the table had before this call."""
        with self._refreshing:
            self._refresh(connection, count)
            return len(self._positions)

    def window(self, connection: sqlite3.Connection, count: int, start: int, limit: int) -> list[int]:
        """The positions of the matches `start` to `start + limit`."""
        with self._refreshing:
            self._refresh(connection, count)
            return self._positions[start : start + limit].tolist()

    def index(self, connection: sqlite3.Connection, count: int, position: int) -> int | None:
        """The how-manieth match this position is, None when it does not match."""
        with self._refreshing:
            self._refresh(connection, count)
            found = bisect_left(self._positions, position)
            return found if found < len(self._positions) and self._positions[found] == position else None


Filter = TypeVar("Filter", TimelineFilter, LogFilter)


class Views(Generic[Filter]):
    """The views in use of one table; the one not asked for longest is thrown out."""

    def __init__(self, table: str, condition: Callable[[Filter], Condition]) -> None:
        self._table = table
        self._condition: Callable[[Filter], Condition] = condition
        self._views: dict[Filter, View] = {}
        self._lock = threading.Lock()

    def get(self, wanted: Filter) -> View:
        with self._lock:
            view = self._views.pop(wanted, None) or View(self._table, self._condition(wanted))
            self._views[wanted] = view
            if len(self._views) > _KEPT_VIEWS:
                del self._views[next(iter(self._views))]
            return view

    def mark(self, position: int) -> None:
        """Rows from this position on were added or changed."""
        with self._lock:
            for view in self._views.values():
                view.mark(position)
