"""A run clock that a test winds by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class HandClock:
    """Time passes when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0
        self.timers: list[Timer] = []

    def now(self) -> float:
        return self.time

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(self, self.time + delay, callback)
        self.timers.append(timer)
        return timer

    async def pass_by(self, seconds: float) -> None:
        """Let the time pass and everything happen that it brings about."""
        await settled()
        self.time += seconds
        for timer in sorted(self.timers, key=lambda t: t.due):
            if timer in self.timers and timer.due <= self.time:
                self.timers.remove(timer)
                timer.callback()
        await settled()


class Timer:
    def __init__(self, clock: HandClock, due: float, callback: Callable[[], object]) -> None:
        self.clock, self.due, self.callback = clock, due, callback

    def cancel(self) -> None:
        if self in self.clock.timers:
            self.clock.timers.remove(self)


async def settled() -> None:
    for _ in range(30):
        await asyncio.sleep(0)
