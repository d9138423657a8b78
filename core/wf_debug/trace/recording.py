"""A recording: everything that happened in a session, in one SQLite file that live view and post-mortem read.

One thread at a time appends; any number of threads read, each on a connection of its own, not waiting for the
writer.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wf_debug.graph import FlowGraph
from wf_debug.trace import queries, schema
from wf_debug.trace.records import Checkpoint, Log, Payload, Record
from wf_debug.trace.rows import (
    ALL,
    ALL_LOGS,
    CauseLink,
    EventDetail,
    InvocationDetail,
    LogFilter,
    LogRow,
    TimelineFilter,
    TimelineRow,
)
from wf_debug.trace.timeline import Delivery, Row, TimelineFold
from wf_debug.trace.views import Views, log_condition, timeline_condition


class RecordingError(Exception):
    """A recording that cannot be made, read or written; the message names the file and what to try."""


class RecordingExists(RecordingError):
    """The file is there already."""


class RecordingMeta(BaseModel):
    """What a recording says of itself. `flow` is the file, `created` Unix time, `version` wf-tui's."""

    model_config = ConfigDict(frozen=True)

    flow: str
    workflow: str = ""
    graph: FlowGraph | None = None
    also: tuple[FlowGraph, ...] = ()
    """The other workflows that ran."""
    engine: str = ""
    created: float = Field(default_factory=time.time)
    version: str = ""


@dataclass(slots=True)
class _Batch:
    """Rows to be written, kept until a transaction has taken them."""

    records: list[tuple[object, ...]] = field(default_factory=list)
    rows: dict[int, tuple[object, ...]] = field(default_factory=dict)
    updates: dict[int, tuple[object, ...]] = field(default_factory=dict)
    deliveries: list[tuple[int, str, int]] = field(default_factory=list)
    logs: list[tuple[object, ...]] = field(default_factory=list)

    def write(self, connection: sqlite3.Connection) -> None:
        connection.executemany(schema.INSERT_RECORD, self.records)
        connection.executemany(schema.INSERT_ROW, self.rows.values())
        connection.executemany(schema.UPDATE_ROW, self.updates.values())
        connection.executemany(schema.INSERT_DELIVERY, self.deliveries)
        connection.executemany(schema.INSERT_LOG, self.logs)


class Recording:
    """The records of one session. Make one with `create`, read a finished one with `open`."""

    def __init__(self, path: Path, writer: sqlite3.Connection | None) -> None:
        self.path = path
        self.meta = RecordingMeta(flow="")
        self._uri = f"{path.resolve().as_uri()}?mode=ro"
        self._writer = writer
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        """Held by whoever appends; readers never take it."""
        self._closed = False
        self._batch = _Batch()
        self._fold = TimelineFold(self._load_row)
        self._taken_seq = 0
        self._written_seq = 0
        self._written_rows = 0
        self._log_count = 0
        self._written_logs = 0
        self._timeline_views = Views("timeline", timeline_condition)
        self._log_views = Views("logs", log_condition)

    # -- making and opening
    @classmethod
    def create(cls, path: Path, meta: RecordingMeta) -> Recording:
        """Start a recording in a new file.

        Raises:
            RecordingExists: nothing recorded is overwritten.
            RecordingError: when the file cannot be made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            raise RecordingExists(f"{path} exists already: name another file, or remove it first") from None
        except OSError as error:
            raise RecordingError(f"cannot record to {path}: {error.strerror}") from error
        with _guarded(f"cannot record to {path}"):
            writer = _connect(f"{path.resolve().as_uri()}?mode=rw")
            writer.executescript(f"PRAGMA journal_mode = WAL; {schema.TABLES}")
        recording = cls(path, writer)
        recording.update_meta(meta)
        return recording

    @classmethod
    def open(cls, path: Path) -> Recording:
        """Open a recording for reading.

        Raises:
            RecordingError: when there is no such file, or it is no recording, cut short or too new.
        """
        if not path.is_file():
            raise RecordingError(f"there is no recording {path}")
        recording = cls(path, None)
        try:
            recording._check_format()
            recording.meta = recording._read_meta()
        except RecordingError:
            recording.close()
            raise
        return recording

    def _check_format(self) -> None:
        names = ("application_id", "user_version", "page_count", "page_size")
        trouble = "is damaged or cut short" if self._is_database() else "is not a wf-tui recording"
        with self._reading(f"{self.path} {trouble}") as connection:
            header = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
        application, version, pages, page_size = header
        if application != schema.APPLICATION_ID:
            raise RecordingError(f"{self.path} is not a wf-tui recording")
        if version > schema.SCHEMA_VERSION:
            raise RecordingError(
                f"{self.path} was made by a newer wf-tui (format {version}, not {schema.SCHEMA_VERSION}): "
                "update wf-tui to open it"
            )
        journal = self.path.with_name(self.path.name + "-wal")
        if not journal.exists() and pages * page_size > self.path.stat().st_size:
            raise RecordingError(
                f"{self.path} is cut short, its end is missing: copy it again from its source"
            )

    def _is_database(self) -> bool:
        try:
            with self.path.open("rb") as file:
                return file.read(len(_SQLITE)) == _SQLITE
        except OSError as error:
            raise RecordingError(f"cannot read {self.path}: {error.strerror}") from error

    def _read_meta(self) -> RecordingMeta:
        with self._reading(f"{self.path} is damaged") as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'recording'").fetchone()
        try:
            return RecordingMeta.model_validate_json(row[0] if row else "")
        except ValidationError as error:
            raise RecordingError(f"{self.path} is damaged: it does not say what it recorded") from error

    def update_meta(self, meta: RecordingMeta) -> None:
        """Replace what the recording says of itself."""
        with self._lock, self._writing() as connection:
            connection.execute(schema.PUT_META, ("recording", meta.model_dump_json()))
        self.meta = meta

    def close(self) -> None:
        """Give the file free; afterwards nothing can be read from it."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for reader in self._readers:
            reader.close()
        if self._writer is not None:
            # Without a journal file beside it, the recording can be copied and read from a read-only place.
            with suppress(sqlite3.Error):
                self._writer.execute("PRAGMA journal_mode = DELETE")
            self._writer.close()

    # -- writing
    def append(self, records: Sequence[Record]) -> None:
        """Add records, in order of `seq`, in one transaction.

        Raises:
            RecordingError: when the file cannot be written (a full disk). The records are kept and written by
                the next call, an empty one too, so that nothing is lost. Also when a `seq` is not higher than
                the last: then none is taken.
        """
        with self._lock:
            self._refuse_disorder(records)
            for record in records:
                self._take(record)
            self._collect_rows()
            lowest = min((*self._batch.rows, *self._batch.updates), default=None)
            with self._writing() as connection:
                self._batch.write(connection)
            self._batch = _Batch()
            self._fold.flushed()
            self._written_seq, self._written_rows = self._taken_seq, self._fold.count
            self._written_logs, logs_before = self._log_count, self._written_logs
            if lowest is not None:
                self._timeline_views.mark(lowest)
            if self._log_count > logs_before:
                self._log_views.mark(logs_before)

    def _refuse_disorder(self, records: Sequence[Record]) -> None:
        last = self._taken_seq
        for record in records:
            if record.seq <= last:
                raise RecordingError(f"record {record.seq} ({record.kind}) comes after record {last}")
            last = record.seq

    def _take(self, record: Record) -> None:
        self._taken_seq = record.seq
        is_log, fields = isinstance(record, Log), record.__dict__
        invocation = None if is_log else fields.get("invocation")
        about = (record.seq, record.run, record.kind, invocation, fields.get("event"))
        self._batch.records.append((*about, record.model_dump_json()))
        if isinstance(record, Log):
            self._batch.logs.append(_log_columns(self._log_count, record))
            self._log_count += 1
        else:
            self._fold.apply(record)

    def _collect_rows(self) -> None:
        for row in self._fold.dirty.values():
            if row.stored:
                self._batch.updates[row.pos] = (*row.changing_columns(), row.pos)
            else:
                self._batch.rows[row.pos] = row.columns()
        self._batch.deliveries = list(self._fold.deliveries)

    def _load_row(self, run: str, event: int) -> Row | None:
        """A settled event row for the fold; called while appending."""
        assert self._writer is not None
        found = self._writer.execute(_SETTLED_ROW, (event, run)).fetchone()
        if found is None:
            return None
        pos, shares, *columns = found
        row = _timeline_row(columns)
        return Row(
            pos=pos,
            seq=row.seq,
            run=run,
            t=row.t,
            wall=row.wall,
            kind=row.kind,
            type=row.type,
            preview=row.preview,
            producer=row.producer,
            producer_invocation=row.producer_invocation,
            event=event,
            duration=row.duration,
            base=row.outcome,
            version=row.version,
            routed=True,
            stored=True,
            deliveries=[Delivery(*share) for share in json.loads(shares or "[]")],
        )

    # -- reading
    @property
    def last_seq(self) -> int:
        """The highest sequence number in the file, 0 when it is empty."""
        if self._writer is not None:
            return self._written_seq
        with self._reading() as connection:
            last: int = connection.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()[0]
            return last

    def records(self, after: int = 0, limit: int | None = None, run: str | None = None) -> list[Record]:
        """The records with a `seq` above `after`, oldest first, at most `limit`, of one run if given."""
        of_run, params = ("", ()) if run is None else (" AND run = ?", (run,))
        sql = f"SELECT seq, body FROM records WHERE seq > ?{of_run} ORDER BY seq LIMIT ?"
        with self._reading() as connection:
            return queries.in_sequence(
                connection.execute(sql, (after, *params, -1 if limit is None else limit))
            )

    def batches(self, run: str | None = None) -> Iterator[list[Record]]:
        """All records, or those of one run, oldest first, some thousands at a time."""
        after = 0
        while records := self.records(after, _BATCH, run):
            yield records
            after = records[-1].seq

    def record(self, seq: int) -> Record | None:
        """The record of that number."""
        with self._reading() as connection:
            found = queries.in_sequence(
                connection.execute("SELECT seq, body FROM records WHERE seq = ?", (seq,))
            )
        return found[0] if found else None

    def last_checkpoint(self, run: str, until: int | None = None) -> Checkpoint | None:
        """The run's last one, at or before the record `until` if given."""
        with self._reading() as connection:
            return queries.last_checkpoint(connection, run, until)

    def timeline_count(self, wanted: TimelineFilter = ALL) -> int:
        """How many timeline rows match."""
        with self._reading() as connection:
            rows = self._rows(connection)
            return rows if wanted == ALL else self._timeline_views.get(wanted).count(connection, rows)

    def timeline(self, wanted: TimelineFilter, start: int, limit: int) -> list[TimelineRow]:
        """The matching rows `start` to `start + limit`, oldest first."""
        start = max(start, 0)
        with self._reading() as connection:
            if wanted == ALL:
                found = connection.execute(_TIMELINE_WINDOW, (start, start + max(limit, 0)))
            else:
                chosen = self._timeline_views.get(wanted).window(
                    connection, self._rows(connection), start, max(limit, 0)
                )
                found = connection.execute(_picked(_TIMELINE_PICKED, chosen))
            return [_timeline_row(columns) for columns in found]

    def position_of(self, seq: int, wanted: TimelineFilter = ALL) -> int | None:
        """Where the row made by record `seq` stands among the matching rows; None when it is not among
        them."""
        with self._reading() as connection:
            row = connection.execute("SELECT pos FROM timeline WHERE seq = ?", (seq,)).fetchone()
            if row is None or wanted == ALL:
                return row[0] if row else None
            return self._timeline_views.get(wanted).index(connection, self._rows(connection), row[0])

    def logs_count(self, wanted: LogFilter = ALL_LOGS) -> int:
        """How many log lines match."""
        with self._reading() as connection:
            rows = self._log_rows(connection)
            return rows if wanted == ALL_LOGS else self._log_views.get(wanted).count(connection, rows)

    def logs(self, wanted: LogFilter, start: int, limit: int) -> list[LogRow]:
        """The matching log lines `start` to `start + limit`, oldest first."""
        start = max(start, 0)
        with self._reading() as connection:
            if wanted == ALL_LOGS:
                found = connection.execute(_LOGS_WINDOW, (start, start + max(limit, 0)))
            else:
                chosen = self._log_views.get(wanted).window(
                    connection, self._log_rows(connection), start, max(limit, 0)
                )
                found = connection.execute(_picked(_LOGS_PICKED, chosen))
            return [LogRow(*columns) for columns in found]

    def event(self, run: str, event: int) -> EventDetail | None:
        """All about one event; None when the run emitted none of that number."""
        with self._reading() as connection:
            return queries.event_detail(connection, run, event)

    def invocation(self, run: str, invocation: int) -> InvocationDetail | None:
        """All about one invocation; None when there was none of that number."""
        with self._reading() as connection:
            return queries.invocation_detail(connection, run, invocation)

    def cause(self, run: str, event: int, limit: int | None = None) -> list[CauseLink]:
        """Why there is this event: itself, what it was emitted for, and so on up to what came from outside,
        or up to `limit` links."""
        with self._reading() as connection:
            return queries.cause_chain(connection, run, event, limit)

    @property
    def spill(self) -> Path:
        """The directory beside the recording that keeps payloads too large for a record."""
        return self.path.with_name(self.path.name + ".spill")

    def whole(self, payload: Payload) -> Any:
        """The JSON value of a payload, fetched from its spilled file where it was too large for its record.

        Raises:
            RecordingError: when that file is gone or unreadable.
        """
        if payload.handle is None:
            return payload.data
        try:
            kept = self.spill / Path(payload.handle).name
            return json.loads((kept if kept.exists() else Path(payload.handle)).read_bytes())
        except (OSError, ValueError) as error:
            raise RecordingError(
                f"the whole {payload.type} ({payload.size} bytes) cannot be read back: {error}"
            ) from error

    def _rows(self, connection: sqlite3.Connection) -> int:
        if self._writer is not None:
            return self._written_rows
        return self._count(connection, "timeline", self._timeline_views)

    def _log_rows(self, connection: sqlite3.Connection) -> int:
        if self._writer is not None:
            return self._written_logs
        return self._count(connection, "logs", self._log_views)

    def _count(self, connection: sqlite3.Connection, table: str, views: Views[Any]) -> int:
        """Rows in a file that another process may write: when it grew, earlier rows may have changed too."""
        last = self.last_seq
        if last != self._written_seq:
            self._written_seq = last
            self._timeline_views.mark(0)
            self._log_views.mark(0)
        count: int = connection.execute(f"SELECT coalesce(max(pos) + 1, 0) FROM {table}").fetchone()[0]
        return count

    # -- connections
    @contextmanager
    def _reading(self, trouble: str = "") -> Iterator[sqlite3.Connection]:
        """This thread's own connection."""
        with _guarded(trouble or f"cannot read {self.path}"):
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if self._closed:
                raise RecordingError(f"the recording {self.path} is closed")
            if connection is None:
                connection = self._local.connection = _connect(self._uri)
                self._readers.append(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, undone when anything in it fails."""
        with _guarded(f"cannot write the recording {self.path}"):
            if self._writer is None or self._closed:
                raise RecordingError(f"the recording {self.path} is not open for writing")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise


_SETTLED_ROW = f"""SELECT pos, deliveries, {schema.TIMELINE_COLUMNS} FROM timeline
WHERE event = ? AND run = ? ORDER BY pos DESC"""
_TIMELINE_WINDOW = f"SELECT {schema.TIMELINE_COLUMNS} FROM timeline WHERE pos >= ? AND pos < ? ORDER BY pos"
_TIMELINE_PICKED = f"SELECT {schema.TIMELINE_COLUMNS} FROM timeline WHERE pos IN (%s) ORDER BY pos"
_LOGS_WINDOW = f"SELECT {schema.LOG_COLUMNS} FROM logs WHERE pos >= ? AND pos < ? ORDER BY pos"
_LOGS_PICKED = f"SELECT {schema.LOG_COLUMNS} FROM logs WHERE pos IN (%s) ORDER BY pos"


def _picked(sql: str, positions: list[int]) -> str:
    return sql % ",".join(map(str, positions))


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.text_factory = _lenient
    return connection


def _lenient(raw: bytes) -> str:
    """Text of a damaged file, too."""
    return str(raw, "utf-8", "replace")


_SQLITE = b"SQLite format 3\0"
_BATCH = 5_000
"""Records that are read at once."""


@contextmanager
def _guarded(trouble: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise RecordingError(f"{trouble}: {error}") from error


def _timeline_row(columns: Sequence[Any]) -> TimelineRow:
    values = list(columns)
    values[10] = tuple(values[10].split())
    return TimelineRow(*values)


def _log_columns(position: int, log: Log) -> tuple[object, ...]:
    when = (position, log.seq, log.run, log.t, log.wall)
    return (*when, log.step, log.invocation, log.attempt, log.source, log.level, log.text)
