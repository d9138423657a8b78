"""What the debugger keeps of one live run of the native engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from wf_core.engine.instrument import Emission, RunHandle
from wf_core.events import Event

_REMEMBERED = 10_000
"""Ended invocations whose step is still known."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """How far a run that is continued here was recorded elsewhere."""

    elapsed: float = 0.0
    """Run clock in seconds."""
    events: int = 0
    """Events up to this number are recorded ..."""
    unrecorded: frozenset[int] = frozenset()
    """... except these."""

    waiting: Mapping[int, str] = field(default_factory=dict)
    """Steps that were in `wait_for_event`, by invocation."""

    def has(self, event: int) -> bool:
        return event <= self.events and event not in self.unrecorded


@dataclass(slots=True)
class LiveRun:
    """A run between its start and its end. The numbers of a continued run go on where they stood."""

    handle: RunHandle
    loop: asyncio.AbstractEventLoop
    known_types: set[type]
    """Event classes that the workflow is known to use."""
    recorded: Recorded = Recorded()
    on_their_way: dict[int, Event] = field(default_factory=dict)
    """Emitted, not yet routed."""
    injected: set[int] = field(default_factory=set)
    """Numbers of events that the person sent in."""
    began: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)
    """When the bodies of those came to their end whose outcome may be held."""
    """Run clock at the start of each running invocation's present attempt."""
    active: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Step and attempt of every invocation that started or was asked to."""
    waiting: dict[int, str] = field(default_factory=dict)
    """Steps in `wait_for_event`, by invocation."""

    _over: deque[int] = field(default_factory=deque)

    def forget_later(self, invocation: int) -> None:
        """The attempt is over; who it was is remembered for the events that it has yet to emit."""
        self._over.append(invocation)
        if len(self._over) > _REMEMBERED:
            oldest = self._over.popleft()
            if oldest not in self.began and oldest not in self.waiting:
                self.active.pop(oldest, None)

    def number_of(self, event: Event) -> int | None:
        """The number of an event that is on its way, found by identity."""
        return next((number for number, e in self.on_their_way.items() if e is event), None)

    def emitted_by(self, emission: Emission) -> str:
        """How the recording says that an event came in."""
        return "injected" if emission.id in self.injected else emission.how
