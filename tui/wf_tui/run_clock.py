"""What the run clock shows between two records: it runs with the wall unless the run is paused or over."""

from __future__ import annotations

import time
from collections.abc import Callable


class RunClock:
    """Follows one run's clock. `monotonic` is the source of time, in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._run = ""
        self._known = 0.0
        self._seen_at = 0.0
        self._stopped = True

    def heard(self, run: str, t: float, stopped: bool) -> None:
        """A record of the run said `t`; `stopped` while it is paused or when it has ended."""
        if run == self._run and not self._stopped and not stopped:
            t = max(t, self.now())
        self._run, self._known, self._seen_at, self._stopped = run, t, self._monotonic(), stopped

    def now(self) -> float:
        """Seconds of run clock since the run began."""
        return self._known if self._stopped else self._known + self._monotonic() - self._seen_at
