"""Signs of life of the loops that runs live on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_BEAT = 0.05
"""Seconds between two signs of life of a loop while runs are live."""
_STILL_ALIVE = 0.25
"""Seconds without one after which a loop counts as blocked."""


@dataclass(slots=True)
class _Life:
    thread: int
    seen: float


class Pulse:
    """Which loop does not turn. A loop beats from `begin` until no run is live."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._lives: dict[asyncio.AbstractEventLoop, _Life] = {}

    def begin(self) -> None:
        """Have the running loop show signs of life as long as runs are live."""
        loop = asyncio.get_running_loop()
        if loop in self._lives:
            self._lives[loop].seen = time.monotonic()
        elif self._busy():
            self._lives[loop] = _Life(threading.get_ident(), time.monotonic())
            loop.call_later(_BEAT, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._busy():
            self._lives[loop].seen = time.monotonic()
            loop.call_later(_BEAT, self._beat, loop)
        else:
            del self._lives[loop]

    def excuse(self, loop: asyncio.AbstractEventLoop) -> None:
        """It was stopped on purpose."""
        if loop in self._lives:
            self._lives[loop].seen = time.monotonic()

    def blocked(self) -> tuple[float, int | None]:
        """Seconds since the most silent loop last turned, and its thread; (0, None) while all do. Any
        thread."""
        now = time.monotonic()
        for loop in [loop for loop in list(self._lives) if loop.is_closed()]:
            self._lives.pop(loop, None)
        silent = [
            (now - life.seen, life.thread) for loop, life in list(self._lives.items()) if loop.is_running()
        ]
        longest, thread = max(silent, default=(0.0, 0))
        return (longest, thread) if longest > _STILL_ALIVE else (0.0, None)
