"""The journal of a run: every input its broker was given and every change of its state, in order. What the
run is at any moment is a fold over them.

Records are text from the moment they are appended: an object kept alive per record would cost more than the
run itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from wf_core.errors import WorkflowRuntimeError

_SCHEMA = """
create table if not exists records (
    id integer primary key, run text not null, seq integer not null, kind text not null, data text not null,
    at real not null, unique (run, seq)
)
"""


class Record(NamedTuple):
    """One entry of a run: a method of the broker and its arguments, or a change, as JSON text."""

    seq: int
    """Place in the run, from 0."""
    kind: str
    data: str
    at: float = 0.0
    """Seconds of run clock since the run began."""


class Journal(Protocol):
    """Keeps the records of runs."""

    def append(self, run_id: str, record: Record) -> None:
        """Keep the run's next record."""

    def flush(self) -> None:
        """Make all that was appended durable."""

    def read(self, run_id: str) -> Iterator[Record]:
        """The run's records in order."""

    def last(self, run_id: str) -> Record | None:
        """The run's last record, None if there is no such run."""

    def runs(self) -> list[str]:
        """The ids of all runs, in the order in which they began."""


class MemoryJournal:
    """A journal that lasts as long as the process."""

    def __init__(self) -> None:
        self._records: dict[str, list[tuple[int, str, str, float]]] = {}
        """Plain tuples: the garbage collector looks at each of them but once."""

    def append(self, run_id: str, record: Record) -> None:
        """Keep the run's next record."""
        self._records.setdefault(run_id, []).append(record[:])

    def flush(self) -> None:
        """Nothing to do."""

    def read(self, run_id: str) -> Iterator[Record]:
        """The run's records in order."""
        yield from map(Record._make, self._records.get(run_id, ()))

    def last(self, run_id: str) -> Record | None:
        """The run's last record, None if there is no such run."""
        records = self._records.get(run_id)
        return Record(*records[-1]) if records else None

    def runs(self) -> list[str]:
        """The ids of all runs, in the order in which they began."""
        return list(self._records)


class SqliteJournal:
    """A journal in a SQLite file that any number of runs share, and that outlives its process.

    Records are committed at each `flush`, and in batches between. What was flushed survives the end of the
    process, however it ends.
    """

    def __init__(self, path: Path | str, *, batch: int = 500) -> None:
        """Open or make the file; at most `batch` records wait for their commit. Raises sqlite3.Error for a
        foreign file."""
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute(_SCHEMA)
        self._batch = batch
        self._waiting: list[tuple[str, int, str, str, float]] = []

    def append(self, run_id: str, record: Record) -> None:
        """Keep the run's next record."""
        self._waiting.append((run_id, record.seq, record.kind, record.data, record.at))
        if len(self._waiting) >= self._batch:
            self.flush()

    def flush(self) -> None:
        """Commit all that was appended."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._connection.execute("begin")
            self._connection.executemany(
                "insert into records (run, seq, kind, data, at) values (?, ?, ?, ?, ?)", waiting
            )
            self._connection.execute("commit")

    def read(self, run_id: str) -> Iterator[Record]:
        """The run's records in order."""
        self.flush()
        rows = self._connection.execute(
            "select seq, kind, data, at from records where run = ? order by seq", (run_id,)
        )
        for row in rows:
            yield Record(*row)

    def last(self, run_id: str) -> Record | None:
        """The run's last record, None if there is no such run."""
        self.flush()
        row = self._connection.execute(
            "select seq, kind, data, at from records where run = ? order by seq desc limit 1", (run_id,)
        ).fetchone()
        return Record(*row) if row else None

    def runs(self) -> list[str]:
        """The ids of all runs, in the order in which they began."""
        self.flush()
        rows = self._connection.execute("select run from records where seq = 0 order by id")
        return [run for (run,) in rows]

    def close(self) -> None:
        """Commit, and close the file."""
        self.flush()
        self._connection.close()


def unfinished(journal: Journal, run_id: str | None) -> str:
    """The id of the run if it did not come to its end; for None that of the last such run.

    Raises WorkflowRuntimeError if there is none.
    """
    known = journal.runs()
    if run_id is None:
        going = [each for each in known if not _ended(journal, each)]
        if not going:
            raise WorkflowRuntimeError(
                "The journal holds no run that can go on"
                + (f": all {len(known)} have ended" if known else "; it is empty")
            )
        return going[-1]
    if run_id not in known:
        latest = ", ".join(known[-5:]) or "none"
        raise WorkflowRuntimeError(f"The journal holds no run {run_id!r}; the latest are: {latest}")
    if _ended(journal, run_id):
        raise WorkflowRuntimeError(f"Run {run_id!r} has ended; there is nothing to resume")
    return run_id


def _ended(journal: Journal, run_id: str) -> bool:
    """A cancelled run has not: its state was kept."""
    last = journal.last(run_id)
    return last is not None and last.kind == "stop" and json.loads(last.data)[1] != {"keep": True}
