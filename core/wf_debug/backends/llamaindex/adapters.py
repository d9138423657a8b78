"""The engine's two adapters of a run, asking and telling the debugger on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from workflows import events
from workflows.events import Event, StepState, StepStateChanged, StopEvent
from workflows.runtime.runtime_decorators import (
    BaseExternalRunAdapterDecorator,
    BaseInternalRunAdapterDecorator,
)
from workflows.runtime.types.named_task import PendingWorker
from workflows.runtime.types.plugin import (
    SnapshottableAdapter,
    V2RuntimeCompatibilityShim,
    WaitForNextTaskResult,
)
from workflows.runtime.types.results import StepWorkerFailed
from workflows.runtime.types.ticks import TickAddEvent, TickStepResult, TickTimeout

from wf_debug.backends.llamaindex.events import copied
from wf_debug.backends.llamaindex.gates import Gates
from wf_debug.backends.llamaindex.recorder import RunRecorder
from wf_debug.backends.llamaindex.run import Emission, LiveRun, Work, current_work, current_worker
from wf_debug.backends.llamaindex.store import ObservedStore
from wf_debug.control.clock import FreezableClock

_INTERNAL: Any = getattr(events, "InternalDispatchEvent", StepStateChanged)
"""What the engine publishes about itself."""
_FROZEN_WAIT = 0.05
"""Seconds between two looks at a timer that is due but for the frozen clock."""
_TimeoutTick: Any = TickTimeout


class InsideAdapter(BaseInternalRunAdapterDecorator):
    """What the run's loop and its steps talk to. One for the run."""

    def __init__(
        self,
        inner: Any,
        run: LiveRun,
        gates: Gates,
        recorder: RunRecorder,
        clock: FreezableClock,
        epoch: float,
    ) -> None:
        """`epoch`: what the engine's clock shows minus the run clock."""
        super().__init__(inner)
        self._inner, self._run, self._gates, self._recorder = inner, run, gates, recorder
        self._clock, self._epoch = clock, epoch
        self._routing: Event | None = None
        """The event that the loop gives to the steps at this moment."""
        self._tasks: set[asyncio.Task[None]] = set()

    # -- time
    def now(self) -> float:
        return self._clock.now() + self._epoch

    async def get_now(self) -> float:
        return self._clock.now() + self._epoch

    async def wait_for_next_task(
        self, running: list[Any], pending: list[Any], timeout: float | None = None
    ) -> Any:
        """Starts steps knowing their worker; a frozen clock does not make the loop spin."""
        started = []
        for start in pending:
            if isinstance(start, PendingWorker):
                current_worker.set(start.worker_id)
            started.append(start.start(asyncio.create_task(start.coro)))
        if timeout is not None and self._clock.frozen:
            timeout = max(timeout, _FROZEN_WAIT)
        done = await self._inner.wait_for_next_task([*running, *started], [], timeout)
        return WaitForNextTaskResult(done.completed, started)

    # -- events
    async def send_event(self, tick: Any) -> None:
        """A step's `ctx.send_event`."""
        if not isinstance(tick, TickAddEvent):
            await self._inner.send_event(tick)
            return
        work, event = current_work.get(), tick.event
        emission = self._recorder.emitted(self._run, event, "sent", work, target_of(tick))
        for changed in await passed(self._run, tick, emission, self._gates, self._recorder):
            await self._inner.send_event(changed)
        if work is not None and self._run.emission_of(event) is None:
            work.sent.setdefault(id(event), (event, None))

    async def send_again(self, event: Event) -> None:
        """A second copy of an event that came from outside."""
        twin = copied(event)
        self._recorder.emitted(self._run, twin, "injected")
        await self._inner.send_event(TickAddEvent(event=twin))

    async def on_tick(self, tick: Any) -> None:
        await self._inner.on_tick(tick)
        self._routing = None
        if isinstance(tick, TickAddEvent):
            self._routing = tick.event
            if not tick.attempts:  # older engines send a retry round as an event
                in_stream = bool(getattr(tick, "scope_path", ()))
                self._recorder.routed(self._run, tick.event, target_of(tick), in_stream)
        elif isinstance(tick, TickStepResult):
            self._step_ended(tick)
        elif isinstance(tick, TickTimeout):
            self._run.timed_out = (tick.timeout, ())
        elif tick.type == "waiter_timeout":
            self._waiter_timed_out(tick)

    def _step_ended(self, tick: Any) -> None:
        work = self._run.workers.get((step_of(tick) or "", tick.worker_id))
        if work is None:
            return
        work.open = False
        for result in tick.result:
            if isinstance(result, StepWorkerFailed):
                self._recorder.failed(self._run, work, result.exception, _delay_after(result, self._run))

    def _waiter_timed_out(self, tick: Any) -> None:
        for waiter in self._run.waiters:
            if waiter.id == tick.waiter_id and waiter.step == step_of(tick) and waiter.work.waiting:
                waiter.work.answers.append((None, None))
                self._run.comes_back(waiter.work)

    # -- the stream
    async def write_to_event_stream(self, event: Event) -> None:
        if isinstance(event, _INTERNAL):
            self._told(event)
            await self._write(event)
            return
        if isinstance(event, events.WorkflowTimedOutEvent):
            self._run.timed_out = (event.timeout, tuple(event.active_steps))
        work = current_work.get()
        if not self._gates.watches_publishing(self._run, event, work):
            self._recorder.published(self._run, event, work)
            self._recorder.asked(self._run, event)
            await self._write(event)
        elif work is not None:
            await self._publish_when_let(event, work)
        else:
            self._beside_the_loop(event)

    def _told(self, event: Event) -> None:
        """What the engine says about itself."""
        if isinstance(event, StepStateChanged):
            if event.step_state is StepState.PREPARING and self._routing is not None:
                self._recorder.queued(self._run, event.name, self._routing)
        elif type(event).__name__ == "WorkflowIdleEvent":
            self._recorder.idle(self._run)

    async def _write(self, event: Event) -> None:
        if not self._run.ours:
            await self._inner.write_to_event_stream(event)

    def _beside_the_loop(self, event: Event) -> None:
        """The run's loop itself publishes: it must not stand still while the person decides."""
        emission = self._run.emission_of(event)
        task = asyncio.create_task(self._publish_when_let(event, emission.source if emission else None))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish_when_let(self, event: Event, work: Work | None) -> None:
        decision = await self._gates.publishing(self._run, event, work)
        if decision.verb == "drop" and not isinstance(event, StopEvent):
            self._recorder.asked(self._run, event)
            return
        shown = decision.value if decision.verb == "edit" else event
        for each in (shown, copied(shown)) if decision.verb == "duplicate" else (shown,):
            self._recorder.published(self._run, each, work)
            await self._write(each)
        self._recorder.asked(self._run, event)

    # -- the state
    def store(self) -> Any:
        """The engine's own store."""
        return self._inner.get_state_store()

    def get_state_store(self, *namespace: Any) -> Any:
        store = self._inner.get_state_store(*namespace)
        if store is None:
            return None
        work = current_work.get()
        return ObservedStore(
            store, lambda path, value: self._recorder.state_changed(self._run, work, path, value)
        )


class OutsideAdapter(BaseExternalRunAdapterDecorator, SnapshottableAdapter, V2RuntimeCompatibilityShim):
    """What the caller's handler talks to."""

    def __init__(
        self, inner: Any, run: LiveRun, gates: Gates, recorder: RunRecorder, aborted: Callable[[], None]
    ) -> None:
        """`aborted` is told when the run is broken off without a chance to say so itself."""
        super().__init__(inner)
        self._inner, self._run, self._gates, self._recorder = inner, run, gates, recorder
        self._aborted = aborted

    async def send_event(self, tick: Any) -> None:
        if not isinstance(tick, TickAddEvent):
            await self._inner.send_event(tick)
            return
        emission = self._recorder.emitted(self._run, tick.event, "external", None, target_of(tick))
        await self.send_emitted(tick, emission)

    async def send_emitted(self, tick: Any, emission: Emission) -> None:
        """Send what is recorded already."""
        for changed in await passed(self._run, tick, emission, self._gates, self._recorder):
            await self._inner.send_event(changed)

    @property
    def init_state(self) -> Any:
        return self._inner.init_state

    def replay(self) -> Any:
        return self._inner.replay()

    def get_result_or_none(self) -> Any:
        return self._inner.get_result_or_none()

    @property
    def is_running(self) -> bool:
        return bool(self._inner.is_running)

    def abort(self) -> None:
        self._inner.abort()
        if self._run.internal is None:
            self._aborted()


async def passed(
    run: LiveRun, tick: Any, emission: Emission, gates: Gates, recorder: RunRecorder
) -> list[Any]:
    """What the person lets out in place of the tick that brings an event in."""
    event = emission.event
    decision = await gates.emitting(run, emission)
    if decision.verb in ("accept", "cancelled"):
        return [tick]
    if decision.verb == "duplicate":
        twin = recorder.emitted(run, copied(event), emission.by, emission.source, emission.target)
        return [tick, _unkeyed(tick, twin.event)]
    run.arrived(event)
    if decision.verb == "drop":
        return []
    emission.event = decision.value
    run.note_emission(emission)
    if emission.source is not None:
        emission.source.sent[id(event)] = (event, decision.value)
    return [tick.model_copy(update={"event": decision.value})]


def step_of(tick: Any) -> str | None:
    """The step that a tick names: newer engines wrap the name."""
    found = getattr(tick, "step_id", None) or getattr(tick, "step_name", None)
    return None if found is None else str(found)


target_of = step_of


def add_event(event: Event, step: str | None) -> Any:
    """The tick that brings an event in, to all steps or to one."""
    return TickAddEvent.model_validate({"event": event, "step_name": _step_id(step)})


def _step_id(step: str | None) -> Any:
    if step is None or "step_id" not in TickAddEvent.model_fields:
        return step
    from workflows.runtime.types.step_id import StepId

    return StepId.root(step)


def _unkeyed(tick: Any, event: Event) -> Any:
    """The same tick for another event, which the engine must not take for one it has seen."""
    update: dict[str, Any] = {"event": event}
    if hasattr(tick, "emission"):
        update["emission"] = None
    return tick.model_copy(update=update)


def _delay_after(failure: Any, run: LiveRun) -> float | None:
    decision = getattr(failure, "retry_decision", None)
    if decision is not None:
        return decision.delay  # type: ignore[no-any-return]
    return run.decisions.pop(id(failure.exception), None)
