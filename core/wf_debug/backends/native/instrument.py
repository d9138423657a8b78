"""The engine's instrument: asks the controller at the gates, tells the tracer the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from wf_core.engine import instrument as engine
from wf_core.engine.instrument import Emission, Invocation, Outcome, Raised, RunEnd, RunHandle, Verdict
from wf_core.events import Event, InputRequiredEvent, StopEvent
from wf_core.representation import workflow_event_types
from wf_debug.backends.met import MetEvents
from wf_debug.backends.native import visits
from wf_debug.backends.native.graph import role_of
from wf_debug.backends.native.hints import unhandled_hint
from wf_debug.backends.native.run import LiveRun, Recorded
from wf_debug.backends.native.visits import type_of
from wf_debug.control.debugger import Debugger
from wf_debug.control.matching import Scene
from wf_debug.control.origin import Origin, current_origin
from wf_debug.control.visit import Decision, Visit
from wf_debug.trace import records
from wf_debug.trace.records import Payload


class NativeInstrument(engine.Instrument):
    """One for the process; every run of the native engine is under it."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self.met = MetEvents(debugger, Event, workflow_event_types, role_of)
        self._tracer, self._controller = debugger.tracer, debugger.controller
        self._encode = debugger.payloads.encode
        self.clock = self._clock = debugger.clock
        self.live: dict[str, LiveRun] = {}
        self.continued: dict[str, Recorded] = {}
        """Runs about to be continued from a snapshot."""

    # -- gates
    def emitting(self, run: RunHandle, emission: Emission) -> Verdict:
        live = self.live.get(run.run_id)
        if live is None:
            return None
        if not live.recorded.has(emission.id):
            self._record_emission(live, emission)
        live.on_their_way[emission.id] = emission.event
        cls = (type(emission.event),)
        producer = self._actor(live, emission.source)
        if self._controller.watches(run.run_id, "emit", producer[0], cls):
            visit = visits.of_event(
                run,
                "emit",
                emission.event,
                producer,
                self._payload,
                number=emission.id,
                source=emission.source,
            )
            if (verdict := self._ask(visit, live)) is not None:
                return verdict
        return self._delivering_to_waiter(live, emission, cls) if live.waiting else None

    def _delivering_to_waiter(self, live: LiveRun, emission: Emission, cls: tuple[type, ...]) -> Verdict:
        """An awaited event has no `starting` gate: here is the moment before the waiting step gets it."""
        run, event = live.handle, emission.event
        _, waiters = run.accepts(event, emission.target)
        for invocation in waiters:
            step, attempt = live.active.get(invocation, (live.waiting.get(invocation, ""), 0))
            if self._controller.watches(run.run_id, "deliver", step, cls):
                waiter = (step, invocation, attempt)
                visit = visits.of_event(run, "deliver", event, waiter, self._payload, number=emission.id)
                return self._ask(visit, live)
        return None

    def starting(self, run: RunHandle, invocation: Invocation) -> Verdict:
        live = self.live.get(run.run_id)
        if live is None:
            return None
        live.active[invocation.id] = (invocation.step, invocation.attempt)
        classes = visits.input_classes(invocation)
        if not self._controller.watches(run.run_id, "deliver", invocation.step, classes):
            return None
        return self._ask(visits.of_delivery(run, invocation, self._payload), live)

    def ended(self, run: RunHandle, invocation: Invocation, outcome: Outcome) -> Verdict:
        live = self.live.get(run.run_id)
        if live is None:
            return None
        classes = visits.outcome_classes(invocation, outcome)
        if not self._controller.watches(run.run_id, "after", invocation.step, classes):
            return None
        live.ended[invocation.id] = perf_counter()
        return self._ask(visits.of_outcome(run, invocation, outcome, self._payload), live)

    def publishing(self, run: RunHandle, event: Event, source: int | None) -> Verdict:
        live = self.live.get(run.run_id)
        if live is None:
            return None
        actor = self._actor(live, source)
        if not self._controller.watches(run.run_id, "publish", actor[0], (type(event),)):
            return None
        number = live.number_of(event)
        return self._ask(visits.of_event(run, "publish", event, actor, self._payload, number=number), live)

    def _ask(self, visit: Visit, live: LiveRun) -> Verdict:
        future: asyncio.Future[Verdict] = live.loop.create_future()
        visit.decide = _resolver(future, live.loop)
        match self._controller.visit(visit):
            case None:
                return None
            case Decision() as decided:
                return _verdict(decided)
            case _:
                return engine.Hold(future)

    # -- told
    def run_started(self, run: RunHandle, start: Event | None) -> None:
        parent = current_origin.get()
        if self._debugger.loading:
            self._refuse_run_at_import(run)
            return
        self._debugger.run_starting(run.workflow)
        current_origin.set(Origin(run.run_id))
        recorded = self.continued.pop(run.run_id, Recorded())
        known_types = self.met.classes(type(run.workflow))
        live = LiveRun(run, asyncio.get_running_loop(), known_types, recorded)
        live.waiting.update(recorded.waiting)
        self.live[run.run_id] = live
        self._tracer.begin(run.run_id, recorded.elapsed)
        self._tracer.emit(
            records.RunStarted,
            run.run_id,
            workflow=type(run.workflow).__name__,
            input=self._payload(start)
            if start is not None
            else Payload(type="Snapshot", preview="", data={}),
            parent_run=parent.run or None,
            parent_invocation=parent.invocation,
            resumed=start is None,
        )
        self._debugger.run_began()

    def _refuse_run_at_import(self, run: RunHandle) -> None:
        self._debugger.started_while_loading.append(self._debugger.user_code.place_of_caller())
        run.cancel()

    def routed(self, run: RunHandle, emission: Emission, steps: list[str], waiters: list[int]) -> None:
        live = self.live.get(run.run_id)
        if live is None:
            return
        if emission.id not in live.on_their_way and not live.recorded.has(emission.id):
            self._record_emission(live, emission)  # the second of a duplicated event passes no gate
        live.on_their_way.pop(emission.id, None)
        name = type(emission.event).__name__
        if steps or waiters:
            self._tracer.emit(
                records.EventRouted,
                run.run_id,
                event=emission.id,
                type=name,
                steps=tuple(steps),
                waiters=tuple(waiters),
            )
        elif not isinstance(emission.event, InputRequiredEvent):
            hint = unhandled_hint(run.workflow, emission.event)
            self._tracer.emit(records.EventUnhandled, run.run_id, event=emission.id, type=name, hint=hint)

    def queued(self, run: RunHandle, invocation: Invocation) -> None:
        self._emit(run, records.InvocationQueued, invocation, events=invocation.emissions)

    def started(self, run: RunHandle, invocation: Invocation) -> None:
        live = self.live.get(run.run_id)
        if live is None:
            return
        current_origin.set(Origin(run.run_id, invocation.step, invocation.id, invocation.attempt))
        live.active[invocation.id] = (invocation.step, invocation.attempt)
        live.waiting.pop(invocation.id, None)
        live.began[invocation.id] = perf_counter()
        self._emit(
            run,
            records.InvocationStarted,
            invocation,
            events=invocation.emissions,
            worker=invocation.worker or 0,
        )
        self._tracer.flush()

    def waiting(
        self,
        run: RunHandle,
        invocation: Invocation,
        awaits: type[Event],
        requirements: Mapping[str, Any],
        timeout: float | None,
    ) -> None:
        if live := self.live.get(run.run_id):
            self.met.awaited(type(run.workflow), awaits, invocation.step)
            if invocation.id in live.recorded.waiting and invocation.id in live.waiting:
                return  # of a run that is continued here: this was recorded before
            live.waiting[invocation.id] = invocation.step
        plain = self._encode(dict(requirements)).data
        self._emit(
            run,
            records.InvocationWaiting,
            invocation,
            awaits=awaits.__name__,
            requirements=plain if isinstance(plain, dict) else {},
            timeout=timeout,
        )

    def resumed(self, run: RunHandle, invocation: Invocation, emission: int | None) -> None:
        if live := self.live.get(run.run_id):
            live.waiting.pop(invocation.id, None)
        self._emit(run, records.InvocationResumed, invocation, event=emission)
        self._tracer.flush()

    def finished(
        self, run: RunHandle, invocation: Invocation, outcome: Outcome, retry_delay: float | None
    ) -> None:
        duration = self._over(run, invocation)
        if not isinstance(outcome, Raised):
            result = None if outcome.value is None else type_of(outcome.value)
            self._emit(run, records.InvocationFinished, invocation, duration=duration, result=result)
            return
        error = self._debugger.user_code.describe(outcome.error)
        self._emit(
            run,
            records.InvocationFailed,
            invocation,
            duration=duration,
            error=error,
            final=retry_delay is None,
        )
        if retry_delay is not None:
            self._emit(
                run, records.RetryScheduled, invocation, delay=retry_delay, attempt=invocation.attempt + 1
            )

    def cancelled(self, run: RunHandle, invocation: Invocation) -> None:
        self._controller.forget_invocation(run.run_id, invocation.id)
        duration = self._over(run, invocation)
        self._emit(run, records.InvocationCancelled, invocation, duration=duration)

    def published(self, run: RunHandle, event: Event, source: int | None) -> None:
        live = self.live.get(run.run_id)
        if live is None:
            return
        step, invocation, attempt = self._actor(live, source)
        if type(event) not in live.known_types and isinstance(event, InputRequiredEvent):
            self.met.used(type(run.workflow), type(event), step)
        self._tracer.emit(
            records.Published,
            run.run_id,
            step=step,
            invocation=invocation,
            attempt=attempt,
            event=live.number_of(event),
            type=type(event).__name__,
            payload=self._payload(event),
        )

    def state_changed(self, run: RunHandle, source: int | None, path: str, value: Any) -> None:
        live = self.live.get(run.run_id)
        if live is None:
            return
        step, invocation, attempt = self._actor(live, source)
        self._tracer.emit(
            records.StateChanged,
            run.run_id,
            step=step,
            invocation=invocation,
            attempt=attempt,
            path=path,
            value=self._encode(value),
        )

        def scene() -> Scene:
            return Scene(None, step, attempt, run.state, value=value)

        self._controller.state_changed(run.run_id, path, step, invocation, scene)

    def stuck(self, run: RunHandle, why: str) -> None:
        if run.run_id in self.live:
            self._tracer.emit(records.RunStuck, run.run_id, why=why)

    def run_ended(self, run: RunHandle, end: RunEnd) -> None:
        live = self.live.pop(run.run_id, None)
        if live is None:
            return
        self._controller.forget_run(run.run_id)
        self._debugger.end_lines(Origin(run.run_id))
        if not (self._debugger.goes_on_elsewhere(run.run_id)):
            self._record_end(run, end)
        self._tracer.flush()

    def _record_end(self, run: RunHandle, end: RunEnd) -> None:
        emit = self._tracer.emit
        if end.how == "finished":
            emit(records.RunFinished, run.run_id, result=self._result(end.value))
        elif end.how == "failed":
            error = self._debugger.user_code.describe(end.error or RuntimeError("the run failed"))
            emit(records.RunFailed, run.run_id, error=error, step=end.step, invocation=end.invocation)
        elif end.how == "timed_out":
            timeout = getattr(run.workflow, "_timeout", None) or 0.0
            emit(records.RunTimedOut, run.run_id, timeout=timeout, active=end.active)
        else:
            emit(records.RunCancelled, run.run_id)

    # -- inside
    def _record_emission(self, live: LiveRun, emission: Emission) -> None:
        step, invocation, attempt = self._actor(live, emission.source)
        if type(emission.event) not in live.known_types:
            self.met.used(type(live.handle.workflow), type(emission.event), step)
        self._tracer.emit(
            records.EventEmitted,
            live.handle.run_id,
            step=step,
            invocation=invocation,
            attempt=attempt,
            event=emission.id,
            type=type(emission.event).__name__,
            by=live.emitted_by(emission),
            target=emission.target,
            payload=self._payload(emission.event),
        )
        live.injected.discard(emission.id)

    def _actor(self, live: LiveRun, invocation: int | None) -> tuple[str | None, int | None, int]:
        if invocation is None:
            return None, None, 0
        step, attempt = live.active.get(invocation, (None, 0))
        return step, invocation, attempt

    def _over(self, run: RunHandle, invocation: Invocation) -> float:
        """Forget a running attempt; how long its body took."""
        live = self.live.get(run.run_id)
        if live is None:
            return 0.0
        self._debugger.end_lines(Origin(run.run_id, invocation.step, invocation.id, invocation.attempt))
        live.waiting.pop(invocation.id, None)
        live.forget_later(invocation.id)
        began, ended = live.began.pop(invocation.id, None), live.ended.pop(invocation.id, None)
        return 0.0 if began is None else (ended or perf_counter()) - began

    def _emit(
        self, run: RunHandle, kind: Callable[..., records.InRun], invocation: Invocation, **fields: Any
    ) -> None:
        if run.run_id not in self.live:
            return
        fields = {
            "step": invocation.step,
            "invocation": invocation.id,
            "attempt": invocation.attempt,
            **fields,
        }
        self._tracer.emit(kind, run.run_id, **fields)  # type: ignore[arg-type]

    def _payload(self, value: Any) -> Payload:
        return self._encode(value, type_of(value))

    def _result(self, stop: Event | None) -> Payload:
        """What awaiting the run gives: the plain StopEvent's result, or the event itself."""
        value = stop.result if type(stop) is StopEvent else stop
        return self._encode(value, "None" if value is None else None)


def _resolver(future: asyncio.Future[Verdict], loop: asyncio.AbstractEventLoop) -> Callable[[Decision], None]:
    def resolve(verdict: Verdict) -> None:
        if not future.done():
            future.set_result(verdict)

    def decide(decision: Decision) -> None:
        try:
            loop.call_soon_threadsafe(resolve, _verdict(decision))
        except RuntimeError:
            return  # the loop is closed, and everything on it gone

    return decide


def _verdict(decision: Decision) -> Verdict:
    if decision.verb == "edit":
        return engine.Replace(decision.value)
    if decision.verb == "raise":
        return engine.Replace(Raised(decision.value))
    if decision.verb == "drop":
        return engine.Drop()
    return engine.Duplicate() if decision.verb == "duplicate" else None
