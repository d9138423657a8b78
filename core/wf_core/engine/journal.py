"""The journal of a run: every input its broker was given and every change of its state, in order. What the
run is at any moment is a fold over them.

Records are text from the moment they are appended: an object kept alive per record would cost more than the
run itself.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from wf_core.engine import tail
from wf_core.errors import WorkflowRuntimeError

_SCHEMA = """
create table if not exists runs (number integer primary key, id text not null unique);
create table if not exists records (
    place integer primary key,  -- the number of the run and in the lower half the record's seq
    kind text not null, data text not null, at real not null
)
"""
_RUN = 1 << 32
"""Places that a run has for its records."""


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

    def elsewhere(self) -> set[str]:
        """The runs that another process is in the midst of."""


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

    def elsewhere(self) -> set[str]:
        """None: nobody else knows of them."""
        return set()


class SqliteJournal:
    """A journal in a SQLite file that any number of runs share, and that outlives its process.

    What was flushed survives the end of the process, however it ends. It is in the database when its run has
    ended, `batch` records are there, or somebody reads from here; until then it is in a file beside it, whose
    name ends in `.tail`.
    """

    def __init__(self, path: Path | str, *, batch: int = 500) -> None:
        """Open or make the file, and take in what a process that was killed left. Raises sqlite3.Error for a
        foreign file."""
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        _refuse_foreign(self._connection)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(_SCHEMA)
        self._batch = batch
        self._waiting: list[tuple[str, Record]] = []
        self._flushed = 0
        """How many of those are in the tail."""
        self._due = False
        self._latest = ("", 0)
        """The run that was written last, and its number."""
        self._path = Path(path).resolve()
        self._tail: tail.Tail | None = None
        if tail.AVAILABLE and Path(path).is_file():
            self._tail = tail.Tail(self._path)
            self.elsewhere()
            weakref.finalize(self, self._tail.close)

    def append(self, run_id: str, record: Record) -> None:
        """Keep the run's next record."""
        self._waiting.append((run_id, record))
        if record.kind == "stop" or len(self._waiting) >= self._batch:
            self._due = True

    def flush(self) -> None:
        """Make all that was appended outlive the process. What can't be written, on a full disk say, waits
        for the next flush; raises sqlite3.Error."""
        if self._due or self._tail is None:
            self.commit()
        elif self._flushed < len(self._waiting):
            try:
                self._tail.write(self._waiting[self._flushed :])
                self._flushed = len(self._waiting)
            except OSError:
                self.commit()

    def commit(self) -> None:
        """Put all that was appended into the database. Raises sqlite3.Error if that can't be."""
        if self._waiting:
            self._insert(self._waiting)
            self._waiting.clear()
            self._flushed = 0
            if self._tail is not None:
                self._tail.clear()
        self._due = False

    def _insert(self, entries: Sequence[tail.Entry]) -> None:
        latest = self._latest
        try:
            with self._connection:
                self._connection.execute("begin")
                self._connection.executemany(
                    "insert or ignore into records values (?, ?, ?, ?)",
                    [
                        (self._numbered(run) * _RUN + seq, kind, data, at)
                        for run, (seq, kind, data, at) in entries
                    ],
                )
        except BaseException:
            self._latest = latest
            raise

    def _numbered(self, run_id: str) -> int:
        """The run's number; it gets one with its first record."""
        known, number = self._latest
        if known != run_id:
            insert = "insert into runs (id) values (?)"
            number = self._number(run_id) or self._connection.execute(insert, (run_id,)).lastrowid or 0
            self._latest = (run_id, number)
        return number

    def _number(self, run_id: str) -> int | None:
        found = self._connection.execute("select number from runs where id = ?", (run_id,)).fetchone()
        return found[0] if found else None

    def _records(self, run_id: str, order: str) -> Iterator[Record]:
        """The run's records in the order of their places."""
        self.commit()
        number = self._number(run_id)
        if number is None:
            return
        places = (number * _RUN, number * _RUN, (number + 1) * _RUN - 1)
        yield from map(
            Record._make,
            self._connection.execute(
                "select place - ?, kind, data, at from records where place between ? and ? "
                f"order by place {order}",
                places,
            ),
        )

    def read(self, run_id: str) -> Iterator[Record]:
        """The run's records in order."""
        return self._records(run_id, "asc")

    def last(self, run_id: str) -> Record | None:
        """The run's last record, None if there is no such run."""
        return next(self._records(run_id, "desc"), None)

    def runs(self) -> list[str]:
        """The ids of all runs, in the order in which they began."""
        self.commit()
        return [run for (run,) in self._connection.execute("select id from runs order by number")]

    def elsewhere(self) -> set[str]:
        """The runs that another process is in the midst of; what ended ones left is taken in first."""
        return set() if self._tail is None else tail.take_over(self._path, self._insert)

    def close(self) -> None:
        """Commit, and close the file."""
        self.commit()
        self._connection.close()
        if self._tail is not None:
            self._tail.close()


def to_resume(journal: Journal, run_id: str | None) -> str:
    """The id of the run, if there is one; for None that of the last which did not come to its end, or of the
    last if all did. Runs that another process is in the midst of don't count.

    Raises WorkflowRuntimeError if there is none.
    """
    elsewhere = journal.elsewhere()
    if run_id in elsewhere or (elsewhere and run_id is None and not set(journal.runs()) - elsewhere):
        going = run_id or ", ".join(sorted(elsewhere))
        raise WorkflowRuntimeError(f"Run {going} is going on in another process; there is nothing to resume")
    known = [run for run in journal.runs() if run not in elsewhere]
    if run_id is None and known:
        return next((each for each in reversed(known) if not has_ended(journal, each)), known[-1])
    if run_id is None:
        raise WorkflowRuntimeError("The journal holds no run that can go on; it is empty")
    if run_id not in known:
        latest = ", ".join(known[-5:]) or "none"
        raise WorkflowRuntimeError(f"The journal holds no run {run_id!r}; the latest are: {latest}")
    return run_id


def has_ended(journal: Journal, run_id: str) -> bool:
    """Whether there is nothing left of the run to go on. A cancelled run's state was kept."""
    last = journal.last(run_id)
    return last is not None and last.kind == "stop" and json.loads(last.data)[1] != {"keep": True}


def _refuse_foreign(connection: sqlite3.Connection) -> None:
    """A database that says whose it is, or has tables of our names for something else, is not written to."""
    try:
        (owner,) = connection.execute("pragma application_id").fetchone()
        if owner:
            raise sqlite3.DatabaseError("it is the database of another program")
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
        if "records" in tables:
            connection.execute("select place, kind, data, at from records limit 0")
        if "runs" in tables:
            connection.execute("select number, id from runs limit 0")
    except sqlite3.Error:
        connection.close()
        raise
