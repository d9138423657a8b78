"""The handler: how the caller of a run awaits it, reads its stream, answers it and cancels it."""

from __future__ import annotations

import asyncio
import functools
import warnings
from collections.abc import AsyncGenerator, Generator
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from wf_core.errors import WorkflowCancelledByUser
from wf_core.events import Event, StopEvent, WorkflowCancelledEvent

if TYPE_CHECKING:
    from wf_core.context import Context
    from wf_core.engine.runner import Run


class WorkflowHandler:
    """A run seen from outside. Awaiting it gives the result of its StopEvent, or that event itself if it is
    of a subclass."""

    def __class_getitem__(cls, result: object) -> GenericAlias:
        """`WorkflowHandler[Result]` may be written in an annotation."""
        return GenericAlias(cls, result)

    def __init__(self, run: Run, ctx: Context[Any]) -> None:
        self._run = run
        self._ctx = ctx
        self.run_id = run.run_id

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._outcome().__await__()

    async def _outcome(self) -> Any:
        stop = await self.stop_event_result()
        return stop.result if type(stop) is StopEvent else stop

    async def stop_event_result(self) -> StopEvent:
        """The event that ended the run; raises what the run failed with. Being cancelled here cancels the
        run."""
        run = self._run
        try:
            return await run.settled()
        except asyncio.CancelledError:
            run.abort()
            raise

    @property
    def ctx(self) -> Context[Any]:
        """The context of the run."""
        return self._ctx

    def is_done(self) -> bool:
        """Whether the run has ended."""
        return self._run.result.done()

    def get_stop_event(self) -> StopEvent | None:
        """The event that ended the run, None while it goes on or if it failed."""
        result = self._run.result
        if not result.done() or result.cancelled():
            return None
        if isinstance(result.exception(), WorkflowCancelledByUser):
            return WorkflowCancelledEvent()
        return None if result.exception() is not None else result.result()

    def stream_events(self, expose_internal: bool = False) -> AsyncGenerator[Event, None]:
        """The events the run publishes, until its stop event; each can be read once.

        `expose_internal` adds the engine's own. Raises WorkflowRuntimeError when all were consumed before.
        """
        return self._run.stream.read(internal=expose_internal)

    async def send_event(self, event: Event, step: str | None = None) -> None:
        """Send an event in: to every step that takes it, or to one."""
        self._ctx.send_event(event, step)

    async def cancel_run(self, *, timeout: float = 5.0) -> None:
        """End the run and wait until it has ended, `timeout` seconds at most. Awaiting it then raises
        WorkflowCancelledByUser."""
        self._run.cancel()
        await asyncio.wait([self._run.result], timeout=timeout)

    def __str__(self) -> str:
        return (
            f"WorkflowHandler(workflow={self._run.workflow.workflow_name}, run_id={self.run_id}, "
            f"result={self.get_stop_event()})"
        )

    def done(self) -> bool:
        """Deprecated: use `is_done`."""
        _deprecated("done", "is_done()")
        return self.is_done()

    def cancel(self) -> None:
        """Deprecated: end the run hard, with nothing published. Use `cancel_run`."""
        _deprecated("cancel", "await handler.cancel_run()")
        self._run.abort()

    def exception(self) -> BaseException | None:
        """Deprecated: what the run failed with; await the handler instead."""
        _deprecated("exception", "await handler")
        return None if self._run.result.cancelled() else self._run.result.exception()

    def cancelled(self) -> bool:
        """Deprecated: whether the run was cancelled; await the handler instead."""
        _deprecated("cancelled", "await handler")
        result = self._run.result
        return result.cancelled() or (
            result.done() and isinstance(result.exception(), WorkflowCancelledByUser)
        )


@functools.cache
def _deprecated(name: str, instead: str) -> None:
    warnings.warn(f"WorkflowHandler.{name}() is deprecated; use {instead}", DeprecationWarning, stacklevel=3)
