"""What one run is doing now: its steps' workers and counts, folded from records.

Bounded by the run's steps and by what is unfinished in it; nothing grows with history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from wf_debug.trace import records as r

RunStatus = Literal["running", "finished", "failed", "cancelled", "timed_out"]
WorkerStatus = Literal["running", "held", "waiting"]
EdgeKey = tuple[str, str, str]
"""Source step (or "start", "you"), event type, target step."""
_OUTSIDE = {"start": "start"}


@dataclass(frozen=True, slots=True)
class RunState:
    """How a run stands. `t` is its clock at the last record, `result` and `error` previews, `stuck` the
    diagnosis if any."""

    run: str
    workflow: str
    status: RunStatus
    t: float
    wall: float
    started_wall: float
    result: str = ""
    error: str = ""
    stuck: str = ""
    parent_run: str | None = None
    parent_invocation: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A busy worker: the invocation in it and what that runs on. `since` is the wall time of its start."""

    worker: int
    invocation: int
    attempt: int
    status: WorkerStatus
    event_type: str
    event: str
    since: float


@dataclass(frozen=True, slots=True)
class StepActivity:
    """One step in one run. `finished`, `failed` (for good) and `emitted` count; `retrying` invocations wait
    for a delay.

    `error` is the last failure in words. `held` counts deliveries parked before it. `last` is the invocation
    to look at when none is under way: the one that failed last for good, else the one that started last.
    """

    step: str
    queued: int
    finished: int
    failed: int
    emitted: int
    retrying: int
    held: int
    workers: dict[int, WorkerState]
    error: str
    last: int | None = None


@dataclass(slots=True)
class _Event:
    """An event that some step has yet to start on; `pending` deliveries."""

    type: str
    preview: str
    producer: str
    pending: int = 1


@dataclass(slots=True)
class _Step:
    name: str
    queued: set[int] = field(default_factory=set)
    retrying: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    workers: dict[int, WorkerState] = field(default_factory=dict)
    finished: int = 0
    failed: int = 0
    emitted: int = 0
    error: str = ""
    started: int | None = None
    culprit: int | None = None
    shown: StepActivity | None = None

    def snapshot(self) -> StepActivity:
        if self.shown is None:
            counts = (
                len(self.queued),
                self.finished,
                self.failed,
                self.emitted,
                len(self.retrying),
                len(self.held),
            )
            workers = dict(sorted(self.workers.items()))
            self.shown = StepActivity(self.name, *counts, workers, self.error, self.culprit or self.started)
        return self.shown

    def leave(self, invocation: int | None) -> None:
        """The invocation is no longer queued, retrying or in a worker."""
        if invocation is None:
            return
        self.queued.discard(invocation)
        self.retrying.discard(invocation)
        for number in [n for n, w in self.workers.items() if w.invocation == invocation]:
            del self.workers[number]

    def idle(self) -> None:
        self.queued.clear()
        self.retrying.clear()
        self.held.clear()
        self.workers.clear()


class RunActivity:
    """The steps of one run as they are now."""

    def __init__(self) -> None:
        self.edges: Counter[EdgeKey] = Counter()
        self._steps: dict[str, _Step] = {}
        self._events: dict[int, _Event] = {}
        self._inputs: dict[int, tuple[str, str]] = {}

    def steps(self) -> dict[str, StepActivity]:
        return {name: step.snapshot() for name, step in self._steps.items()}

    def apply(self, record: r.Record) -> None:
        """Take the next record of the run."""
        fold = _FOLDS.get(type(record))
        if fold is not None:
            fold(self, record)

    def over(self) -> None:
        """The run ended: nothing is under way any more, counts stay."""
        self._events.clear()
        self._inputs.clear()
        self.interrupted()

    def brought_down(self, record: r.RunFailed) -> None:
        """The run failed in a step: that step failed, also when it had no time to say so itself."""
        if record.step is None or record.invocation is None:
            return
        step = self._step(record.step)
        if step.culprit != record.invocation:
            step.failed += 1
            step.culprit = record.invocation
            step.error = f"{record.error.type}: {record.error.message}"

    def interrupted(self) -> None:
        """The run goes on in another host: nothing is in a worker any more, what is to be done is still
        known."""
        for step in self._steps.values():
            step.idle()
            step.shown = None

    def _step(self, name: str | None) -> _Step:
        step = self._steps.setdefault(name or "", _Step(name or ""))
        step.shown = None
        return step

    # -- events
    def emitted(self, record: r.EventEmitted) -> None:
        if record.step is not None:
            self._step(record.step).emitted += 1
        producer = record.step or _OUTSIDE.get(record.by, "you")
        self._events[record.event] = _Event(record.type, record.payload.preview, producer)

    def routed(self, record: r.EventRouted) -> None:
        event = self._events.get(record.event)
        if event is None:
            return
        event.pending = len(record.steps)
        waiting = [
            w
            for step in self._steps.values()
            for w in step.workers.values()
            if w.invocation in record.waiters
        ]
        targets = {self._step_of(w.invocation) for w in waiting}
        for target in (*record.steps, *sorted(targets)):
            self.edges[event.producer, record.type, target] += 1
        if not record.steps:
            del self._events[record.event]

    def _step_of(self, invocation: int) -> str:
        in_worker = (
            s.name
            for s in self._steps.values()
            if any(w.invocation == invocation for w in s.workers.values())
        )
        return next(in_worker, "")

    def gone(self, record: r.EventUnhandled) -> None:
        self._events.pop(record.event, None)

    def dropped(self, record: r.Dropped) -> None:
        if record.event is not None:
            self._claim(record.event, all_of_it=record.step is None)
        if record.step is not None:
            self._step(record.step).leave(record.invocation)

    def duplicated(self, record: r.Duplicated) -> None:
        if record.event is not None and (event := self._events.get(record.event)):
            event.pending += 1

    def _claim(self, number: int, all_of_it: bool = False) -> _Event | None:
        """One delivery of the event is taken; with the last one it is forgotten."""
        event = self._events.get(number)
        if event is not None:
            event.pending -= 1
            if event.pending <= 0 or all_of_it:
                del self._events[number]
        return event

    # -- invocations
    def queued(self, record: r.InvocationQueued) -> None:
        if record.invocation is not None:
            self._take_input(record.invocation, record.events)
            self._step(record.step).queued.add(record.invocation)

    def _take_input(self, invocation: int, events: tuple[int, ...]) -> tuple[str, str]:
        """Type and preview of what the invocation runs on; of a join, the last."""
        if invocation not in self._inputs:
            known = [event for number in events if (event := self._claim(number))]
            more = f" and {len(events) - 1} more" if len(events) > 1 else ""
            self._inputs[invocation] = (known[-1].type + more, known[-1].preview) if known else ("", "")
        return self._inputs[invocation]

    def started(self, record: r.InvocationStarted) -> None:
        if record.invocation is not None:
            self._take_input(record.invocation, record.events)
            self._occupy(record, "running", record.worker)
            self._step(record.step).started = record.invocation

    def _occupy(self, record: r.InRun, status: WorkerStatus, worker: int | None = None) -> None:
        """Put the invocation into that worker, or the lowest free one when it is not known yet."""
        step = self._step(record.step)
        invocation = record.invocation or 0
        step.leave(invocation)
        number = (
            worker
            if worker is not None
            else next(n for n in range(len(step.workers) + 1) if n not in step.workers)
        )
        type_, preview = self._inputs.get(invocation, ("", ""))
        step.workers[number] = WorkerState(
            number, invocation, record.attempt, status, type_, preview, record.wall
        )

    def _set_status(self, record: r.InRun, status: WorkerStatus) -> bool:
        step = self._step(record.step)
        for number, worker in step.workers.items():
            if worker.invocation == record.invocation:
                step.workers[number] = WorkerState(
                    number,
                    worker.invocation,
                    worker.attempt,
                    status,
                    worker.event_type,
                    worker.event,
                    worker.since,
                )
                return True
        return False

    def waiting(self, record: r.InvocationWaiting) -> None:
        self._set_status(record, "waiting")

    def resumed(self, record: r.InvocationResumed) -> None:
        self._set_status(record, "running")

    def finished(self, record: r.InvocationFinished) -> None:
        self._end(record).finished += 1

    def failed(self, record: r.InvocationFailed) -> None:
        step = self._step(record.step) if not record.final else self._end(record)
        step.error = str(record.error)
        if record.final:
            step.failed += 1
            step.culprit = record.invocation
        else:
            step.leave(record.invocation)

    def cancelled(self, record: r.InvocationCancelled) -> None:
        self._end(record)

    def _end(self, record: r.InRun) -> _Step:
        step = self._step(record.step)
        step.leave(record.invocation)
        self._inputs.pop(record.invocation or 0, None)
        return step

    def retry_scheduled(self, record: r.RetryScheduled) -> None:
        if record.invocation is not None:
            self._step(record.step).retrying.add(record.invocation)

    # -- holds
    def held(self, record: r.Held) -> None:
        if record.step is None:
            return
        self._step(record.step).held.add(record.hold)
        if record.invocation is not None and not self._set_status(record, "held"):
            if record.event is not None and (event := self._events.get(record.event)):
                self._inputs.setdefault(record.invocation, (event.type, event.preview))
            self._occupy(record, "held")

    def released(self, record: r.Released) -> None:
        for step in self._steps.values():
            if record.hold in step.held:
                step.held.discard(record.hold)
                step.shown = None
        if record.invocation is not None and record.step is not None:
            self._set_status(record, "running")


_FOLDS: dict[type, Callable[[RunActivity, Any], None]] = {
    r.EventEmitted: RunActivity.emitted,
    r.EventRouted: RunActivity.routed,
    r.EventUnhandled: RunActivity.gone,
    r.Dropped: RunActivity.dropped,
    r.Duplicated: RunActivity.duplicated,
    r.InvocationQueued: RunActivity.queued,
    r.InvocationStarted: RunActivity.started,
    r.InvocationWaiting: RunActivity.waiting,
    r.InvocationResumed: RunActivity.resumed,
    r.InvocationFinished: RunActivity.finished,
    r.InvocationFailed: RunActivity.failed,
    r.InvocationCancelled: RunActivity.cancelled,
    r.RetryScheduled: RunActivity.retry_scheduled,
    r.Held: RunActivity.held,
    r.Released: RunActivity.released,
}
