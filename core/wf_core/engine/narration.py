"""`verbose=True`: a line for everything a run's steps do."""

from __future__ import annotations

import logging

from wf_core.engine.state import Work
from wf_core.engine.stream import EventStream
from wf_core.events import (
    Event,
    InternalDispatchEvent,
    StepState,
    StopEvent,
    WorkflowCancelledEvent,
    WorkflowFailedEvent,
    WorkflowTimedOutEvent,
)

logger = logging.getLogger("wf_core.verbose")
_SHOWN = 200
"""Characters of an event that are shown."""


class NarratedStream(EventStream):
    """A stream that tells what passes: to the logger `wf_core.verbose` if it is on, else on stdout."""

    __slots__ = ()

    def put(self, event: Event) -> None:
        """Add a published event, and tell it."""
        _say(f"[{_kind(event)}] {_short(event)}")
        super().put(event)

    def note(self, work: Work, state: StepState, given: type | None = None) -> None:
        """Add what a step is doing, and tell it."""
        _say(_step_line(work, state, given))
        super().note(work, state, given)

    def tell(self, event: InternalDispatchEvent) -> None:
        """Add one of the engine's own events, and tell it."""
        _say(f"[event] {_short(event)}")
        super().tell(event)


def _step_line(work: Work, state: StepState, given: type | None) -> str:
    name, worker = work.step, work.worker
    if state is StepState.PREPARING:
        return f"[{name}] enqueued (waiting for capacity)"
    if state is StepState.RUNNING:
        return f"[{name}:{worker}] started from {work.input_type.__name__}"
    if given is None or given is type(None):
        return f"[{name}:{worker}] complete with no result"
    return f"[{name}:{worker}] complete with {given.__name__}"


def _kind(event: Event) -> str:
    broken_off = isinstance(event, WorkflowTimedOutEvent | WorkflowCancelledEvent | WorkflowFailedEvent)
    return "result" if isinstance(event, StopEvent) and not broken_off else "event"


def _short(event: Event) -> str:
    try:
        shown = repr(event)
    except Exception as error:  # the author's own __repr__
        shown = f"{type(event).__name__} (its repr raised {type(error).__name__})"
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."


def _say(line: str) -> None:
    if logger.isEnabledFor(logging.INFO):
        logger.info(line)
    else:
        print(line)
