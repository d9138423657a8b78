"""The journal of a run: every input its broker was given, in order. The broker's state is a fold over them.

Records are text from the moment they are appended: an object kept alive per record would cost more than the
run itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_SCHEMA = """
create table if not exists inputs (
    run text not null, seq integer not null, kind text not null, data text not null,
    primary key (run, seq)
) without rowid
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One input: the broker's method, and its arguments as JSON text."""

    seq: int
    kind: str
    data: str


class Journal(Protocol):
    """Keeps the inputs of runs."""

    def append(self, run_id: str, seq: int, kind: str, data: str) -> None:
        """Keep the run's next record."""

    def flush(self) -> None:
        """Make all that was appended durable."""

    def read(self, run_id: str) -> Iterator[Record]:
        """The run's records in order."""

    def length(self, run_id: str) -> int:
        """Number of the run's records."""


class MemoryJournal:
    """A journal that lasts as long as the process."""

    def __init__(self) -> None:
        self._records: dict[str, list[tuple[str, str]]] = {}

    def append(self, run_id: str, seq: int, kind: str, data: str) -> None:
        """Keep the run's next record."""
        self._records.setdefault(run_id, []).append((kind, data))

    def flush(self) -> None:
        """Nothing to do."""

    def read(self, run_id: str) -> Iterator[Record]:
        """The run's records in order."""
        for seq, (kind, data) in enumerate(self._records.get(run_id, ())):
            yield Record(seq, kind, data)

    def length(self, run_id: str) -> int:
        """Number of the run's records."""
        return len(self._records.get(run_id, ()))


class SqliteJournal:
    """A journal in a SQLite file that any number of runs share.

    Records are committed in batches, and at each `flush`: what a killed process loses is at most the last
    batch.
    """

    def __init__(self, path: Path | str, *, batch: int = 500) -> None:
        """Open or make the file; `batch` records make a transaction. Raises sqlite3.Error for a foreign
        file."""
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute(_SCHEMA)
        self._batch = batch
        self._waiting: list[tuple[str, int, str, str]] = []

    def append(self, run_id: str, seq: int, kind: str, data: str) -> None:
        """Keep the run's next record."""
        self._waiting.append((run_id, seq, kind, data))
        if len(self._waiting) >= self._batch:
            self.flush()

    def flush(self) -> None:
        """Commit all that was appended."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._connection.execute("begin")
            self._connection.executemany("insert into inputs values (?, ?, ?, ?)", waiting)
            self._connection.execute("commit")

    def read(self, run_id: str) -> Iterator[Record]:
        """The run's records in order."""
        self.flush()
        rows = self._connection.execute(
            "select seq, kind, data from inputs where run = ? order by seq", (run_id,)
        )
        for row in rows:
            yield Record(*row)

    def length(self, run_id: str) -> int:
        """Number of the run's records."""
        self.flush()
        row = self._connection.execute("select count(*) from inputs where run = ?", (run_id,)).fetchone()
        return int(row[0])

    def close(self) -> None:
        """Commit, and close the file."""
        self.flush()
        self._connection.close()
