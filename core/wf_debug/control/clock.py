"""The run clock: real time minus the time that the debugger took away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

_EARLY = 1e-6
"""Seconds that a timer may be early: event loops round their waits."""


class Timer:
    """One callback due at a moment of the run clock. It asks the clock again whenever the loop wakes it, so
    freezing costs nothing: a timer that wakes too early goes back to sleep."""

    __slots__ = ("_callback", "_cancelled", "_clock", "_due", "_handle", "_loop")

    def __init__(self, clock: FreezableClock, due: float, callback: Callable[[], object]) -> None:
        self._clock, self._due, self._callback = clock, due, callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._cancelled = False
        self.arm()

    def arm(self) -> None:
        """Sleep until due. Called on the timer's loop."""
        if not self._cancelled:
            self._handle = self._loop.call_later(max(0.0, self._due - self._clock.now()), self._wake)

    def rearm(self) -> None:
        """`arm` from any thread; a closed loop has no timers any more."""
        try:
            self._loop.call_soon_threadsafe(self.arm)
        except RuntimeError:
            self._cancelled = True

    def cancel(self) -> None:
        self._cancelled = True
        self._clock.forget(self)
        if self._handle is not None:
            self._handle.cancel()

    def _wake(self) -> None:
        if self._cancelled or self._clock.park(self):
            return
        if self._due - self._clock.now() > _EARLY:
            self.arm()
        else:
            self._callback()


class FreezableClock:
    """Seconds that stand still while frozen, for every run in the process. Thread-safe."""

    def __init__(self, source: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._taken = 0.0
        self._frozen_at: float | None = None
        self._parked: set[Timer] = set()

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    def now(self) -> float:
        """Seconds, monotonic, not counting what was frozen or skipped."""
        frozen_at = self._frozen_at
        return self._source() - self._taken if frozen_at is None else frozen_at

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call back on the running loop once `delay` seconds of this clock have passed."""
        return Timer(self, self.now() + delay, callback)

    def freeze(self) -> bool:
        """Stand still; False when it already did."""
        with self._lock:
            if self._frozen_at is not None:
                return False
            self._frozen_at = self._source() - self._taken
            return True

    def thaw(self) -> bool:
        """Go on from where it stood; False when it was not frozen."""
        with self._lock:
            if self._frozen_at is None:
                return False
            self._taken = self._source() - self._frozen_at
            self._frozen_at = None
            parked, self._parked = self._parked, set()
        for timer in parked:
            timer.rearm()
        return True

    def skip(self, seconds: float) -> None:
        """Take `seconds` that just passed out of the count (the run was kept waiting by the debugger)."""
        with self._lock:
            if self._frozen_at is None:
                self._taken += seconds

    def park(self, timer: Timer) -> bool:
        """Keep a timer that woke while frozen until the thaw; False when the clock runs."""
        with self._lock:
            if self._frozen_at is None:
                return False
            self._parked.add(timer)
            return True

    def forget(self, timer: Timer) -> None:
        with self._lock:
            self._parked.discard(timer)
