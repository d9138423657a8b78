"""The context: one object with three faces - before a run, inside a step, and outside a running one."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import warnings
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from wf_core import snapshot
from wf_core.engine.invoking import current_step
from wf_core.engine.runner import Run
from wf_core.engine.state import Work
from wf_core.errors import ContextStateError, Place, WorkflowRuntimeError
from wf_core.events import Event, StopEvent
from wf_core.handler import WorkflowHandler
from wf_core.retry_policy import RetryInfo
from wf_core.serializers import BaseSerializer
from wf_core.state_store import InMemoryStateStore

if TYPE_CHECKING:
    from wf_core.engine.recorder import Recorder
    from wf_core.workflow import Workflow

logger = logging.getLogger("wf_core")
StateT = TypeVar("StateT", bound=BaseModel)
E = TypeVar("E", bound=Event)


class Context(Generic[StateT]):
    """What a step and a caller know of a run.

    Made by hand it carries state into a run, and from one run into the next; a step gets its own as a
    parameter; the handler has that of its run. Using the wrong face raises ContextStateError.
    """

    __slots__ = ("__weakref__", "_run", "_serializer", "_snapshot", "_store", "_work", "_workflow")

    def __init__(
        self,
        workflow: Workflow,
        previous_context: dict[str, Any] | None = None,
        serializer: BaseSerializer | None = None,
    ) -> None:
        self._workflow = workflow
        self._serializer = serializer if serializer is not None else workflow._default_serializer()
        self._run: Run | None = None
        self._work: Work | None = None
        self._store: InMemoryStateStore[Any] | None = None
        self._snapshot = snapshot.read(workflow, previous_context or {}, self._serializer)

    @classmethod
    def from_dict(
        cls, workflow: Workflow, data: dict[str, Any], serializer: BaseSerializer | None = None
    ) -> Context[StateT]:
        """A context that continues what `to_dict` wrote. Raises ContextSerdeError if that can't be read."""
        return cls(workflow, previous_context=data, serializer=serializer)

    @classmethod
    def _inside(cls, run: Run, work: Work) -> Context[Any]:
        ctx: Context[Any] = object.__new__(cls)
        ctx._workflow = run.workflow
        ctx._run = run
        ctx._work = work
        return ctx

    @staticmethod
    def get_step_context() -> Context[Any]:
        """The context of the step that is running here; WorkflowRuntimeError outside of one."""
        here = current_step.get(None)
        run = None if here is None else here[0]()
        if here is None or run is None:
            raise WorkflowRuntimeError(
                "Context.get_step_context() may only be called from within a step function"
            )
        work = here[1]
        if work.context is None:
            work.context = Context._inside(run, work)
        return work.context

    # -- the faces -------------------------------------------------------------------------------------------
    def _inner(self, name: str) -> tuple[Run, Work]:
        if self._run is not None and self._work is not None:
            return self._run, self._work
        if self._run is None:
            raise ContextStateError(f"{name} requires a running workflow. Call workflow.run() first.")
        raise ContextStateError(f"{name} is only available from within step functions.")

    def _outer(self, name: str) -> Run:
        if self._run is None:
            raise ContextStateError(f"{name} requires a running workflow. Call workflow.run() first.")
        if self._work is not None:
            raise ContextStateError(f"{name} is only available from handler code, not from within steps.")
        return self._run

    # -- every face ------------------------------------------------------------------------------------------
    @property
    def store(self) -> InMemoryStateStore[StateT]:
        """The state that the steps of a run share; before the run, what it will start with."""
        if self._run is not None:
            return cast("InMemoryStateStore[StateT]", self._run.store)
        if self._store is None:
            self._store = self._first_store()
        return self._store

    def _first_store(self) -> InMemoryStateStore[Any]:
        if self._snapshot.state:
            return InMemoryStateStore.from_dict(self._snapshot.state, self._serializer)
        kind = self._workflow._plan().state_type
        try:
            return InMemoryStateStore(kind())
        except ValidationError as error:
            error.add_note(
                f"Every field of a state type needs a default; a run starts with {kind.__name__}()."
            )
            raise

    @property
    def is_running(self) -> bool:
        """Whether the run goes on; before it, whether it continues one that did."""
        if self._work is not None:
            _warn_inside()
            return True
        if self._run is not None:
            return not self._run.result.done()
        return self._snapshot.is_running

    def send_event(self, message: Event, step: str | None = None) -> None:
        """Send an event to every step that takes it, or to one.

        Raises WorkflowRuntimeError if that step does not exist or does not take it.
        """
        if self._run is None:
            raise ContextStateError("send_event() called before workflow started. Call workflow.run() first.")
        _require_event(message, "send_event")
        if step is not None:
            self._workflow._validate_valid_step_message(step, message)
        if self._work is not None:
            if isinstance(message, StopEvent):
                logger.warning(
                    "Step %r sent a %s (%s). It was sent, not returned: only a StopEvent that a step returns "
                    "ends a run. It goes on.",
                    self._work.step,
                    type(message).__name__,
                    _caller(),
                )
            self._run.send_from(self._work, message, step)
        else:
            self._run.send_from_outside(message, step)

    # -- inside a step ---------------------------------------------------------------------------------------
    def collect_events(
        self, ev: Event, expected: list[type[Event]], buffer_id: str | None = None
    ) -> list[Event] | None:
        """Keep the event until all expected classes have come; then all of them in the order of `expected`,
        until then None."""
        run, work = self._inner("collect_events")
        return run.in_loop(lambda: run.broker.collect(work, ev, expected, buffer_id or "default"))

    async def wait_for_event(
        self,
        event_type: type[E],
        waiter_event: Event | None = None,
        waiter_id: str | None = None,
        requirements: dict[str, Any] | None = None,
        timeout: float | None = 2000,
    ) -> E:
        """Wait in the middle of a step until an event of this class comes whose attributes equal
        `requirements`.

        `waiter_event` is published once to ask for it. The step's worker is free meanwhile. After a restart
        from a snapshot the step runs again from its first line, and the call then returns at once what has
        come. Raises TimeoutError after `timeout` seconds.
        """
        run, work = self._inner("wait_for_event")
        answer = await run.waiting.wait(
            work, event_type, waiter_event, waiter_id, requirements or {}, timeout
        )
        return cast("E", answer)

    def write_event_to_stream(self, ev: Event | None) -> None:
        """Publish an event to the caller's stream; no step gets it."""
        run, work = self._inner("write_event_to_stream")
        if ev is None:
            return
        _require_event(ev, "write_event_to_stream")
        if isinstance(ev, StopEvent):
            logger.warning(
                "Step %r wrote a %s to the stream (%s): it ends the stream for its readers while the run "
                "goes on. Return it from the step to end the run.",
                work.step,
                type(ev).__name__,
                _caller(),
            )
        run.publish(ev, work.id)

    def retry_info(self) -> RetryInfo:
        """Which attempt this is, and what the last one failed with."""
        run, work = self._inner("retry_info")
        failed = work.failed_at
        first = work.attempt == 0 or work.began is None
        return RetryInfo(
            retry_number=work.attempt,
            elapsed_seconds=0.0 if first else max(0.0, run.clock.now() - (work.began or 0.0)),
            last_exception=work.last_error,
            last_failed_at=None if failed is None else datetime.fromtimestamp(failed, tz=UTC),
        )

    # -- outside a run ---------------------------------------------------------------------------------------
    def to_dict(
        self, serializer: BaseSerializer | None = None, *, include_state: bool = True
    ) -> dict[str, Any]:
        """The run as JSON, to be continued with `from_dict`: state, queued and collected events, waits,
        running steps.

        Raises ContextSerdeError naming what has no JSON form.
        """
        if self._work is not None:
            self._outer("to_dict")
        chosen = serializer or self._serializer
        state = snapshot.of_store(self.store, chosen) if include_state else {}
        if self._run is None:
            return self._snapshot.to_dict(state)
        return snapshot.of_run(self._run, chosen, state)

    async def running_steps(self) -> list[str]:
        """The steps that have an invocation running."""
        return self._outer("running_steps").broker.running()

    def stream_events(self) -> AsyncGenerator[Event, None]:
        """Everything the run publishes, the engine's own events included."""
        return self._outer("stream_events").stream.read(internal=True)

    @property
    def streaming_queue(self) -> asyncio.Queue[Event]:
        """Deprecated: a queue that is filled with what `stream_events` gives, up to the stop event."""
        _warn_streaming_queue()
        events = self.stream_events()
        queue: asyncio.Queue[Event] = asyncio.Queue()

        async def fill() -> None:
            async for event in events:
                await queue.put(event)

        filling = asyncio.ensure_future(fill())
        queue._filling = filling  # type: ignore[attr-defined]  # nobody else keeps the task alive
        return queue

    def get_result(self) -> Any:
        """Deprecated: the result of the ended run; await the handler instead."""
        _warn_get_result()
        run = self._outer("get_result")
        if not run.result.done():
            raise WorkflowRuntimeError(f"Workflow run with run_id {run.run_id} is not complete")
        stop = run.result.result()
        return stop.result if type(stop) is StopEvent else stop

    # -- for the workflow ------------------------------------------------------------------------------------
    def _begin_run(self, start: Event | None, run_id: str) -> WorkflowHandler:
        """Turn this context into that of a new run."""
        if self._work is not None:
            raise ContextStateError("Cannot start workflow from a step function context")
        if self._run is not None and not self._run.result.done():
            raise ContextStateError(
                "Cannot start a new run while context is already running. "
                "Wait for completion or use a new Context."
            )
        store = self.store
        if self._run is not None:
            self._snapshot = snapshot.left_behind(self._run, self._serializer)
        recorder = self._recorder(run_id)
        broker = self._snapshot.broker(self._workflow._plan(), self._serializer)
        run = Run(
            self._workflow,
            broker if recorder is None else recorder.recorded(broker),
            run_id,
            start,
            store,
            Context._inside,
            self._snapshot_of,
            elapsed=self._snapshot.elapsed,
            recorder=recorder,
        )
        if recorder is not None:
            recorder.begin(self._snapshot.broker_data, snapshot.of_store(store, self._serializer))
        self._run = run
        return WorkflowHandler(run, self)

    def _recorder(self, run_id: str) -> Recorder | None:
        journal = self._workflow._journal
        if journal is None:
            return None
        from wf_core.engine.recorder import Recorder

        return Recorder(journal, run_id, self._serializer, asyncio.get_running_loop().call_soon)

    def _snapshot_of(self, run: Run) -> dict[str, Any]:
        return snapshot.of_run(run, self._serializer, snapshot.of_store(run.store, self._serializer))


def _caller() -> Place:
    """The line that called the method this is asked in."""
    frame = sys._getframe(2)
    return Place(frame.f_code.co_filename, frame.f_lineno)


def _require_event(value: object, method: str) -> None:
    if not isinstance(value, Event):
        raise WorkflowRuntimeError(
            f"{method} takes an Event instance, not {type(value).__name__}: {value!r:.80}"
        )


@functools.cache
def _warn_inside() -> None:
    warnings.warn(
        "is_running called from within a step; the workflow is always running inside a step.",
        DeprecationWarning,
        stacklevel=3,
    )


@functools.cache
def _warn_streaming_queue() -> None:
    warnings.warn(
        "Context.streaming_queue is deprecated; iterate over handler.stream_events()",
        DeprecationWarning,
        stacklevel=3,
    )


@functools.cache
def _warn_get_result() -> None:
    warnings.warn(
        "Context.get_result() is deprecated; await the handler that Workflow.run() returned",
        DeprecationWarning,
        stacklevel=3,
    )
