"""How a debugger sees and steers a run: one object, asked at four gates and told the rest.

The engine looks for the instrument once when a run starts (`attached()`); a run without one makes no call
for its sake. All methods are called on the run's own loop thread, synchronously, and must return quickly; an
instrument that raises is detached and the error logged, so that a broken debugger never breaks a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from wf_core.events import Event


@dataclass(frozen=True, slots=True)
class Replace:
    """Go on with this value instead: an event; at the `ended` gate any step result. A `Raised` there, or at
    the `starting` gate in place of the body, has the step fail."""

    value: Any


@dataclass(frozen=True, slots=True)
class Drop:
    """It never happened: the event is not routed, the step does not run, the result counts as None."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Go on, and once more with the same event."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Park this one until `until` is resolved with another verdict (None: proceed). The rest of the run
    goes on."""

    until: asyncio.Future[Verdict]


Verdict = Replace | Drop | Duplicate | Hold | None
"""None: proceed."""


class TimerHandle(Protocol):
    def cancel(self) -> object: ...


class Clock(Protocol):
    """The run's time: every timeout, retry delay and wait limit of a run is measured on it."""

    def now(self) -> float:
        """Seconds, monotonic."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> TimerHandle:
        """Call back on the running loop after `delay` seconds of this clock."""


@dataclass(frozen=True, slots=True)
class Emission:
    """One event entering a run."""

    id: int
    event: Event
    how: Literal["start", "returned", "sent", "external", "prompt"]
    source: int | None
    """The invocation that emitted it, None from outside."""
    target: str | None
    """The only step that may take it, None for all."""


@dataclass(slots=True)
class Invocation:
    """One start of a step on its input; retries are further attempts of the same invocation."""

    id: int
    step: str
    events: tuple[Event, ...]
    """Its input: one event, or the members of a join."""
    emissions: tuple[int, ...]
    """The emission ids of `events`."""
    attempt: int = 0
    worker: int | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    value: Any
    """What the step's body returned: an event, a list of events or None."""


@dataclass(frozen=True, slots=True)
class Raised:
    error: BaseException


Outcome = Returned | Raised


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended. `value` is the stop event of a finished run."""

    how: Literal["finished", "failed", "cancelled", "timed_out"]
    value: Event | None = None
    error: BaseException | None = None
    step: str | None = None
    invocation: int | None = None
    active: tuple[str, ...] = ()


class RunHandle(Protocol):
    """What an instrument may know of a run and do to it."""

    run_id: str
    workflow: Any

    def send(self, event: Event, step: str | None = None) -> int:
        """Bring an event in from outside; returns its emission id."""

    def accepts(self, event: Event, step: str | None = None) -> tuple[list[str], list[int]]:
        """The steps that would take the event now, and the waiting invocations."""

    def state(self) -> Mapping[str, Any]:
        """The run's state store as a read-only mapping."""

    def snapshot(self) -> dict[str, Any]:
        """JSON from which `Context.from_dict` continues the run; raises ContextSerdeError naming what has
        no JSON form."""

    def cancel(self) -> None: ...


class Instrument:
    """Does nothing at every point; a debugger overrides what it needs."""

    clock: Clock | None = None
    """Replaces the loop's clock for the runs that start under this instrument."""

    # -- gates: the answer decides what happens
    def emitting(self, run: RunHandle, emission: Emission) -> Verdict:
        """An event is about to be routed."""

    def starting(self, run: RunHandle, invocation: Invocation) -> Verdict:
        """A step has a free worker and is about to start on its input; called inside the invocation's
        task."""

    def ended(self, run: RunHandle, invocation: Invocation, outcome: Outcome) -> Verdict:
        """A step's body came to its end; before any retry policy acts and before its events are emitted."""

    def publishing(self, run: RunHandle, event: Event, source: int | None) -> Verdict:
        """An event is about to go to the stream that the caller reads."""

    # -- told
    def run_started(self, run: RunHandle, start: Event | None) -> None:
        """`start` is None for a run continued from a snapshot."""

    def routed(self, run: RunHandle, emission: Emission, steps: list[str], waiters: list[int]) -> None:
        """Both empty: nobody takes the event."""

    def queued(self, run: RunHandle, invocation: Invocation) -> None:
        """All workers of the step are busy."""

    def started(self, run: RunHandle, invocation: Invocation) -> None:
        """The body starts now; called in the context that the body (and its thread, if sync) will run in."""

    def waiting(
        self,
        run: RunHandle,
        invocation: Invocation,
        awaits: type[Event],
        requirements: Mapping[str, Any],
        timeout: float | None,
    ) -> None:
        """The body is in `wait_for_event`; told again when a restored run begins."""

    def resumed(self, run: RunHandle, invocation: Invocation, emission: int | None) -> None:
        """The awaited event came (None: the wait timed out)."""

    def finished(
        self, run: RunHandle, invocation: Invocation, outcome: Outcome, retry_delay: float | None
    ) -> None:
        """The outcome was accepted. `retry_delay` not None: a failed attempt that will be tried again after
        it."""

    def cancelled(self, run: RunHandle, invocation: Invocation) -> None:
        """The invocation was cut off (the run ended under it)."""

    def published(self, run: RunHandle, event: Event, source: int | None) -> None: ...

    def state_changed(self, run: RunHandle, source: int | None, path: str, value: Any) -> None: ...

    def stuck(self, run: RunHandle, why: str) -> None:
        """Nothing can move any more and no stop event came."""

    def run_ended(self, run: RunHandle, end: RunEnd) -> None: ...


_attached: Instrument | None = None


def attach(instrument: Instrument | None) -> None:
    """Put every run that starts from now on in this process under the instrument (None: under none)."""
    global _attached
    _attached = instrument


def attached() -> Instrument | None:
    """The instrument that a starting run is put under."""
    return _attached
