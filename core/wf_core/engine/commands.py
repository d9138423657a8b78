"""What the broker asks its runner to do."""

from __future__ import annotations

from wf_core.engine.state import Pending, Wait, Work
from wf_core.events import Event


class Queued:
    """Told: all workers of the step are busy."""

    __slots__ = ("work",)

    def __init__(self, work: Work) -> None:
        self.work = work


class Unhandled:
    """Told: nobody takes the event."""

    __slots__ = ("pending",)

    def __init__(self, pending: Pending) -> None:
        self.pending = pending


class Resume:
    """Let the suspended body go on; `answer` None: its wait timed out."""

    __slots__ = ("answer", "wait")

    def __init__(self, wait: Wait, answer: Event | None) -> None:
        self.wait = wait
        self.answer = answer


class RetryLater:
    """Call `Broker.due` for the work after `delay` seconds."""

    __slots__ = ("delay", "work")

    def __init__(self, work: Work, delay: float) -> None:
        self.work = work
        self.delay = delay


class Fail:
    """End the run: the step failed for good (`work`), or an event could not be honoured."""

    __slots__ = ("attempts", "elapsed", "error", "step", "work")

    def __init__(
        self,
        step: str,
        error: BaseException,
        work: Work | None = None,
        attempts: int | None = None,
        elapsed: float | None = None,
    ) -> None:
        self.step = step
        self.error = error
        self.work = work
        self.attempts = attempts
        self.elapsed = elapsed


class Warn:
    """Tell the author."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


Command = Work | Pending | Queued | Unhandled | Resume | RetryLater | Fail | Warn
"""A work is to be started on its worker; a pending event is to be passed through the gate and routed."""
