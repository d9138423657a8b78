"""The stream of events that a run's caller reads, with the engine's own events in between.

The engine's events are kept as tuples and become events when somebody reads them. Hardly anybody does, so
only the latest are kept until somebody asks for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from wf_core.engine.state import Work
from wf_core.errors import WorkflowRuntimeError
from wf_core.events import Event, InternalDispatchEvent, StepState, StepStateChanged, StopEvent

StateNote = tuple[int, str, StepState, int | None, type[Event], type | None]
"""Number of events published before; then what becomes a StepStateChanged: step, state, worker, input
class, output class."""

NOTES_KEPT = 1_000
"""Notes that wait for a late reader of the engine's own events."""


class EventStream:
    """A queue without bound: published events wait until they are read, once."""

    __slots__ = (
        "_closed",
        "_consumed",
        "_events",
        "_lock",
        "_notes",
        "_published",
        "_reader",
        "_reads_notes",
    )

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._notes: deque[StateNote | tuple[int, InternalDispatchEvent]] = deque(maxlen=NOTES_KEPT)
        self._published = 0
        self._reader: asyncio.Future[None] | None = None
        self._reads_notes = False
        self._lock: asyncio.Lock | None = None
        self._closed = False
        self._consumed = False

    def put(self, event: Event) -> None:
        """Add a published event."""
        self._published += 1
        self._events.append(event)
        if self._reader is not None:
            self._wake()

    def note(self, work: Work, state: StepState, given: type | None = None) -> None:
        """Add what a step is doing; `given` is the class of its output."""
        self._notes.append((self._published, work.step, state, work.worker, work.input_type, given))
        if self._reads_notes:
            self._wake()

    def tell(self, event: InternalDispatchEvent) -> None:
        """Add another of the engine's own events."""
        self._notes.append((self._published, event))
        if self._reads_notes:
            self._wake()

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._wake()

    async def read(self, *, internal: bool) -> AsyncGenerator[Event, None]:
        """The events up to and including the first stop event; without `internal` those of the engine are
        left out. With it, of what the engine noted before only the latest `NOTES_KEPT` are there.

        Reading can be broken off and taken up again. Raises WorkflowRuntimeError when there is nothing left.
        """
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self._consumed or (self._closed and not self._events and not self._notes):
                raise WorkflowRuntimeError("All the streamed events have already been consumed.")
            self._notes = deque(self._notes, None if internal else NOTES_KEPT)
            self._reads_notes = internal
            try:
                while True:
                    while (event := self._next(internal=internal)) is not None:
                        self._consumed = isinstance(event, StopEvent)
                        yield event
                        if self._consumed:
                            return
                    if self._closed:
                        return
                    await self._more()
            finally:
                self._reads_notes = False

    def _next(self, *, internal: bool) -> Event | None:
        """What is to be read now, None for nothing yet. Who does not read notes forgets them."""
        notes, events = self._notes, self._events
        while True:
            if notes and not internal:
                notes.clear()
            elif notes and notes[0][0] <= self._published - len(events):
                return _as_event(notes.popleft())
            if not events:
                return None
            event = events.popleft()
            if internal or not isinstance(event, InternalDispatchEvent):
                return event

    async def _more(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


def _as_event(note: StateNote | tuple[int, InternalDispatchEvent]) -> InternalDispatchEvent:
    if len(note) == 2:
        return note[1]
    _, name, state, worker, taken, given = note
    ended = state is StepState.NOT_RUNNING
    return StepStateChanged(
        name=name,
        step_state=state,
        worker_id="<enqueued>" if worker is None else str(worker),
        input_event_name=str(taken) if ended else taken.__name__,
        output_event_name=None if given is None else str(given),
    )
