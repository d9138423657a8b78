"""The stream of events that a run's caller reads, with the engine's own events in between.

The engine's events are kept as tuples and become events when somebody reads them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from wf_core.errors import WorkflowRuntimeError
from wf_core.events import Event, InternalDispatchEvent, StepState, StepStateChanged, StopEvent

StateNote = tuple[str, StepState, "int | str | None", "type | str", "type | None"]
"""Fields of a StepStateChanged: step, state, worker, input class or its name, output class."""


class EventStream:
    """A queue without bound: published events wait until they are read, once."""

    __slots__ = ("_closed", "_consumed", "_items", "_lock", "_reader")

    def __init__(self) -> None:
        self._items: deque[Event | StateNote] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False
        self._consumed = False

    def put(self, item: Event | StateNote) -> None:
        """Add an event, or the note of one."""
        self._items.append(item)
        if self._reader is not None:
            self._wake()

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        if self._reader is not None:
            self._wake()

    async def read(self, *, internal: bool) -> AsyncGenerator[Event, None]:
        """The events up to and including the first stop event; without `internal` those of the engine are
        left out.

        Reading can be broken off and taken up again. Raises WorkflowRuntimeError when there is nothing left.
        """
        async with self._lock:
            if self._consumed or (self._closed and not self._items):
                raise WorkflowRuntimeError("All the streamed events have already been consumed.")
            while True:
                while self._items:
                    item = self._items.popleft()
                    event = item if isinstance(item, Event) else _as_event(item) if internal else None
                    if event is None or (not internal and isinstance(event, InternalDispatchEvent)):
                        continue
                    if isinstance(event, StopEvent):
                        self._consumed = True
                        yield event
                        return
                    yield event
                if self._closed:
                    return
                await self._more()

    async def _more(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


def _as_event(note: StateNote) -> StepStateChanged:
    name, state, worker, taken, given = note
    return StepStateChanged(
        name=name,
        step_state=state,
        worker_id=str(worker),
        input_event_name=str(taken),
        output_event_name=None if given is None else str(given),
    )
