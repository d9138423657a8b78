"""Where all records of a session come together: numbered, recorded, folded, told.

The host numbers its records from the number that it was given; the session's own records (a crash, a reload,
a line of native output) come in between. So the number that counts is given here: the record's own, or one
above the last when that is taken. Order is kept, numbers strictly rise.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wf_debug.trace.live import LiveState
from wf_debug.trace.recording import Recording, RecordingError
from wf_debug.trace.records import Note, Record

_RETRY = 1.0
"""Seconds between two tries to write a recording that could not be written."""


@dataclass(frozen=True, slots=True)
class Change:
    """Records `first_seq` to `last_seq` were added (none when `last_seq` is lower: the status changed)."""

    first_seq: int
    last_seq: int
    kinds: frozenset[str]


class Journal:
    """Takes records from any thread; writers wait for each other, readers of recording and live state do
    not."""

    def __init__(self, recording: Recording, live: LiveState, on_trouble: Callable[[str], None]) -> None:
        self.recording, self.live = recording, live
        self.on_change: list[Callable[[Change], None]] = []
        self._on_trouble = on_trouble
        self._lock = threading.RLock()
        self._last = recording.last_seq
        self._closing = threading.Event()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def last_seq(self) -> int:
        return self._last

    def add(self, records: Sequence[Record]) -> None:
        """Append a batch; returns when it is on file."""
        if not records:
            return
        with self._lock:
            batch = self._numbered(records)
            self._append(batch)
            self.live.apply_all(batch)
        self.tell(Change(batch[0].seq, batch[-1].seq, frozenset(r.kind for r in batch)))

    def write(self, kind: type[Any], run: str = "", **fields: Any) -> None:
        """Append one record of the session's own."""
        self.add([kind(run=run, wall=time.time(), **fields)])

    def note(self, text: str, level: str = "warning") -> None:
        """Append a remark."""
        self.write(Note, level=level, text=text)

    def _numbered(self, records: Sequence[Record]) -> list[Record]:
        batch: list[Record] = []
        for record in records:
            self._last = max(record.seq, self._last + 1)
            batch.append(
                record if record.seq == self._last else record.model_copy(update={"seq": self._last})
            )
        return batch

    def _append(self, batch: list[Record]) -> None:
        """A disk that is full stops the run (its host waits for us) until there is room again: nothing is
        lost."""
        try:
            self.recording.append(batch)
            return
        except RecordingError as error:
            self._on_trouble(str(error))
        while not self._closing.wait(_RETRY):
            try:
                self.recording.append([])
            except RecordingError:
                continue
            self._on_trouble("")
            return

    # -- telling
    def tell(self, change: Change) -> None:
        """Call the listeners and wake those who wait."""
        for listener in list(self.on_change):
            listener(change)
        for loop, event in list(self._listeners):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def tell_status(self) -> None:
        """No record, but something to look at again."""
        self.tell(Change(self._last + 1, self._last, frozenset()))

    def listen(self) -> asyncio.Event:
        """An event, on the running loop, that is set at every change until `unlisten`."""
        event = asyncio.Event()
        self._listeners.add((asyncio.get_running_loop(), event))
        return event

    def unlisten(self, event: asyncio.Event) -> None:
        self._listeners = {(loop, e) for loop, e in self._listeners if e is not event}

    def close(self) -> None:
        """Stop waiting for a disk that cannot be written."""
        self._closing.set()
