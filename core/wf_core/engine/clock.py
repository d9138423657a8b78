"""The clock of a run without an instrument: that of its event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class LoopClock:
    """Seconds on the loop's own clock."""

    __slots__ = ("_loop", "now")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.now = loop.time

    def call_later(self, delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call back after `delay` seconds."""
        return self._loop.call_later(delay, callback)
