"""A run on asyncio: carries out what the broker commands, from its beginning to its end.

There is no control loop: the broker is called at the end of a step's own task, from timers and from the
mailbox. Events that a step sends go through the mailbox, one loop turn later; what it returns goes at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from wf_core.engine import diagnosis
from wf_core.engine.broker import Broker
from wf_core.engine.clock import LoopClock
from wf_core.engine.commands import Command, Fail, Queued, Resume, RetryLater, Unhandled, Warn
from wf_core.engine.gates import Gates
from wf_core.engine.instrument import Clock, RunEnd, attached
from wf_core.engine.invoking import EAGER, Invoking, current_step
from wf_core.engine.narration import NarratedStream
from wf_core.engine.state import Pending, Work
from wf_core.engine.stream import EventStream
from wf_core.engine.timers import Timers
from wf_core.engine.waiting import Waiting
from wf_core.errors import WorkflowCancelledByUser, WorkflowRuntimeError, WorkflowTimeoutError
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
    from wf_core.engine.recorder import Recorder
    from wf_core.workflow import Workflow

T = TypeVar("T")

CANCEL_GRACE = 0.5
"""Seconds that cut-off steps get to clean up before the run's result is given out."""
_active: dict[str, Run] = {}
"""Runs that have not ended, by id; keeps them alive when nobody holds their handler."""


class Run:
    """One run of a workflow; to an instrument, its `RunHandle`."""

    __slots__ = (
        "__weakref__",
        "_awaited",
        "_began",
        "_closing",
        "_elapsed_before",
        "_idle_due",
        "_mailbox",
        "_snapshot_of",
        "_start_event",
        "_thread",
        "broker",
        "clock",
        "context_for",
        "ended",
        "gates",
        "invoking",
        "loop",
        "mail_due",
        "over",
        "recorder",
        "result",
        "run_id",
        "store",
        "stream",
        "timers",
        "waiting",
        "workflow",
    )

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
        recorder: Recorder | None = None,
    ) -> None:
        """`start` None continues what the broker holds; `elapsed` are the seconds it had already run;
        `recorder` is told every change of the state.

        Raises RuntimeError if a run of that id has not ended.
        """
        namesake = _active.get(run_id)
        if namesake is not None and not namesake.loop.is_closed():
            raise RuntimeError(f"Workflow run with run_id '{run_id}' already exists.")
        self.workflow = workflow
        self.run_id: str = run_id
        self.broker = broker
        self.store = store
        self.context_for = context_for
        self.over = False
        self.ended: RunEnd | None = None
        self.stream = NarratedStream() if workflow._verbose else EventStream()
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.result: asyncio.Future[StopEvent] = self.loop.create_future()
        self._awaited: list[asyncio.Future[None]] = []
        instrument = attached()
        self.gates = Gates(self, instrument) if instrument is not None else None
        self.clock: Clock = (instrument.clock if instrument is not None else None) or LoopClock(self.loop)
        self.timers = Timers(self.clock)
        self.waiting: Waiting = Waiting(self)
        self.invoking: Invoking = Invoking(self)
        self.recorder = recorder
        if recorder is not None:
            recorder.elapsed = lambda: self.elapsed
            recorder.lost = self._unrecorded
        self._start_event = start
        self._elapsed_before = elapsed
        self._began: float | None = None
        self._snapshot_of = snapshot_of
        self._thread = threading.get_ident()
        self._mailbox: deque[Pending] = deque()
        self.mail_due = False
        self._idle_due = False
        told = instrument is not None or recorder is not None
        store.on_change = self._state_changed if told else None
        _active[run_id] = self

    # -- beginning -------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Start; nothing of the author's runs before the loop's next turn."""
        if EAGER or self.gates is not None or self._start_event is None:
            self.loop.call_soon(self._begin)
        else:
            self._begin()

    def _begin(self) -> None:
        if self.over:
            return
        broker = self.broker
        began = self._began = self.clock.now()
        if self.gates is not None:
            self.gates.tell("run_started", self._start_event)
        if self.workflow._timeout is not None:
            left = max(0.0, self.workflow._timeout - self._elapsed_before)
            self.timers.set("run", 0, left, self._time_out)
        restored = [p for p in broker.pending.values() if p not in self._mailbox]
        self._mailbox.extendleft(reversed(restored))
        if self._start_event is not None:
            self._mailbox.appendleft(broker.announce(self._start_event, "start"))
        for work in broker.works.values():
            work.began = None if work.began is None else work.began + began
        self.perform(broker.resume())
        for wait in list(broker.waits.values()):
            self.waiting.arm(wait)
            if self.gates is not None:
                self.gates.tell("waiting", wait.work, wait.kind, wait.requirements, wait.timeout)
        if self._start_event is not None:
            self._read_mail()
            return
        # An answer must not come before a step that runs again has got to where it waits for it.
        early, self._mailbox = self._mailbox, deque()
        self.loop.call_soon(self._read_early, early)

    def _read_early(self, early: deque[Pending]) -> None:
        if not self.over:
            self._mailbox.extendleft(reversed(early))
            self._read_mail()

    @property
    def elapsed(self) -> float:
        """Seconds of run clock since the run began, sessions before a restore included."""
        return self._elapsed_before + (0.0 if self._began is None else self.clock.now() - self._began)

    # -- what comes in ---------------------------------------------------------------------------------------
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
        if threading.get_ident() != self._thread:
            self.loop.call_soon_threadsafe(self.send_from, work, event, step)
        elif not self.over:
            self._post(self.broker.announce(event, "sent", work.id, step, None, work.recoveries))

    def _post(self, pending: Pending) -> int:
        self._mailbox.append(pending)
        if not self.mail_due:
            self.mail_due = True
            self.loop.call_soon(self._read_mail)
        return pending.id

    def _read_mail(self) -> None:
        self.mail_due = False
        if self._began is None:
            return
        for _ in range(len(self._mailbox)):
            if self.over:
                return
            self.admit(self._mailbox.popleft())
        self.go_on()

    def cancel(self) -> None:
        """End the run on request; what was under way stays in its snapshot."""
        if not self.over:
            self.publish(WorkflowCancelledEvent(), None)
            self._end("cancelled", resumable=True, error=WorkflowCancelledByUser())

    def abort(self) -> None:
        """End the run at once, with nothing published; awaiting it raises CancelledError."""
        if not self.over:
            self._end("cancelled", resumable=True, error=asyncio.CancelledError())

    def in_loop(self, call: Callable[[], T]) -> T:
        """The call's result, made on the run's own loop; blocks a step's thread until it is there."""
        if threading.get_ident() == self._thread:
            return call()

        async def asked() -> T:
            return call()

        return asyncio.run_coroutine_threadsafe(asked(), self.loop).result()

    # -- events ----------------------------------------------------------------------------------------------
    def admit(self, pending: Pending) -> None:
        """Bring an event to the gate."""
        if self.gates is None:
            self.proceed(pending)
        else:
            self.gates.emitting(pending)

    def proceed(self, pending: Pending) -> None:
        """Past the gate: route the event, publish it if it is a prompt, end the run if it is a stop event."""
        event = pending.event
        if pending.how == "prompt":
            self.publish(event, pending.source)
            self.drop(pending)
            return
        if pending.how == "returned" and self.broker.plan.matters_outside[type(event)]:
            if isinstance(event, StopEvent):
                self.finish(event, pending.source)
                return
            self.publish(event, pending.source)
        if self.gates is not None:
            self.gates.routing(pending)
        self._carry_out(self.broker.route(pending))

    def again(self, pending: Pending) -> Pending:
        """The same event, emitted once more."""
        p = pending
        return self.broker.announce(p.event, p.how, p.source, p.target, p.scope, p.recoveries)

    def drop(self, pending: Pending) -> None:
        """The event goes nowhere."""
        self._carry_out(self.broker.forget(pending))

    def _unhandled(self, command: Unhandled) -> None:
        pending = command.pending
        kind = type(pending.event)
        if issubclass(kind, InputRequiredEvent):
            return
        self.stream.tell(
            UnhandledEvent(
                event_type=kind.__name__,
                qualified_name=f"{kind.__module__}.{kind.__name__}",
                step_name=pending.target,
                idle=self._idles,
            )
        )
        if pending.how != "sent" or not issubclass(kind, StopEvent):  # of that was told where it was sent
            diagnosis.logger.warning(diagnosis.unhandled(self.broker.plan, pending))

    def publish(self, event: Event, source: int | None) -> None:
        """Put an event into the stream that the caller reads; from any thread."""
        if threading.get_ident() != self._thread:
            self.loop.call_soon_threadsafe(self.publish, event, source)
        elif self.gates is None:
            self.stream.put(event)
        else:
            self.gates.publishing(event, source)

    # -- commands --------------------------------------------------------------------------------------------
    def perform(self, commands: Sequence[Command]) -> None:
        """Carry out what the broker asks for, and see what can go on now."""
        self._carry_out(commands)
        self.go_on()

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if self.over:
                return
            _DO[type(command)](self, command)

    def go_on(self) -> None:
        """Start what is ready; if nothing is alive, say so once that has lasted for a turn."""
        if self.invoking.ready:
            self.invoking.flush()
        elif self.recorder is not None:
            self.recorder.flush_soon()
        if self.broker.live == 0 and not self._idle_due and not self.over:
            self._idle_due = True
            self.loop.call_soon(self._idle)

    def _start(self, work: Work) -> None:
        self.stream.note(work, StepState.RUNNING)
        self.invoking.ready.append(work)

    def _queued(self, command: Queued) -> None:
        work = command.work
        self.stream.note(work, StepState.PREPARING)
        if self.gates is not None:
            self.gates.tell("queued", work)

    def _retry_later(self, command: RetryLater) -> None:
        work = command.work
        work.due = self.timers.set(
            "retry", work.id, command.delay, lambda: self.perform(self.broker.due(work))
        )

    def _warn(self, command: Warn) -> None:
        diagnosis.logger.warning(command.text)

    def _time_out(self) -> None:
        timeout = float(self.workflow._timeout or 0)
        active = self.broker.running()
        self.publish(WorkflowTimedOutEvent(timeout=timeout, active_steps=active), None)
        steps = f"Currently active steps: {', '.join(active)}" if active else "No steps active"
        error = WorkflowTimeoutError(f"Operation timed out after {timeout} seconds. {steps}")
        self._end("timed_out", error=error, active=tuple(active))

    @property
    def _idles(self) -> bool:
        """Whether only something from outside can move the run; the answer may be here already."""
        return self.broker.live == sum(mail.how == "external" for mail in self._mailbox)

    def _idle(self) -> None:
        self._idle_due = False
        if self.over or not self._idles:
            return
        self.stream.tell(WorkflowIdleEvent())
        why = None if self.broker.live else diagnosis.stuck(self.broker)
        if why is None:
            return
        if self.gates is not None:
            self.gates.tell("stuck", why)
        diagnosis.logger.warning("Run %s of %s is stuck: %s", self.run_id, self.workflow.workflow_name, why)

    # -- the end ---------------------------------------------------------------------------------------------
    def finish(self, stop: StopEvent, invocation: int | None) -> None:
        """End the run well."""
        if self.recorder is not None and not self.over:
            self.recorder.finished(stop)
        if not self.over:
            self.publish(stop, invocation)
            self._end("finished", value=stop, invocation=invocation)

    def fail(self, command: Fail) -> None:
        """End the run with an error."""
        if self.over:
            return
        error = command.error
        invocation = command.work.id if command.work is not None else None
        event = WorkflowFailedEvent(
            step_name=command.step,
            exception=error if isinstance(error, Exception) else WorkflowRuntimeError(repr(error)),
            attempts=command.attempts,
            elapsed_seconds=command.elapsed,
        )
        self.publish(event, invocation)
        self._end("failed", error=error, step=command.step, invocation=invocation)

    def _unrecorded(self, error: WorkflowRuntimeError) -> None:
        """Rather no run than one that another process would take up where it no longer is."""
        if self.over:
            diagnosis.logger.warning("%s", error)
            return
        self.publish(WorkflowFailedEvent(step_name="journal", exception=error), None)
        self._end("failed", resumable=True, error=error)

    def _end(
        self,
        how: Literal["finished", "failed", "cancelled", "timed_out"],
        *,
        resumable: bool = False,
        **facts: Any,
    ) -> None:
        """Nothing more happens in this run; its result is given out when its tasks are gone."""
        self._elapsed_before, self._began = self.elapsed, None
        self.over = True
        self.ended = RunEnd(how, **facts)
        self.timers.clear_all()
        self._mailbox.clear()
        cut = self.broker.stop(keep=resumable)
        if self.gates is not None:
            for work in cut:
                if work.id != self.ended.invocation:
                    self.gates.tell("cancelled", work)
            self.gates.release()
        if tasks := self.invoking.cut_off():
            self._closing = self.invoking.task(self._close(tasks), f"close {self.run_id}")
        else:
            self._settle()

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        await asyncio.wait(tasks, timeout=CANCEL_GRACE)
        self._settle()

    async def settled(self) -> StopEvent:
        """The event that ended the run, once that is so; raises what the run failed with.

        Like a shielded wait for `result`, but a loop turn faster.
        """
        if not self.result.done():
            turn = self.loop.create_future()
            self._awaited.append(turn)
            await turn
        return self.result.result()

    def _settle(self) -> None:
        end = self.ended
        assert end is not None
        _active.pop(self.run_id, None)
        if self.result.done():
            return
        if isinstance(end.value, StopEvent):
            self.result.set_result(end.value)
        elif end.error is None or isinstance(end.error, asyncio.CancelledError):
            self.result.cancel()
        else:
            self.result.set_exception(end.error)
            self.result.exception()  # seen: nobody is obliged to await a run
        for turn in self._awaited:
            if not turn.done():
                turn.set_result(None)
        if self.gates is None or not self.gates.parked_publications:
            self.stream.close()
        if self.gates is not None:
            self.gates.tell("run_ended", end)
        self.workflow._run_ended(self)

    # -- for an instrument -----------------------------------------------------------------------------------
    def _state_changed(self, path: str, value: Any) -> None:
        if self.over:
            return
        if self.recorder is not None:
            self.recorder.state_changed(path, value, self.store)
        if self.gates is not None:
            here = current_step.get(None)
            inside = here is not None and here[0]() is self
            self.gates.tell("state_changed", here[1].id if here and inside else None, path, value)

    def accepts(self, event: Event, step: str | None = None) -> tuple[list[str], list[int]]:
        """The steps that would take the event now, and the waiting invocations."""
        return self.broker.accepts(event, step)

    def state(self) -> Mapping[str, Any]:
        """The run's state store as a read-only mapping."""
        mapping: Mapping[str, Any] = self.store.as_mapping()
        return mapping

    def snapshot(self) -> dict[str, Any]:
        """JSON from which `Context.from_dict` continues the run; raises ContextSerdeError naming what has
        no JSON form."""
        return self._snapshot_of(self)


_DO: dict[type[Command], Callable[[Run, Any], None]] = {
    Work: Run._start,
    Pending: Run.admit,
    Queued: Run._queued,
    Unhandled: Run._unhandled,
    Resume: lambda run, command: run.waiting.resume(command),
    RetryLater: Run._retry_later,
    Fail: Run.fail,
    Warn: Run._warn,
}
"""How each command is carried out."""
