"""Carries out invocations: one task each, from the gate before it to what the broker makes of its end."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import time
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from wf_core.engine import results
from wf_core.engine.broker import Failure
from wf_core.engine.commands import Fail
from wf_core.engine.executor import arguments_of, execute
from wf_core.engine.instrument import Drop
from wf_core.engine.limits import limited
from wf_core.engine.state import Work
from wf_core.events import Event, StepState, StopEvent

if TYPE_CHECKING:
    from wf_core.engine.runner import Run

_STARTS_PER_TURN = 64
"""Eagerly started steps before the loop gets a turn."""
EAGER = sys.version_info >= (3, 12)
"""Where asyncio can, a step's task starts within the turn in which its event came."""
_OPTIONS: dict[str, Any] = {"eager_start": True} if EAGER else {}
_Task: Callable[..., asyncio.Task[None]] = partial(asyncio.Task, **_OPTIONS) if EAGER else asyncio.Task

current_step: contextvars.ContextVar[tuple[weakref.ref[Run], Work]] = contextvars.ContextVar(
    "wf_core_current_step"
)
"""The run and invocation that the current code belongs to. Timers keep the contexts in which they were
set; the run, and with it the workflow, must not live as long as they do."""


class Invoking:
    """The running invocations of a run."""

    __slots__ = ("_context", "_flushing", "_ref", "_run", "_tasks", "ready")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ref = weakref.ref(run)
        self._context = contextvars.copy_context()
        _tag(self._context, run.run_id)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.ready: deque[Work] = deque()
        """To be started by `flush`."""
        self._flushing = False

    def flush(self) -> None:
        """Start what is ready, in one loop of its own: steps that finish eagerly must not nest.

        Not all in one turn, and none that would run before what was sent earlier is delivered.
        """
        if self._flushing or not self.ready:
            return
        self._flushing = True
        try:
            for _ in range(_STARTS_PER_TURN):
                if not self.ready or (EAGER and self._run.mail_due):
                    break
                work = self.ready.popleft()
                task = self.task(self._invoke(work), work.step)
                if not task.done():
                    self._tasks[work.id] = task
        finally:
            self._flushing = False
        if self.ready:
            self._flushing = True
            self._run.loop.call_soon(self._flush_on, context=self._context)

    def _flush_on(self) -> None:
        self._flushing = False
        self.flush()

    def task(self, body: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task outside the application's task factory, in the context that the run was started in."""
        return _Task(body, loop=self._run.loop, name=name, context=self._context.copy())

    def cut_off(self) -> list[asyncio.Task[None]]:
        """Cancel everything but the caller's own task; the tasks that have yet to end."""
        self.ready.clear()
        current = asyncio.current_task(self._run.loop)
        tasks = [task for task in self._tasks.values() if task is not current and not task.done()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        return tasks

    async def _invoke(self, work: Work) -> None:
        run, gates = self._run, self._run.gates
        try:
            instead = None if gates is None or not work.gated else await gates.admitted(work)
            if isinstance(instead, Drop):
                self._tasks.pop(work.id, None)
                run.perform(run.broker.skipped(work))
                return
            if run.recorder is not None and not run.recorder.flush():
                return
            current_step.set((self._ref, work))
            if work.began is None:
                work.began = run.clock.now()
            if gates is not None:
                gates.tell("started", work)
            try:
                value, error = (await self._body(work), None) if instead is None else (None, instead.error)
                emitted = results.emitted_by(work.plan, value)
            except BaseException as raised:
                if _ours(run, raised):
                    raise
                value, error, emitted = None, raised, results.NOTHING
            if gates is not None:
                value, error, emitted = await gates.ended(work, value, error, emitted)
            self._tasks.pop(work.id, None)
            if run.over:
                return
            if error is None:
                self._returned(work, value, *emitted)
            else:
                self._raised(work, error)
        except asyncio.CancelledError:
            run.abort()
            raise
        except Exception as fault:
            # A mistake of the engine: it must not leave the run hanging.
            run.fail(Fail(work.step, fault, work, work.attempt + 1))
        finally:
            work.context = None

    def _body(self, work: Work) -> Coroutine[Any, Any, Any]:
        run, plan = self._run, work.plan
        work.waited = 0
        arguments = arguments_of(work)
        if plan.context_param is not None:
            work.context = arguments[plan.context_param] = run.context_for(run, work)
        body = execute(run.workflow, plan, arguments)
        return body if plan.timeout is None else limited(run, work, body, plan.timeout)

    def _returned(self, work: Work, value: Any, events: tuple[Event, ...], fanned_out: bool) -> None:
        run = self._run
        run.stream.note(work, StepState.NOT_RUNNING, type(events[-1] if events else None))
        if run.gates is not None:
            run.gates.returned(work, value)
        elif not any(map(run.broker.plan.matters_outside.__getitem__, map(type, events))):
            run.perform(run.broker.handed_on(work, events, fanned_out=fanned_out))
            return
        elif stop := next((event for event in events if isinstance(event, StopEvent)), None):
            run.finish(stop, work.id)
            return
        run.perform(run.broker.returned(work, events, fanned_out=fanned_out))

    def _raised(self, work: Work, raised: BaseException) -> None:
        run = self._run
        error = results.presentable(work.plan, raised)
        elapsed = max(0.0, run.clock.now() - (work.began or 0.0))
        fatal = not isinstance(raised, (Exception, asyncio.CancelledError))
        delay = None
        if not fatal:
            try:
                delay = _retry_delay(run.run_id, work, error, elapsed)
            except Exception as fault:
                error = fault
        run.stream.note(work, StepState.NOT_RUNNING)
        if run.gates is not None:
            run.gates.failed(work, error, delay)
        if not fatal:
            failure = Failure(error, elapsed, datetime.fromtimestamp(time.time(), tz=UTC))
            run.perform(run.broker.failed(work, failure, delay))
            return
        run.fail(Fail(work.step, error, work, work.attempt + 1, elapsed))
        if isinstance(raised, KeyboardInterrupt):
            raise raised


def _tag(context: contextvars.Context, run_id: str) -> None:
    """Where LlamaIndex's instrumentation is in use, what it reports names the run."""
    instrumentation = sys.modules.get("llama_index_instrumentation.dispatcher")
    if instrumentation is not None:
        tags = instrumentation.active_instrument_tags
        context.run(lambda: tags.set({**tags.get(), "llamaindex.run_id": run_id}))


def _ours(run: Run, raised: BaseException) -> bool:
    """Whether an exception says that the task is to end, rather than that the step failed."""
    if isinstance(raised, GeneratorExit):
        return not _runs_in_its_task(sys._getframe(1))
    if not isinstance(raised, asyncio.CancelledError):
        return False
    task = asyncio.current_task()
    return run.over or (task is not None and task.cancelling() > 0)


def _runs_in_its_task(invocation: FrameType) -> bool:
    """Whether the invocation goes on by its own task. If not, somebody closes it: it was collected as
    garbage, or its loop is gone."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        return False
    return task is not None and getattr(task.get_coro(), "cr_frame", None) is invocation


def _retry_delay(run_id: str, work: Work, error: Exception, elapsed: float) -> float | None:
    """What the step's policy says: seconds until the next attempt, None for no more. The same run gets the
    same jitter. Raises what the policy raises."""
    policy = work.plan.policy
    if policy is None:
        return None
    if not work.plan.seeded:
        return policy.next(elapsed, work.attempt + 1, error)
    seed = zlib.crc32(f"{run_id}:{work.step}:{work.attempt + 1}".encode())
    return policy.next(elapsed, work.attempt + 1, error, seed=seed)
