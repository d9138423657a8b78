"""The timers of one run, on its clock."""

from __future__ import annotations

from collections.abc import Callable

from wf_core.engine.instrument import Clock, TimerHandle


class Timers:
    """Named timers; each name has one at most."""

    __slots__ = ("_clock", "_handles")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._handles: dict[tuple[str, int], TimerHandle] = {}

    def set(self, kind: str, number: int, delay: float, callback: Callable[[], object]) -> float:
        """Call back after `delay` seconds of the run's clock; returns the time on it when that will be."""
        key = (kind, number)

        def fire() -> None:
            self._handles.pop(key, None)
            callback()

        self.clear(kind, number)
        self._handles[key] = self._clock.call_later(delay, fire)
        return self._clock.now() + delay

    def clear(self, kind: str, number: int) -> None:
        """Forget the timer, if it is set."""
        handle = self._handles.pop((kind, number), None)
        if handle is not None:
            handle.cancel()

    def clear_all(self) -> None:
        """Forget every timer."""
        for kind, number in list(self._handles):
            self.clear(kind, number)
