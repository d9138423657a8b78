"""How long one attempt of a step may take."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from wf_core.errors import StepTimeoutError

if TYPE_CHECKING:
    from wf_core.engine.runner import Run
    from wf_core.engine.state import Work


class Limit:
    """The time left to the attempt that `task` makes; it runs on the run's clock, and not while the body is
    in `wait_for_event`, which has a timeout of its own."""

    __slots__ = ("_ends", "_left", "_run", "_task", "_work", "expired")

    def __init__(self, run: Run, work: Work, task: asyncio.Task[Any], seconds: float) -> None:
        self._run = run
        self._work = work
        self._task = task
        self._left = seconds
        self._ends: float | None = None
        self.expired = False

    def go_on(self) -> None:
        """Let time pass."""
        if self._ends is None:
            self._ends = self._run.timers.set("step", self._work.id, self._left, self._expire)

    def halt(self) -> None:
        """Let no time pass."""
        if self._ends is not None:
            self._left = max(0.0, self._ends - self._run.clock.now())
            self._ends = None
            self._run.timers.clear("step", self._work.id)

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()


async def limited(run: Run, work: Work, body: Coroutine[Any, Any, Any], seconds: float) -> Any:
    """What the body returns; StepTimeoutError if the attempt takes longer than this.

    An async body is cancelled where it stands. A thread can't be: it runs on and what it returns is ignored.
    """
    task = asyncio.current_task()
    assert task is not None
    limit = work.limit = Limit(run, work, task, seconds)
    limit.go_on()
    try:
        return await body
    except asyncio.CancelledError:
        if limit.expired and task.cancelling() == 1:
            raise StepTimeoutError(
                f"Step {work.step!r} took longer than its timeout of {seconds:g} s"
            ) from None
        raise
    finally:
        limit.halt()
        work.limit = None
        if limit.expired:
            task.uncancel()
