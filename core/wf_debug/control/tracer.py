"""Numbering, timing and sending of records."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from wf_debug.control.clock import FreezableClock
from wf_debug.trace.encoding import json_of
from wf_debug.trace.records import Log, RecordBase

_BATCH_RECORDS = 500
_BATCH_BYTES = 4 * 1024 * 1024
_BACKLOG = 5_000
"""Records that may wait before whoever adds another one waits for the reader."""
_WINDOW = 0.01
_PROMPT_LOGS, _PROMPT_OTHERS = 20, 4
"""So many records are sent at once in every window of so many seconds; more than that are gathered."""
_GATHER, _LONGEST_GATHER = 0.005, 0.04
_NOTICEABLE = 0.01
"""Seconds of sending from which on the run was kept waiting."""


class _Allowance:
    """So many a window."""

    __slots__ = ("_left", "_much", "_since")

    def __init__(self, much: int) -> None:
        self._much = self._left = much
        self._since = 0.0

    def take(self) -> bool:
        now = time.monotonic()
        if now - self._since > _WINDOW:
            self._since, self._left = now, self._much
        self._left -= 1
        return self._left >= 0


class Sender(Protocol):
    def __call__(self, line: bytes) -> None:
        """Send one whole line, waiting for a slow reader; does nothing once the reader is gone."""


class Tracer:
    """The one place records come from: any thread emits, the reader gets them in order of `seq`.

    Where the rate is low a record is in the socket before `emit` returns, so that a crash right after keeps
    it; in a burst records are gathered for some milliseconds, and `flush` is called before each step starts.
    """

    def __init__(
        self,
        send: Sender,
        clock: FreezableClock,
        first_seq: int = 1,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._send, self._clock, self._wall = send, clock, wall
        self._seq = first_seq - 1
        self._starts: dict[str, float] = {}
        self._waiting: list[dict[str, Any]] = []
        self._flushes = 0
        self._lock = threading.RLock()
        self._sending = threading.RLock()
        self._in_batch = False
        self._wake = threading.Event()
        self._prompt_logs, self._prompt_others = _Allowance(_PROMPT_LOGS), _Allowance(_PROMPT_OTHERS)
        self._closed = False
        self._gatherer = threading.Thread(target=self._gather, name="wf-debug records", daemon=True)
        self._gatherer.start()

    # -- run clocks
    def begin(self, run: str, t: float = 0.0) -> None:
        """The run's clock shows `t` now."""
        self._starts[run] = self._clock.now() - t

    def elapsed(self, run: str) -> float:
        """Seconds of run clock since the run began; 0 for an unknown run."""
        start = self._starts.get(run)
        return 0.0 if start is None else self._clock.now() - start

    # -- records
    def emit(self, kind: type[RecordBase], run: str = "", **fields: Any) -> None:
        """Add one record with the next number and the time. It is checked where it is read."""
        with self._lock:
            self._seq = seq = self._seq + 1
            t = self.elapsed(run) if run else 0.0
            name, wall = _kind_of(kind), self._wall()
            self._waiting.append({"kind": name, "seq": seq, "run": run, "t": t, "wall": wall, **fields})
            backlog = len(self._waiting)
        prompt = self._prompt_logs if kind is Log else self._prompt_others
        if prompt.take() or backlog > _BACKLOG:
            self.flush()
        elif not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Hand everything to the kernel; the time a slow reader takes is not counted by the run clock."""
        if not self._waiting:
            return
        self._flushes += 1
        before = time.monotonic()
        self._send_waiting()
        if (took := time.monotonic() - before) > _NOTICEABLE:
            self._clock.skip(took)

    def send_after_records(self, line: bytes) -> None:
        """Send another message, behind everything emitted so far."""
        with self._sending:
            self._send_waiting()
            self._send(line)

    def forked(self) -> None:
        """In a forked child: its records are not the session's."""
        self._closed = True
        self._lock, self._sending = threading.RLock(), threading.RLock()
        self._send = _discard

    def close(self) -> None:
        """Send what waits and end."""
        self._send_waiting()
        self._closed = True
        self._wake.set()

    def _send_waiting(self) -> None:
        with self._sending:
            if self._in_batch:
                self._wake.set()
                return  # a finalizer printed in the midst of a batch: its line comes after
            self._in_batch = True
            try:
                with self._lock:
                    batch, self._waiting = self._waiting, []
                for line in _lines(batch):
                    self._send(line)
            finally:
                self._in_batch = False

    def _gather(self) -> None:
        """Send what nobody flushes. A turn of this thread takes the interpreter from the run: turns are rare
        while others flush anyway."""
        pause = _GATHER
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            flushes = self._flushes
            time.sleep(pause)
            self._send_waiting()
            pause = _GATHER if self._flushes == flushes else min(2 * pause, _LONGEST_GATHER)


@functools.cache
def _kind_of(kind: type[RecordBase]) -> str:
    return str(kind.model_fields["kind"].default)


def _discard(line: bytes) -> None:
    pass


def _lines(batch: list[dict[str, Any]]) -> list[bytes]:
    """`Records` messages of bounded size."""
    lines: list[bytes] = []
    texts: list[bytes] = []
    size = 0
    for record in batch:
        text = json_of(record)
        if texts and (len(texts) >= _BATCH_RECORDS or size + len(text) > _BATCH_BYTES):
            lines.append(_line(texts))
            texts, size = [], 0
        texts.append(text)
        size += len(text)
    if texts:
        lines.append(_line(texts))
    return lines


def _line(texts: list[bytes]) -> bytes:
    return b'{"type":"records","records":[' + b",".join(texts) + b"]}\n"
