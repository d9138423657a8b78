"""The state machine of a run: inputs change the state in place, commands say what is to be done.

Pure: no clock, no I/O, no asyncio; ids come from counters, so the same inputs give the same state and
commands again. An event's cost does not depend on how many came before it, nor on the number of steps.

What counts as alive (`live`) is whatever can still move the run by itself: events on their way, queued,
running and delayed works. A wait is not: only something from outside ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wf_core.engine import collecting
from wf_core.engine.awaited import Awaited
from wf_core.engine.commands import Command, Fail, Queued, Resume, RetryLater, Unhandled
from wf_core.engine.joins import Joins
from wf_core.engine.partners import Partners
from wf_core.engine.plan import FlowPlan, StepPlan
from wf_core.engine.state import NO_RECOVERIES, How, Pending, StepState, StepStates, Stream, Wait, Work
from wf_core.events import Event, StepFailedEvent


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: the error, seconds since the first attempt began, and when."""

    error: Exception
    elapsed: float
    at: datetime


class Broker:
    """All state of one run."""

    def __init__(self, plan: FlowPlan) -> None:
        self.plan = plan
        self.steps = StepStates(plan)
        self.live = 0
        self.over = False
        self.emissions = 0
        self.invocations = 0
        self.wait_count = 0
        self.pending: dict[int, Pending] = {}
        self.works: dict[int, Work] = {}
        """Every unfinished invocation."""
        self.delayed: dict[int, Work] = {}
        """Failed works until their next attempt."""
        self.waits: dict[int, Wait] = {}
        self.waits_by_kind: dict[type[Event], Awaited] = {}
        self.joins = Joins(self)

    # -- events ----------------------------------------------------------------------------------------------
    def announce(
        self,
        event: Event,
        how: How,
        source: int | None = None,
        target: str | None = None,
        scope: Stream | None = None,
        recoveries: Mapping[str, int] = NO_RECOVERIES,
    ) -> Pending:
        """An event was emitted; it stays on its way until `route` or `forget`."""
        pending = self._emit(event, how, source, target, scope, recoveries)
        self.pending[pending.id] = pending
        return pending

    def _emit(
        self,
        event: Event,
        how: How,
        source: int | None,
        target: str | None,
        scope: Stream | None,
        recoveries: Mapping[str, int],
    ) -> Pending:
        self.emissions = number = self.emissions + 1
        self.live += 1
        if scope is not None:
            scope.open += 1
        return Pending(number, event, how, source, target, scope, recoveries)

    def route(self, pending: Pending) -> list[Command]:
        """Give the event to the waits and steps that take it."""
        del self.pending[pending.id]
        out: list[Command] = []
        self._route(pending, out)
        return out

    def _route(self, pending: Pending, out: list[Command]) -> None:
        kind, scope = type(pending.event), pending.scope
        waits = self._awaiting(pending.event) if self.waits else ()
        takers: Sequence[StepPlan] = self.plan.takers[kind]
        if waits or pending.target is not None:
            takers = self._takers(kind, pending.target, waits)
        if not takers and not waits:
            out.append(Unhandled(pending))
        for wait in waits:
            wait.emission = pending.id
            self._answer(wait, pending.event, out)
        for step in takers:
            self._deliver(step, pending, out)
        self.live -= 1
        if scope is not None:
            self.joins.leave(scope, out)

    def forget(self, pending: Pending) -> list[Command]:
        """The event is not to be routed at all."""
        del self.pending[pending.id]
        out: list[Command] = []
        self._left(pending.scope, out)
        return out

    def replace_event(self, pending: Pending, event: Event) -> None:
        """Another event travels in this one's place."""
        pending.event = event

    def _takers(self, kind: type[Event], target: str | None, waits: Sequence[Wait]) -> Sequence[StepPlan]:
        """The steps that an event is delivered to; one that waits for it does not get it as input too."""
        takers = self.plan.takers[kind]
        if target is None and not waits:
            return takers
        resumed = {wait.work.step for wait in waits}
        return [step for step in takers if target in (None, step.name) and step.name not in resumed]

    def _deliver(self, step: StepPlan, pending: Pending, out: list[Command]) -> None:
        if step.collects is not None:
            self.joins.member(step, pending, out)
        elif step.slots:
            self.joins.slot(step, pending, out)
        else:
            self.enqueue(step, (pending.event,), (pending.id,), pending.scope, pending.recoveries, out)

    # -- works -----------------------------------------------------------------------------------------------
    def enqueue(
        self,
        step: StepPlan,
        events: tuple[Event, ...],
        emissions: tuple[int, ...],
        scope: Stream | None,
        recoveries: Mapping[str, int],
        out: list[Command],
        trigger: int = 0,
    ) -> Work:
        """A new invocation of the step: started if a worker is free, else queued."""
        self.invocations = number = self.invocations + 1
        work = self.works[number] = Work(number, step, events, emissions, scope, recoveries, trigger)
        self.live += 1
        if scope is not None:
            scope.open += 1
        state = self.steps[step.name]
        if state.busy == step.full:
            state.line().append(work)
            out.append(Queued(work))
        else:
            self._occupy(state, work, out)
        return work

    def replace_input(self, work: Work, events: Sequence[Event]) -> None:
        """The work runs on these events instead."""
        work.replace_input(tuple(events))

    def repeat(self, work: Work) -> list[Command]:
        """Once more the same input, as another invocation that no instrument is asked about."""
        out: list[Command] = []
        w = work
        twin = self.enqueue(w.plan, w.events, w.emissions, w.scope, w.recoveries, out, w.trigger)
        twin.gated = False
        return out

    def returned(self, work: Work, events: Sequence[Event], *, fanned_out: bool) -> list[Command]:
        """The work is done. A list that was returned as such opens a stream, even when it is empty."""
        out: list[Command] = []
        scope = self.joins.open(work) if fanned_out else work.scope
        emitted = [self.announce(e, "returned", work.id, None, scope, work.recoveries) for e in events]
        self._retire(work, out)
        out.extend(emitted)
        if fanned_out and scope is not None:
            self.joins.leave(scope, out)
        return out

    def handed_on(self, work: Work, events: Sequence[Event], *, fanned_out: bool) -> list[Command]:
        """As `returned`, and the events are routed at once, in order: nobody is to be asked about them."""
        out: list[Command] = []
        if fanned_out:
            stream = self.joins.open(work)
            self._retire(work, out)
            for event in events:
                self._route(self._emit(event, "returned", work.id, None, stream, work.recoveries), out)
            self.joins.leave(stream, out)
        else:  # emitted first: that keeps the stream open which the work leaves
            scope = work.scope
            emitted = [self._emit(e, "returned", work.id, None, scope, work.recoveries) for e in events]
            self._retire(work, out)
            for pending in emitted:
                self._route(pending, out)
        return out

    def failed(self, work: Work, failure: Failure, delay: float | None) -> list[Command]:
        """An attempt failed. `delay` is what the retry policy said: seconds until the next attempt, None to
        give up."""
        out: list[Command] = []
        collecting.undo(self.steps[work.step].buffers, work.collected)
        work.collected = None
        work.last_error = failure.error
        work.failed_at = failure.at.timestamp()
        work.attempt += 1
        if delay is None:
            self._give_up(work, failure, out)
        elif delay > 0:
            self._vacate(work, out)
            self.delayed[work.id] = work
            out.append(RetryLater(work, delay))
        else:
            self.steps[work.step].line().appendleft(work)
            self._vacate(work, out)
        return out

    def due(self, work: Work) -> list[Command]:
        """The delay before the next attempt is over."""
        out: list[Command] = []
        del self.delayed[work.id]
        state = self.steps[work.step]
        state.line().appendleft(work)
        self._drain(state, out)
        return out

    def skipped(self, work: Work) -> list[Command]:
        """The work is not to run at all."""
        out: list[Command] = []
        self._retire(work, out)
        return out

    def _give_up(self, work: Work, failure: Failure, out: list[Command]) -> None:
        handler = work.plan.handler
        spent = work.recoveries.get(handler, 0) if handler is not None else 0
        if handler is None or spent >= self.plan.steps[handler].max_recoveries:
            out.append(Fail(work.step, failure.error, work, work.attempt, failure.elapsed))
            return
        event = StepFailedEvent(
            step_name=work.step,
            input_event=work.input,
            exception=failure.error,
            attempts=work.attempt,
            elapsed_seconds=failure.elapsed,
            failed_at=failure.at,
        )
        recoveries = {**work.recoveries, handler: spent + 1}
        rescue = self.announce(event, "returned", work.id, handler, work.scope, recoveries)
        self._retire(work, out)
        out.append(rescue)

    def _retire(self, work: Work, out: list[Command]) -> None:
        """The work is finished for good."""
        del self.works[work.id]
        self._vacate(work, out)
        self._left(work.scope, out)

    def _occupy(self, state: StepState, work: Work, out: list[Command]) -> None:
        """Put the work on the smallest free worker."""
        free = ~state.busy & (state.busy + 1)
        state.busy |= free
        state.running += 1
        work.worker = free.bit_length() - 1
        if work.resuming is None:
            out.append(work)
            return
        answers = work.answers or {}
        out.extend(Resume(wait, answers.get(wait.key)) for wait in work.resuming)
        work.resuming = None
        work.suspended = False

    def _vacate(self, work: Work, out: list[Command]) -> None:
        state = self.steps[work.step]
        if work.worker is not None:
            state.busy &= ~(1 << work.worker)
            state.running -= 1
            work.worker = None
        if state.queue:
            self._drain(state, out)

    def _drain(self, state: StepState, out: list[Command]) -> None:
        while state.queue and state.busy != state.plan.full:
            self._occupy(state, state.line().popleft(), out)

    def _left(self, scope: Stream | None, out: list[Command]) -> None:
        """Something that was alive no longer is."""
        self.live -= 1
        if scope is not None:
            self.joins.leave(scope, out)

    # -- waits -----------------------------------------------------------------------------------------------
    def wait(
        self, work: Work, key: str, kind: type[Event], requirements: Mapping[str, Any], timeout: float | None
    ) -> tuple[Wait, list[Command]]:
        """The work's body suspends itself; its worker is free for others meanwhile."""
        out: list[Command] = []
        self.wait_count += 1
        wait = Wait(self.wait_count, work, key, kind, requirements, timeout)
        self.register(wait)
        if not work.suspended:
            work.suspended = True
            self.live -= 1
            self._vacate(work, out)
        return wait, out

    def register(self, wait: Wait) -> None:
        """Have events matched with this wait."""
        self.waits[wait.id] = wait
        self.waits_by_kind.setdefault(wait.kind, Awaited()).add(wait)

    def unwait(self, wait: Wait) -> list[Command]:
        """The body gave the wait up by itself and runs on, on a worker if one is free."""
        out: list[Command] = []
        self._drop_wait(wait)
        work = wait.work
        if work.suspended and work.resuming is None:
            work.suspended = False
            self.live += 1
            state = self.steps[work.step]
            if state.busy != state.plan.full:
                work.resuming = []
                self._occupy(state, work, out)
        return out

    def asked(self, work: Work, key: str) -> bool:
        """Note that the prompt of this wait has been published; whether it had been before."""
        if work.asked is None:
            work.asked = set()
        before = key in work.asked
        work.asked.add(key)
        return before

    def wait_timed_out(self, wait: Wait) -> list[Command]:
        """Nothing came in time."""
        out: list[Command] = []
        self._answer(wait, None, out)
        return out

    def _awaiting(self, event: Event) -> list[Wait]:
        kinds = type(event).__mro__ if self.plan.waits_with_subclasses else (type(event),)
        awaited = [self.waits_by_kind[kind] for kind in kinds if kind in self.waits_by_kind]
        return [wait for waits in awaited for wait in waits.matching(event)]

    def _answer(self, wait: Wait, answer: Event | None, out: list[Command]) -> None:
        self._drop_wait(wait)
        work = wait.work
        if work.answers is None:
            work.answers = {}
        work.answers[wait.key] = answer
        if not work.suspended:
            out.append(Resume(wait, answer))
        elif work.resuming is not None:
            work.resuming.append(wait)
        else:
            self._requeue(wait, out)

    def _requeue(self, wait: Wait, out: list[Command]) -> None:
        """The suspended work wants a worker again; without a body it starts from its first line."""
        work = wait.work
        self.live += 1
        if wait.detached:
            work.suspended = False
            for other in [w for w in self.waits.values() if w.work is work]:
                self._drop_wait(other)
        else:
            work.resuming = [wait]
        state = self.steps[work.step]
        state.line().append(work)
        if state.busy == state.plan.full:
            out.append(Queued(work))
        self._drain(state, out)

    def _drop_wait(self, wait: Wait) -> None:
        del self.waits[wait.id]
        self.waits_by_kind[wait.kind].remove(wait)

    def collect(
        self, work: Work, event: Event, expected: Sequence[type[Event]], buffer: str
    ) -> list[Event] | None:
        """Gather events for a step: the whole set once it is complete, in the order of `expected`, else
        None."""
        return collecting.collect(self.steps[work.step].buffers, work, event, expected, buffer)

    def accepts(self, event: Event, target: str | None) -> tuple[list[str], list[int]]:
        """The steps and the waiting invocations that would take the event now."""
        waits = self._awaiting(event)
        takers = self._takers(type(event), target, waits)
        return [step.name for step in takers], [wait.work.id for wait in waits]

    def running(self) -> list[str]:
        """The steps that have an invocation on a worker."""
        if self.over:
            return []
        return [state.plan.name for state in self.steps.in_order() if state.running]

    def resume(self) -> list[Command]:
        """Start what a restored state has queued."""
        out: list[Command] = []
        for state in self.steps.in_order():
            self._drain(state, out)
        out.extend(RetryLater(work, work.due or 0.0) for work in self.delayed.values())
        return out

    # -- the end ---------------------------------------------------------------------------------------------
    def stop(self, *, keep: bool) -> list[Work]:
        """Nothing moves any more. Returns the works cut off; `keep` leaves them in the state to be
        continued."""
        self.over = True
        cut = list(self.works.values())
        if not keep:
            for state in self.steps.values():
                state.queue = ()
                state.buffers.clear()
                state.slots = Partners()
            for table in (self.works, self.pending, self.delayed, self.waits, self.waits_by_kind):
                table.clear()
            self.joins.streams.clear()
        return cut
