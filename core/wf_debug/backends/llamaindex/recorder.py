"""Turns what the engine lets the debugger see into records."""

from __future__ import annotations

from typing import Any

from workflows.events import Event, HumanResponseEvent, InputRequiredEvent, StopEvent

from wf_debug.backends.hints import Taken, unhandled_hint
from wf_debug.backends.llamaindex.events import type_of
from wf_debug.backends.llamaindex.run import Emission, LiveRun, Waiter, Work, state_of
from wf_debug.backends.met import MetEvents
from wf_debug.control.debugger import Debugger
from wf_debug.control.matching import Scene
from wf_debug.control.origin import Origin
from wf_debug.trace import records
from wf_debug.trace.records import EmittedBy, Payload


class RunRecorder:
    """Tells the story of every run of this engine."""

    def __init__(self, debugger: Debugger, met: MetEvents) -> None:
        self._debugger, self._met = debugger, met
        self._emit, self._clock = debugger.tracer.emit, debugger.clock

    # -- the run
    def run_started(self, run: LiveRun, start: Event | None, parent: Origin, elapsed: float) -> None:
        self._debugger.tracer.begin(run.run_id, elapsed)
        self._emit(
            records.RunStarted,
            run.run_id,
            workflow=type(run.workflow).__name__,
            input=Payload(type="Snapshot", preview="", data={}) if start is None else self.payload(start),
            parent_run=parent.run or None,
            parent_invocation=parent.invocation,
            resumed=start is None,
        )
        if start is not None:
            self.emitted(run, start, "start")
        self._debugger.run_began()

    def run_finished(self, run: LiveRun, stop: StopEvent) -> None:
        """Its result is what awaiting the run gives: the plain StopEvent's result, or the event itself."""
        value = stop.result if type(stop) is StopEvent else stop
        result = self._debugger.payloads.encode(value, "None" if value is None else None)
        self._emit(records.RunFinished, run.run_id, result=result)

    def run_failed(self, run: LiveRun, error: BaseException) -> None:
        info = self._debugger.user_code.describe(error)
        if isinstance(error, SystemExit):
            info = info.model_copy(update={"message": f"the step called sys.exit({error.code!r})"})
        work = run.failed
        self._emit(
            records.RunFailed,
            run.run_id,
            error=info,
            step=work.step if work else None,
            invocation=work.id if work else None,
        )

    def run_cancelled(self, run: LiveRun) -> None:
        self._emit(records.RunCancelled, run.run_id)

    def run_timed_out(self, run: LiveRun, timeout: float, active: tuple[str, ...]) -> None:
        self._emit(records.RunTimedOut, run.run_id, timeout=timeout, active=active)

    # -- events
    def emitted(
        self,
        run: LiveRun,
        event: Event,
        by: EmittedBy,
        source: Work | None = None,
        target: str | None = None,
    ) -> Emission:
        """A new event with a number of its own."""
        if type(event) not in run.known_types:
            self._met.used(type(run.workflow), type(event), source.step if source else None)
        attempt = source.attempt if source else 0
        emission = Emission(run.next_event(), event, by, source, attempt, target)
        self._emit(
            records.EventEmitted,
            run.run_id,
            event=emission.number,
            type=type(event).__name__,
            by=by,
            target=target,
            payload=self.payload(event),
            **_actor(source),
        )
        run.note_emission(emission)
        return emission

    def routed(self, run: LiveRun, event: Event, target: str | None, in_stream: bool) -> None:
        """The engine gives the event to the steps: the same choice as it makes. `in_stream`: it came out of
        a fan-out, so a step on a list keeps it."""
        run.told_stuck = False
        emission = run.arrived(event) or run.recalled(event) or self._unseen(run, event, target)
        if emission is None:
            return
        awaiting = run.awaiting(event)
        woken = {w.step for w in awaiting}
        steps = [s for s in run.accepting(event, target) if s not in woken]
        for waiter in awaiting:
            self._answered(run, waiter, emission)
        for step in steps:
            self._delivered(run, step, emission, in_stream)
        name = type(event).__name__
        if steps or awaiting:
            waiters = tuple(w.work.id for w in awaiting)
            self._emit(
                records.EventRouted,
                run.run_id,
                event=emission.number,
                type=name,
                steps=tuple(steps),
                waiters=waiters,
            )
        elif not isinstance(event, InputRequiredEvent):
            hint = unhandled_hint(taken_in(run), type(event), isinstance(event, StopEvent))
            self._emit(records.EventUnhandled, run.run_id, event=emission.number, type=name, hint=hint)

    def _unseen(self, run: LiveRun, event: Event, target: str | None) -> Emission | None:
        """An event that the engine itself made (of a failure), or one from before a resume."""
        if type(event).__name__ == "StepFailedEvent" and run.failed is not None:
            source, run.failed = run.failed, None
            self.emitted(run, event, "returned", source, target)
            return run.arrived(event)
        if any(run.returning.get((step, id(event))) for step in run.steps):
            return None  # a waiting step that is asked for its requirements again
        self.emitted(run, event, "external", None, target)
        return run.arrived(event)

    def _answered(self, run: LiveRun, waiter: Waiter, emission: Emission) -> None:
        waiter.work.answers.append((emission.number, emission.event))
        run.comes_back(waiter.work)

    def _delivered(self, run: LiveRun, step: str, emission: Emission, in_stream: bool) -> None:
        event = emission.event
        if run.steps[step].gathers:
            if in_stream or run.steps[step].option("collection_param") is None:
                run.gathered[step, id(event)] = (event, emission.number)
        else:
            work = run.new_work(step, (emission.number,), (event,), id(event))
            run.delivered.setdefault((step, id(event)), []).append(work)

    def queued(self, run: LiveRun, step: str, event: Event) -> None:
        """No worker of the step is free."""
        if waiting := run.delivered.get((step, id(event))):
            self._of(run, records.InvocationQueued, waiting[-1], events=waiting[-1].events)

    def published(self, run: LiveRun, event: Event, work: Work | None) -> None:
        emission = run.emission_of(event)
        source = work or (emission.source if emission else None)
        if type(event) not in run.known_types and isinstance(event, InputRequiredEvent):
            self._met.used(type(run.workflow), type(event), source.step if source else None)
        self._emit(
            records.Published,
            run.run_id,
            event=emission.number if emission else None,
            type=type(event).__name__,
            payload=self.payload(event),
            **_actor(source),
        )
        if emission is not None and emission.by == "prompt":
            run.arrived(event)

    # -- invocations
    def started(self, run: LiveRun, work: Work) -> None:
        work.began = self._clock.now()
        self._of(run, records.InvocationStarted, work, events=work.events, worker=work.worker)
        self._debugger.tracer.flush()

    def resumed(self, run: LiveRun, work: Work, answer: int | None) -> None:
        work.began, work.waiting = self._clock.now(), False
        self._of(run, records.InvocationResumed, work, event=answer)
        self._debugger.tracer.flush()

    def ran_again(self, run: LiveRun, work: Work) -> None:
        text = (
            f"step {work.step!r} runs its body again from the first line: other events were collected while "
            f"it ran, and what it returned is discarded"
        )
        self._emit(records.Note, run.run_id, text=text)

    def waiting(self, run: LiveRun, work: Work, add: Any) -> None:
        """The step is in `wait_for_event`; the engine runs it from its first line when the event comes."""
        known = next((w for w in run.waiters if w.step == work.step and w.id == add.waiter_id), None)
        self._met.awaited(type(run.workflow), add.event_type, work.step)
        requirements = dict(add.requirements)
        due = None if add.timeout is None else self._clock.now() + add.timeout
        if known is not None:
            run.waiters.remove(known)
            due = known.due
        run.waiters.append(Waiter(work.step, add.waiter_id, add.event_type, requirements, work, due))
        self._over(run, work)
        if work.waiting:
            return
        work.waiting = True
        if add.waiter_event is None or known is not None:
            self._waits(run, work, add)
        else:
            self.emitted(run, add.waiter_event, "prompt", work)
            run.asking[id(add.waiter_event)] = (add, work)

    def asked(self, run: LiveRun, event: Event) -> None:
        """The event was published, or kept from it; if a step asks with it, that one waits now."""
        if asking := run.asking.pop(id(event), None):
            add, work = asking
            self._waits(run, work, add)

    def _waits(self, run: LiveRun, work: Work, add: Any) -> None:
        plain = self._debugger.payloads.encode(dict(add.requirements)).data
        self._of(
            run,
            records.InvocationWaiting,
            work,
            awaits=add.event_type.__name__,
            requirements=plain if isinstance(plain, dict) else {},
            timeout=add.timeout,
        )

    def finished(self, run: LiveRun, work: Work, value: Any) -> None:
        result = None if value is None else type_of(value)
        duration = self._over(run, work)
        self._of(run, records.InvocationFinished, work, duration=duration, result=result)

    def failed(self, run: LiveRun, work: Work, error: BaseException, delay: float | None) -> None:
        """`delay`: seconds before the retry, None when none follows."""
        info = self._debugger.user_code.describe(error)
        duration = self._over(run, work)
        final = delay is None
        self._of(run, records.InvocationFailed, work, duration=duration, error=info, final=final)
        if delay is None:
            run.failed = work
            return
        work.attempt += 1
        self._of(run, records.RetryScheduled, work, delay=delay)
        run.comes_back(work)

    def cancelled(self, run: LiveRun, work: Work, leaked: bool) -> None:
        """`leaked`: the step itself let a CancelledError out, which the engine takes for neither a result nor
        a failure."""
        self._debugger.controller.forget_invocation(run.run_id, work.id)
        duration = self._over(run, work)
        self._of(run, records.InvocationCancelled, work, duration=duration)
        if leaked:
            text = (
                f"step {work.step!r} raised CancelledError; the engine counts it as running until the "
                "workflow's timeout. Catch it where a cancelled task is awaited"
            )
            self._emit(records.Note, run.run_id, level="warning", text=text)

    def state_changed(self, run: LiveRun, work: Work | None, path: str, value: Any) -> None:
        encoded = self._debugger.payloads.encode(value)
        self._emit(records.StateChanged, run.run_id, path=path, value=encoded, **_actor(work))
        step, invocation, attempt = (work.step, work.id, work.attempt) if work else (None, None, 0)

        def scene() -> Scene:
            return Scene(None, step, attempt, state_of(run), value=value)

        self._debugger.controller.state_changed(run.run_id, path, step, invocation, scene)

    def idle(self, run: LiveRun) -> None:
        """Nothing moves; say so if nobody outside can help."""
        held = any(h.visit.run == run.run_id for h in self._debugger.controller.holds())
        if run.told_stuck or run.waiters or run.on_their_way or held or _can_be_answered(run):
            return
        run.told_stuck = True
        self._emit(records.RunStuck, run.run_id, why=_why_stuck(run))

    def payload(self, event: Any) -> Payload:
        return self._debugger.payloads.encode(event, type_of(event))

    # -- inside
    def _over(self, run: LiveRun, work: Work) -> float:
        """The attempt has ended; its duration in seconds of run clock."""
        self._end_lines(run, work)
        began, work.began = work.began, None
        return 0.0 if began is None else self._clock.now() - began

    def _end_lines(self, run: LiveRun, work: Work) -> None:
        self._debugger.end_lines(Origin(run.run_id, work.step, work.id, work.attempt))

    def _of(self, run: LiveRun, kind: Any, work: Work, **fields: Any) -> None:
        self._emit(kind, run.run_id, **_actor(work), **fields)


def taken_in(run: LiveRun) -> Taken:
    """Every event class that some step takes, with the steps."""
    found: dict[type, list[str]] = {}
    for step in run.steps.values():
        for cls in step.accepts:
            found.setdefault(cls, []).append(step.name)
    return found


def _actor(work: Work | None) -> dict[str, Any]:
    if work is None:
        return {}
    return {"step": work.step, "invocation": work.id, "attempt": work.attempt}


def _can_be_answered(run: LiveRun) -> bool:
    return any(issubclass(t, HumanResponseEvent) for step in run.steps.values() for t in step.accepts)


def _why_stuck(run: LiveRun) -> str:
    lacks = [
        f"step {step!r} has collected {', '.join(types)} and still waits for more in collect_events"
        for (step, _), types in run.collected.items()
        if types
    ]
    slots: dict[str, list[str]] = {}
    for (step, _), (event, _number) in run.gathered.items():
        slots.setdefault(step, []).append(type(event).__name__)
    lacks += [f"step {step!r} has {', '.join(names)} and waits for partners" for step, names in slots.items()]
    return "; ".join(lacks) or "every step has finished and none returned a StopEvent."
