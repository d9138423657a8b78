"""What the run clock shows between two records: it runs with the wall unless the run is paused or over."""

from __future__ import annotations

import time
from collections.abc import Callable

_TOO_FAR = 1.0
"""Seconds ahead of the run from which the guess was wrong: the clock is slower than the wall while a run is
held back."""


class RunClock:
    """Follows one run's clock. `monotonic` is the source of time, in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._run = ""
        self._known = 0.0
        self._seen_at = 0.0
        self._shown = 0.0
        self._stopped = True

    def heard(self, run: str, t: float, stopped: bool) -> None:
        """A record of the run said `t`; `stopped` while it is paused or when it has ended."""
        if (run, t, stopped) == (self._run, self._known, self._stopped):
            return  # the same record again: what it said is as old as it was
        if run != self._run or stopped or self._stopped:
            self._shown = t
        self._run, self._known, self._seen_at, self._stopped = run, t, self._monotonic(), stopped

    def now(self) -> float:
        """Seconds of run clock since the run began; it stands rather than going back a little."""
        if self._stopped:
            return self._known
        guess = self._known + self._monotonic() - self._seen_at
        self._shown = max(guess, self._shown) if self._shown - guess < _TOO_FAR else guess
        return self._shown
