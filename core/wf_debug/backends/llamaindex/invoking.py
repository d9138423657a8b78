"""A step of the engine with the debugger around it: what comes in, what comes out, and what the person made
of both."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from workflows.events import Event
from workflows.runtime.types import results
from workflows.runtime.types.results import (
    AddCollectedEvent,
    AddWaiter,
    DeleteCollectedEvent,
    DeleteWaiter,
    StepWorkerFailed,
    StepWorkerResult,
)

from wf_debug.backends.llamaindex.events import copied
from wf_debug.backends.llamaindex.gates import Gates
from wf_debug.backends.llamaindex.recorder import RunRecorder
from wf_debug.backends.llamaindex.run import LiveRun, Work, current_run, current_work, current_worker
from wf_debug.control.origin import Origin, current_origin
from wf_debug.control.visit import Decision

StepWorker = Callable[..., Awaitable[list[Any]]]
"""The engine's function around a step: `(state, step_name, event, workflow, **more)` to a list of results."""

_SentEvent: Any = getattr(results, "SentEvent", ())
"""From 2.26 on, results repeat what the step sent."""


def observed(function: StepWorker, gates: Gates, recorder: RunRecorder) -> StepWorker:
    """The same function, asking and telling the debugger."""
    invoking = _Invoking(function, gates, recorder)

    async def wrapper(state: Any, step_name: str, event: Event, workflow: Any, **more: Any) -> list[Any]:
        run = current_run.get()
        if run is None:
            return await function(state=state, step_name=step_name, event=event, workflow=workflow, **more)
        return await invoking(run, _Call(state, step_name, event, workflow, more))

    wrapper.__wrapped__ = getattr(function, "__wrapped__", function)  # type: ignore[attr-defined]
    return wrapper


@dataclasses.dataclass(slots=True)
class _Call:
    """What the engine calls the function with."""

    state: Any
    step: str
    event: Event
    workflow: Any
    more: dict[str, Any]

    @property
    def _batch(self) -> Any:
        return getattr(self.state, "collection_release_payload", None)

    @property
    def key(self) -> Any:
        batch = self._batch
        return id(self.event) if batch is None else (batch.stream_id, batch.binding_id)

    @property
    def inputs(self) -> tuple[Event, ...]:
        """The events that the step's parameters get."""
        if self._batch is not None:
            return tuple(self._batch.events)
        slots = self.more.get("bound_events")
        return tuple(slots.values()) if slots else (self.event,)

    def with_inputs(self, inputs: Sequence[Event]) -> _Call:
        """The same call on other events: each kind of step has its own place for them."""
        if self._batch is not None:
            batch = dataclasses.replace(self._batch, events=list(inputs))
            return dataclasses.replace(
                self, state=dataclasses.replace(self.state, collection_release_payload=batch)
            )
        slots = self.more.get("bound_events")
        if slots:
            bound = {**slots, **dict(zip(slots, inputs, strict=False))}
            return dataclasses.replace(self, more={**self.more, "bound_events": bound})
        return dataclasses.replace(self, event=inputs[0])

    def with_answer(self, before: Event, after: Event) -> _Call:
        """The same call with another event in place of the awaited one."""
        waiters = [
            dataclasses.replace(w, resolved_event=after) if w.resolved_event is before else w
            for w in self.state.collected_waiters
        ]
        return dataclasses.replace(self, state=dataclasses.replace(self.state, collected_waiters=waiters))

    def unnumbered(self) -> _Call:
        """The same call for a second time; its sends must not be taken for those of the first."""
        if getattr(self.state, "invocation_id", None) is None:
            return self
        return dataclasses.replace(self, state=dataclasses.replace(self.state, invocation_id=None))

    async def made_on(self, function: StepWorker) -> list[Any]:
        return list(
            await function(
                state=self.state,
                step_name=self.step,
                event=self.event,
                workflow=self.workflow,
                **self.more,
            )
        )


class _Invoking:
    """Runs one step function for the engine."""

    def __init__(self, function: StepWorker, gates: Gates, recorder: RunRecorder) -> None:
        self._function, self._gates, self._recorder = function, gates, recorder

    async def __call__(self, run: LiveRun, call: _Call) -> list[Any]:
        work = run.starting(call.step, current_worker.get(), call.event, call.key, call.inputs)
        current_work.set(work)
        work.open = True
        try:
            if work.answers:
                return await self._resume(run, work, call)
            if work.waiting:  # a continued run: the engine asks what the step waits for
                return await self._perform(run, work, call)
            return await self._start(run, work, call)
        except asyncio.CancelledError:
            work.open = False
            self._recorder.cancelled(run, work, leaked=not _being_cancelled())
            raise

    # -- coming in
    async def _start(self, run: LiveRun, work: Work, call: _Call) -> list[Any]:
        if work.edited is not None:
            call = call.with_inputs(work.edited)
        work.parked = True
        decision = await self._gates.delivering(run, work, call.inputs)
        work.parked = False
        if decision.verb == "drop":
            return [StepWorkerResult(result=None)]
        if decision.verb == "edit":
            work.edited = _as_inputs(decision.value, call.inputs)
            call = call.with_inputs(work.edited)
        if work.rerun:
            work.rerun = False
            self._recorder.ran_again(run, work)
        self._recorder.started(run, work)
        if decision.verb == "raise":
            return await self._came_out(run, work, call, [_failed(decision)])
        out = await self._perform(run, work, call)
        if decision.verb == "duplicate":
            twin = work.again()
            twin.id = run.next_invocation()
            current_work.set(twin)
            self._recorder.started(run, twin)
            out += await self._perform(run, twin, call.unnumbered())
        return out

    async def _resume(self, run: LiveRun, work: Work, call: _Call) -> list[Any]:
        if work.edited is not None:
            call = call.with_inputs(work.edited)
        number, answer = work.answers.pop(0)
        if answer is not None:
            decision = await self._gates.answering(run, work, number, answer)
            if decision.verb == "drop":
                return self._wait_on(run, work)
            if decision.verb == "edit":
                call = call.with_answer(answer, decision.value)
            if decision.verb == "duplicate":
                await run.internal.send_again(answer)
        self._recorder.resumed(run, work, number)
        return await self._perform(run, work, call)

    def _wait_on(self, run: LiveRun, work: Work) -> list[Any]:
        """The awaited event was dropped: the step waits as if it had not come."""
        return [
            AddWaiter(waiter_id=w.id, event_type=w.awaits, requirements=dict(w.requirements))
            for w in run.waiters
            if w.work is work
        ][-1:]

    # -- going out
    async def _perform(self, run: LiveRun, work: Work, call: _Call) -> list[Any]:
        current_origin.set(Origin(run.run_id, work.step, work.id, work.attempt))
        try:
            out = await call.made_on(self._function)
        except Exception as error:
            out = [StepWorkerFailed(exception=error, failed_at=run.internal.now())]
        return await self._came_out(run, work, call, out)

    async def _came_out(self, run: LiveRun, work: Work, call: _Call, out: list[Any]) -> list[Any]:
        self._note_collected(run, work, out)
        outcome = [o for o in out if isinstance(o, StepWorkerResult | StepWorkerFailed)]
        rest = [o for o in out if not isinstance(o, StepWorkerResult | StepWorkerFailed)]
        if work.sent and _SentEvent:
            rest = _with_changed_sends(rest, work)
        if adds := [o for o in out if isinstance(o, AddWaiter)]:
            self._recorder.waiting(run, work, adds[-1])
            return [*outcome, *rest]
        if any(isinstance(o, StepWorkerResult) for o in outcome):
            gone = {o.waiter_id for o in out if isinstance(o, DeleteWaiter)}
            run.waiters = [w for w in run.waiters if w.step != work.step or w.id not in gone]
        outcome = await self._after(run, work, call, outcome)
        return [*outcome, *rest]

    async def _after(self, run: LiveRun, work: Work, call: _Call, outcome: list[Any]) -> list[Any]:
        failure = next((o for o in outcome if isinstance(o, StepWorkerFailed)), None)
        error = failure.exception if failure else None
        value = None if failure else _returned(outcome)
        decision = await self._gates.ending(run, work, call.inputs, value, error)
        outcome = _decided(decision, outcome)
        if any(isinstance(o, StepWorkerFailed) for o in outcome):
            now = run.internal.now()
            return [o.model_copy(update={"failed_at": now}) for o in outcome]
        self._recorder.finished(run, work, _returned(outcome))
        emitted: list[Any] = []
        for result in outcome:
            emitted += await self._emit(run, work, result)
        return emitted

    async def _emit(self, run: LiveRun, work: Work, result: Any) -> list[Any]:
        """One returned event on its way; the results that stand for it."""
        event = result.result
        if event is None:
            return [result]
        emission = self._recorder.emitted(run, event, "returned", work)
        decision = await self._gates.emitting(run, emission)
        if decision.verb in ("accept", "cancelled"):
            return [result]
        run.arrived(event)
        if decision.verb == "drop":
            return [result.model_copy(update={"result": None})]
        if decision.verb == "edit":
            emission.event = decision.value
            run.note_emission(emission)
            return [result.model_copy(update={"result": decision.value})]
        run.note_emission(emission)
        twin = self._recorder.emitted(run, copied(event), "returned", work)
        return [result, result.model_copy(update={"result": twin.event})]

    def _note_collected(self, run: LiveRun, work: Work, out: list[Any]) -> None:
        for o in out:
            if isinstance(o, AddCollectedEvent):
                run.collected.setdefault((work.step, o.event_id), []).append(type(o.event).__name__)
            elif isinstance(o, DeleteCollectedEvent):
                run.collected.pop((work.step, o.event_id), None)


def _being_cancelled() -> bool:
    """Whether somebody cancels the step; else the step itself let a CancelledError out."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _as_inputs(value: Any, before: Sequence[Event]) -> tuple[Event, ...]:
    """The person gives one event; a step on several gets it in place of the first."""
    return (value, *before[1:]) if len(before) > 1 else (value,)


def _returned(outcome: list[Any]) -> Any:
    """What the step returned: an event, a list of them, or None."""
    if any(getattr(o, "fanned_out", False) for o in outcome) or len(outcome) > 1:
        return [o.result for o in outcome if o.result is not None]
    return outcome[0].result if outcome else None


def _failed(decision: Decision) -> StepWorkerFailed:
    """What a rule has the step end with; when it failed is filled in with the run clock."""
    return StepWorkerFailed(exception=decision.value, failed_at=0.0)


def _decided(decision: Decision, outcome: list[Any]) -> list[Any]:
    """The outcome as the person wants it."""
    if decision.verb == "edit":
        fanned = any(getattr(o, "fanned_out", False) for o in outcome)
        return [StepWorkerResult(result=decision.value, **({"fanned_out": True} if fanned else {}))]
    if decision.verb == "raise":
        return [_failed(decision)]
    if decision.verb == "drop":
        kept = [o for o in outcome if isinstance(o, StepWorkerResult)][:1]
        return [o.model_copy(update={"result": None}) for o in kept] or [StepWorkerResult(result=None)]
    if decision.verb == "duplicate" and not any(isinstance(o, StepWorkerFailed) for o in outcome):
        return [
            *outcome,
            *(o.model_copy(update={"result": copied(o.result)}) for o in outcome if o.result is not None),
        ]
    return outcome


def _with_changed_sends(rest: list[Any], work: Work) -> list[Any]:
    """The engine delivers recorded sends again after a resume: what the person dropped or edited must be so
    there too. A dropped send's place is taken by a repeated one, which changes nothing but keeps the count
    that numbers the returned events."""
    sends = [o for o in rest if isinstance(o, _SentEvent)]
    kept = []
    for sent in sends:
        original, instead = work.sent.get(id(sent.event), (sent.event, sent.event))
        if instead is not None:
            kept.append(sent if instead is original else sent.model_copy(update={"event": instead}))
    padding = kept[-1:] * (len(sends) - len(kept))
    return [*(o for o in rest if not isinstance(o, _SentEvent)), *kept, *padding]
