"""A run on asyncio: owns its tasks and timers and carries out what the broker commands.

There is no control loop: the broker is called at the end of a step's own task, from timers and from the mailbox, and each
invocation is one task. Events that a step sends go through the mailbox, one loop turn later; what it returns goes at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from wf_core.engine import diagnosis, results
from wf_core.engine.broker import Broker, Failure
from wf_core.engine.clock import LoopClock
from wf_core.engine.commands import Command, Emit, Fail, Queued, Resume, RetryLater, Routed, Start, Warn
from wf_core.engine.executor import arguments_of, execute
from wf_core.engine.gates import Gates
from wf_core.engine.instrument import Clock, RunEnd, TimerHandle, attached
from wf_core.engine.state import Pending, Wait, Work
from wf_core.engine.stream import EventStream
from wf_core.errors import (
    WorkflowCancelledByUser,
    WorkflowRuntimeError,
    WorkflowTimeoutError,
)
from wf_core.events import (
    Event,
    InputRequiredEvent,
    StepState,
    StopEvent,
    UnhandledEvent,
    WorkflowCancelledEvent,
    WorkflowFailedEvent,
    WorkflowIdleEvent,
    WorkflowTimedOutEvent,
)

if TYPE_CHECKING:
    from wf_core.context import Context
    from wf_core.workflow import Workflow

T = TypeVar("T")

CANCEL_GRACE = 0.5
"""Seconds that cut-off steps get to clean up before the run's result is given out."""
_STARTS_PER_TURN = 64
"""Eagerly started steps before the loop gets a turn."""
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}

current_step: contextvars.ContextVar[tuple[Run, Work]] = contextvars.ContextVar("wf_core_current_step")
"""The run and invocation that the current code belongs to."""
_active: dict[str, Run] = {}
"""Runs that have not ended, by id; keeps them alive when nobody holds their handler."""


class Run:
    """One run of a workflow; to an instrument, its `RunHandle`."""

    def __init__(
        self,
        workflow: Workflow,
        broker: Broker,
        run_id: str,
        start: Event | None,
        store: Any,
        context_for: Callable[[Run, Work], Context[Any]],
        snapshot_of: Callable[[Run], dict[str, Any]],
        *,
        elapsed: float = 0.0,
    ) -> None:
        """`start` None continues what the broker holds; `elapsed` are the seconds it had already run."""
        if run_id in _active:
            raise RuntimeError(f"Workflow run with run_id '{run_id}' already exists.")
        self.workflow = workflow
        self.run_id = run_id
        self.broker = broker
        self.store = store
        store.on_change = self._state_changed if attached() is not None else None
        self.over = False
        self.ended: RunEnd | None = None
        self.stream = EventStream()
        self.loop = asyncio.get_running_loop()
        self.result: asyncio.Future[StopEvent] = self.loop.create_future()
        instrument = attached()
        self.gates = Gates(self, instrument) if instrument is not None else None
        self.clock: Clock = (instrument.clock if instrument is not None else None) or LoopClock(self.loop)
        self._start_event = start
        self._elapsed_before = elapsed
        self._began: float | None = None
        self._context_for = context_for
        self._snapshot_of = snapshot_of
        self._thread = threading.get_ident()
        self._context = contextvars.copy_context()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ready: deque[Work] = deque()
        self._flushing = False
        self._mailbox: deque[Pending] = deque()
        self._mail_due = False
        self._idle_due = False
        self._suspended: dict[int, asyncio.Future[Event | None]] = {}
        self._timers: dict[tuple[str, int], TimerHandle] = {}
        self._do: dict[type[Command], Callable[[Any], None]] = {
            Start: self._start,
            Queued: self._queued,
            Routed: self._routed,
            Emit: self._emit,
            Resume: self._resume,
            RetryLater: self._retry_later,
            Fail: self._fail,
            Warn: self._warn,
        }
        _active[run_id] = self

    # -- beginning --------------------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Start at the loop's next turn."""
        self.loop.call_soon(self._begin, context=self._context)

    def _begin(self) -> None:
        if self.over:
            return
        self._began = self.clock.now()
        if self.gates is not None:
            self.gates.tell("run_started", self._start_event)
        timeout = self.workflow._timeout
        if timeout is not None:
            self._set_timer(("run", 0), max(0.0, timeout - self._elapsed_before), self._time_out)
        for work in self.broker.works.values():
            if work.began is not None:
                work.began += self._began
        self._mailbox.extendleft(
            reversed([p for p in self.broker.pending.values() if p not in self._mailbox])
        )
        if self._start_event is not None:
            self._mailbox.append(self.broker.announce(self._start_event, "start"))
        self.perform(self.broker.resume())
        for wait in list(self.broker.waits.values()):
            self._arm_wait(wait)
        self._read_mail()

    @property
    def elapsed(self) -> float:
        """Seconds of run clock since the run began, sessions before a restore included."""
        now = self.clock.now() if self._began is not None and not self.over else self._began
        return self._elapsed_before + ((now or 0.0) - (self._began or 0.0))

    # -- what comes in ------------------------------------------------------------------------------------------------------
    def send(self, event: Event, step: str | None = None) -> int:
        """Bring an event in from outside; returns its emission id."""
        return self._post(self.broker.announce(event, "external", None, step))

    def send_from_outside(self, event: Event, step: str | None) -> None:
        """The caller sends an event; from any thread. After the end it goes nowhere."""
        if threading.get_ident() != self._thread:
            self.loop.call_soon_threadsafe(self.send_from_outside, event, step)
        elif not self.over:
            self.send(event, step)

    def send_from(self, work: Work, event: Event, step: str | None) -> None:
        """A step sends an event; from its thread, if it has one."""
        if threading.get_ident() == self._thread:
            self._send_from(work, event, step)
        else:
            self.loop.call_soon_threadsafe(self._send_from, work, event, step)

    def _send_from(self, work: Work, event: Event, step: str | None) -> None:
        if not self.over:
            self._post(self.broker.announce(event, "sent", work.id, step, None, work.recoveries))

    def _post(self, pending: Pending) -> int:
        self._mailbox.append(pending)
        if not self._mail_due:
            self._mail_due = True
            self.loop.call_soon(self._read_mail, context=self._context)
        return pending.id

    def _read_mail(self) -> None:
        self._mail_due = False
        for _ in range(len(self._mailbox)):
            if self.over:
                return
            self._admit(self._mailbox.popleft())

    def cancel(self) -> None:
        """End the run on request; what was under way stays in its snapshot."""
        if not self.over:
            self.publish(WorkflowCancelledEvent(), None)
            self._end("cancelled", error=WorkflowCancelledByUser())

    def abort(self) -> None:
        """End the run at once, with nothing published; awaiting it raises CancelledError."""
        if not self.over:
            self._end("cancelled", error=asyncio.CancelledError())

    def in_loop(self, call: Callable[[], T]) -> T:
        """The call's result, made on the run's own loop; blocks a step's thread until it is there."""
        if threading.get_ident() == self._thread:
            return call()

        async def asked() -> T:
            return call()

        return asyncio.run_coroutine_threadsafe(asked(), self.loop).result()

    # -- events ----------------------------------------------------------------------------------------------------------------
    def _emit(self, command: Emit) -> None:
        self._admit(command.pending)

    def _admit(self, pending: Pending) -> None:
        if self.gates is None:
            self.proceed(pending)
        else:
            self.gates.emitting(pending)

    def proceed(self, pending: Pending) -> None:
        """Past the gate: route the event, or end the run with it."""
        if self.over:
            return
        if pending.how == "prompt":
            self.drop(pending)
            self.publish(pending.event, pending.source)
        elif pending.how == "returned" and isinstance(pending.event, StopEvent):
            self._finish(pending.event, pending.source)
        else:
            if pending.how == "returned" and isinstance(pending.event, InputRequiredEvent):
                self.publish(pending.event, pending.source)
            self.perform(self.broker.route(pending))

    def again(self, pending: Pending) -> Pending:
        """The same event emitted once more."""
        return self.broker.announce(
            pending.event,
            pending.how,
            pending.source,
            pending.target,
            pending.scope,
            pending.recoveries,
        )

    def drop(self, pending: Pending) -> None:
        """The event goes nowhere."""
        self.perform(self.broker.forget(pending))

    def _routed(self, command: Routed) -> None:
        if self.gates is not None:
            self.gates.routed(command)
        event = command.pending.event
        if not command.steps and not command.waits and not isinstance(event, InputRequiredEvent):
            self._unhandled(command.pending)

    def _unhandled(self, pending: Pending) -> None:
        kind = type(pending.event)
        self.stream.put(
            UnhandledEvent(
                event_type=kind.__name__,
                qualified_name=f"{kind.__module__}.{kind.__name__}",
                step_name=pending.target,
                idle=self.broker.live <= 1,
            )
        )
        diagnosis.logger.warning(diagnosis.unhandled(self.broker.plan, pending))

    def publish(self, event: Event, source: int | None) -> None:
        """Put an event into the stream that the caller reads; from any thread."""
        if threading.get_ident() != self._thread:
            self.loop.call_soon_threadsafe(self.publish, event, source)
        elif self.gates is None:
            self.stream.put(event)
        else:
            self.gates.publishing(event, source)

    # -- commands ----------------------------------------------------------------------------------------------------------------
    def perform(self, commands: Sequence[Command]) -> None:
        """Carry out what the broker asks for."""
        do = self._do
        for command in commands:
            if self.over:
                return
            do[type(command)](command)
        if self._ready and not self._flushing:
            self._flush()
        if self.broker.live == 0 and not self._idle_due and not self.over:
            self._idle_due = True
            self.loop.call_soon(self._idle, context=self._context)

    def _start(self, command: Start) -> None:
        work = command.work
        self._note(work, StepState.RUNNING, work.input_name, None)
        self._ready.append(work)

    def _flush(self) -> None:
        """Start what is ready; on a loop of its own so that eagerly finishing steps don't nest."""
        self._flushing = True
        try:
            for _ in range(_STARTS_PER_TURN):
                if not self._ready or self.over:
                    return
                work = self._ready.popleft()
                task = self._task(self._invoke(work), f"{work.step}#{work.id}")
                if not task.done():
                    self._tasks[work.id] = task
        finally:
            self._flushing = False
        if self._ready:
            self.loop.call_soon(self.perform, (), context=self._context)

    def _task(self, body: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task outside the application's task factory, in the context that the run was started in."""
        return asyncio.Task(body, loop=self.loop, name=name, context=self._context.copy(), **_EAGER)

    def _queued(self, command: Queued) -> None:
        work = command.work
        self.stream.put((work.step, StepState.PREPARING, "<enqueued>", work.input_name, None))
        if self.gates is not None:
            self.gates.tell("queued", work)

    def _retry_later(self, command: RetryLater) -> None:
        work = command.work
        work.due = self.clock.now() + command.delay
        self._set_timer(("retry", work.id), command.delay, lambda: self.perform(self.broker.due(work)))

    def _warn(self, command: Warn) -> None:
        diagnosis.logger.warning(command.text)

    def _note(self, work: Work, state: StepState, taken: str, given: str | None) -> None:
        self.stream.put((work.step, state, str(work.worker), taken, given))

    # -- invocations ----------------------------------------------------------------------------------------------------------------
    async def _invoke(self, work: Work) -> None:
        try:
            await self._attempt(work)
        except asyncio.CancelledError:
            if not self.over:
                self.abort()
            raise
        except Exception as fault:
            # Not the step's: a retry policy that raised, or a mistake of the engine. It must not leave the run hanging.
            self._fail(Fail(work.step, fault, work, work.attempt + 1))

    async def _attempt(self, work: Work) -> None:
        gates = self.gates
        if gates is not None and work.gated and not await gates.admitted(work):
            self._tasks.pop(work.id, None)
            self.perform(self.broker.skipped(work))
            return
        current_step.set((self, work))
        work.waited = 0
        if work.began is None:
            work.began = self.clock.now()
        if gates is not None:
            gates.tell("started", work)
        value, error = await self._run_body(work)
        if gates is not None and self.gates is not None:
            value, error = await gates.ended(work, value, error)
        self._tasks.pop(work.id, None)
        if self.over:
            return
        if error is None:
            self._returned(work, value)
        else:
            self._raised(work, error)

    async def _run_body(self, work: Work) -> tuple[Any, BaseException | None]:
        plan = work.plan
        try:
            arguments = arguments_of(work)
            if plan.context_param is not None:
                arguments[plan.context_param] = self._context_for(self, work)
            value = await execute(self.workflow, work, arguments)
            results.check(plan, value)
        except GeneratorExit:
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if self.over or (task is not None and task.cancelling()):
                raise
            return None, error
        except BaseException as error:
            return None, error
        return value, None

    def _returned(self, work: Work, value: Any) -> None:
        events, fanned_out = results.emitted_by(work.plan, value)
        if work.twice:
            events, work.twice = events * 2, False
        self._note(work, StepState.NOT_RUNNING, _shown(work.input), _shown(value))
        if self.gates is not None:
            self.gates.returned(work, value)
        else:
            for event in events:
                if isinstance(event, StopEvent):
                    self._finish(event, work.id)
                    return
        self.perform(self.broker.returned(work, events, fanned_out=fanned_out))

    def _raised(self, work: Work, raised: BaseException) -> None:
        error = results.presentable(work.plan, raised)
        elapsed = max(0.0, self.clock.now() - (work.began or 0.0))
        fatal = not isinstance(raised, (Exception, asyncio.CancelledError))
        delay = None if fatal else _retry_delay(self.run_id, work, error, elapsed)
        self._note(work, StepState.NOT_RUNNING, _shown(work.input), None)
        if self.gates is not None:
            self.gates.failed(work, error, delay)
        if fatal:
            self._fail(Fail(work.step, error, work, work.attempt + 1, elapsed))
            if isinstance(raised, KeyboardInterrupt):
                raise raised
            return
        failure = Failure(error, elapsed, datetime.fromtimestamp(time.time(), tz=timezone.utc))
        self.perform(self.broker.failed(work, failure, delay))

    # -- waits ----------------------------------------------------------------------------------------------------------------
    async def wait_for(
        self,
        work: Work,
        kind: type[Event],
        prompt: Event | None,
        waiter_id: str | None,
        requirements: Mapping[str, Any],
        timeout: float | None,
    ) -> Event:
        """Suspend the step's body until the event comes. Raises TimeoutError after `timeout` seconds of run clock."""
        key = waiter_id or self._wait_key(work, kind, requirements)
        if work.answers is not None and key in work.answers:
            await asyncio.sleep(0)
            return _answer_or_raise(work.answers[key], kind)
        wait, commands = self.broker.wait(work, key, kind, requirements, timeout)
        arrival = self._suspended[wait.id] = self.loop.create_future()
        self._note(work, StepState.NOT_RUNNING, _shown(work.input), None)
        if self.gates is not None:
            self.gates.tell("waiting", work, kind, requirements, timeout)
        self._arm_wait(wait)
        self.perform(commands)
        self._prompt(work, key, prompt)
        try:
            answer = await arrival
        except asyncio.CancelledError:
            if not self.over and wait.id in self.broker.waits:
                self.perform(self.broker.unwait(wait))
            raise
        finally:
            self._suspended.pop(wait.id, None)
            self._clear_timer(("wait", wait.id))
        return _answer_or_raise(answer, kind)

    def _wait_key(self, work: Work, kind: type[Event], requirements: Mapping[str, Any]) -> str:
        work.waited += 1
        return f"{kind.__module__}.{kind.__qualname__} {dict(requirements)!r} {work.waited}"

    def _prompt(self, work: Work, key: str, prompt: Event | None) -> None:
        if work.asked is None:
            work.asked = set()
        if prompt is not None and key not in work.asked:
            work.asked.add(key)
            self._admit(self.broker.announce(prompt, "prompt", work.id))

    def _arm_wait(self, wait: Wait) -> None:
        if wait.timeout is not None:
            wait.deadline = self.clock.now() + wait.timeout
            self._set_timer(
                ("wait", wait.id), wait.timeout, lambda: self.perform(self.broker.wait_timed_out(wait))
            )

    def _resume(self, command: Resume) -> None:
        wait = command.wait
        work = wait.work
        self._note(work, StepState.RUNNING, work.input_name, None)
        if self.gates is not None:
            self.gates.tell("resumed", work, wait.emission)
        arrival = self._suspended.get(wait.id)
        if arrival is not None and not arrival.done():
            arrival.set_result(command.answer)

    # -- timers ----------------------------------------------------------------------------------------------------------------
    def _set_timer(self, key: tuple[str, int], delay: float, callback: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.pop(key, None)
            if not self.over:
                callback()

        self._clear_timer(key)
        self._timers[key] = self.clock.call_later(delay, fire)

    def _clear_timer(self, key: tuple[str, int]) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _time_out(self) -> None:
        timeout = self.workflow._timeout or 0.0
        active = [name for name, state in self.broker.steps.items() if state.running]
        self.publish(WorkflowTimedOutEvent(timeout=timeout, active_steps=active), None)
        steps = f"Currently active steps: {', '.join(active)}" if active else "No steps active"
        error = WorkflowTimeoutError(f"Operation timed out after {timeout} seconds. {steps}")
        self._end("timed_out", error=error, active=tuple(active))

    def _idle(self) -> None:
        self._idle_due = False
        if self.over or self.broker.live:
            return
        self.stream.put(WorkflowIdleEvent())
        why = diagnosis.stuck(self.broker)
        if why is None:
            return
        if self.gates is not None:
            self.gates.tell("stuck", why)
        diagnosis.logger.warning("Run %s of %s is stuck: %s", self.run_id, self.workflow.workflow_name, why)

    # -- the end ----------------------------------------------------------------------------------------------------------------
    def _finish(self, stop: StopEvent, invocation: int | None) -> None:
        self.publish(stop, invocation)
        self._end("finished", value=stop, invocation=invocation)

    def _fail(self, command: Fail) -> None:
        if self.over:
            return
        error = command.error
        self.publish(
            WorkflowFailedEvent(
                step_name=command.step,
                exception=error if isinstance(error, Exception) else WorkflowRuntimeError(repr(error)),
                attempts=command.attempts,
                elapsed_seconds=command.elapsed,
            ),
            command.work.id if command.work is not None else None,
        )
        self._end(
            "failed",
            error=error,
            step=command.step,
            invocation=command.work.id if command.work is not None else None,
        )

    def _end(self, how: Any, **facts: Any) -> None:
        """Nothing more happens in this run; its result is given out when its tasks are gone."""
        elapsed = self.elapsed
        self.over = True
        self._elapsed_before, self._began = elapsed, None
        self.ended = RunEnd(how, **facts)
        for key in list(self._timers):
            self._clear_timer(key)
        cut = self.broker.stop(keep=how == "cancelled")
        if self.gates is not None:
            for work in cut:
                if work.id != self.ended.invocation:
                    self.gates.tell("cancelled", work)
            self.gates.release()
        self._mailbox.clear()
        self._ready.clear()
        current = asyncio.current_task(self.loop)
        tasks = [task for task in self._tasks.values() if task is not current and not task.done()]
        self._tasks.clear()
        if tasks:
            for task in tasks:
                task.cancel()
            closing = self._task(self._close(tasks), f"close {self.run_id}")
            self._tasks[0] = closing
        else:
            self._settle()

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        await asyncio.wait(tasks, timeout=CANCEL_GRACE)
        self._tasks.clear()
        self._settle()

    def _settle(self) -> None:
        end = self.ended
        assert end is not None
        _active.pop(self.run_id, None)
        if not self.result.done():
            if isinstance(end.value, StopEvent):
                self.result.set_result(end.value)
            elif isinstance(end.error, asyncio.CancelledError):
                self.result.cancel()
            else:
                self.result.set_exception(
                    end.error or WorkflowRuntimeError("The run ended without a result.")
                )
                self.result.exception()
        if self.gates is None or not self.gates.parked_publications:
            self.stream.close()
        if self.gates is not None:
            self.gates.tell("run_ended", end)
        self.workflow._run_ended(self)

    def _state_changed(self, path: str, value: Any) -> None:
        if self.gates is not None and not self.over:
            run, work = current_step.get((None, None))
            self.gates.tell(
                "state_changed", work.id if run is self and work is not None else None, path, value
            )

    # -- for an instrument ----------------------------------------------------------------------------------------------------
    def accepts(self, event: Event, step: str | None = None) -> tuple[list[str], list[int]]:
        """The steps that would take the event now, and the waiting invocations."""
        return self.broker.accepts(event, step)

    def state(self) -> Mapping[str, Any]:
        """The run's state store as a read-only mapping."""
        mapping: Mapping[str, Any] = self.store.as_mapping()
        return mapping

    def snapshot(self) -> dict[str, Any]:
        """JSON from which `Context.from_dict` continues the run; raises ContextSerdeError naming what has no JSON form."""
        return self._snapshot_of(self)


def _shown(value: Any) -> str:
    return str(type(value))


def _answer_or_raise(answer: Event | None, kind: type[Event]) -> Event:
    if answer is None:
        raise asyncio.TimeoutError(f"Timed out waiting for {kind.__name__}")
    return answer


def _retry_delay(run_id: str, work: Work, error: Exception, elapsed: float) -> float | None:
    policy = work.plan.policy
    if policy is None:
        return None
    if work.plan.seeded:
        seed = hash((run_id, work.step, work.attempt)) & 0xFFFF_FFFF
        delay: float | None = policy.next(elapsed, work.attempt + 1, error, seed=seed)
        return delay
    return policy.next(elapsed, work.attempt + 1, error)
