"""`collect_events`: the buffers in which a step gathers what it expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wf_core.events import Event

if TYPE_CHECKING:
    from wf_core.engine.state import Work


class Buffer:
    """Collected events in order of arrival, counted by class."""

    __slots__ = ("counts", "events")

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events: list[Event] = []
        self.counts: dict[type[Event], int] = {}
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Put one more in."""
        self.events.append(event)
        kind = type(event)
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def take(self, expected: Sequence[type[Event]]) -> list[Event] | None:
        """One event for each expected class, in that order; None, and nothing taken, if one is missing."""
        if any(self.counts.get(kind, 0) < expected.count(kind) for kind in set(expected)):
            return None
        by_kind: dict[type[Event], list[Event]] = {}
        for event in reversed(self.events):
            by_kind.setdefault(type(event), []).append(event)
        taken = [by_kind[kind].pop() for kind in expected]
        gone = set(map(id, taken))
        self.__init__(e for e in self.events if id(e) not in gone)  # type: ignore[misc]
        return taken


class Collected:
    """What one `collect_events` call of an attempt did, to be undone if the attempt fails."""

    __slots__ = ("event", "name", "taken")

    def __init__(self, name: str, event: Event, taken: list[Event] | None) -> None:
        self.name = name
        self.event = event
        self.taken = taken


def collect(
    buffers: dict[str, Buffer], work: Work, event: Event, expected: Sequence[type[Event]], name: str
) -> list[Event] | None:
    """All expected events in the order of `expected` once `event` completes them, else None.

    An event of a class that is not (any more) expected changes nothing.
    """
    if not expected:
        return []
    buffer = buffers.get(name)
    if buffer is None:
        buffer = buffers[name] = Buffer()
    if buffer.counts.get(type(event), 0) >= expected.count(type(event)):
        return None
    buffer.add(event)
    taken = buffer.take(expected) if len(buffer.events) >= len(expected) else None
    if work.collected is None:
        work.collected = []
    work.collected.append(Collected(name, event, taken))
    return taken


def undo(buffers: dict[str, Buffer], done_by: Sequence[Collected] | None) -> None:
    """An attempt that failed, or will be made again, takes back what it added and returns what it took."""
    for done in reversed(done_by or ()):
        buffer = buffers.get(done.name, Buffer())
        kept = [*(done.taken or ()), *buffer.events]
        buffers[done.name] = Buffer(e for e in kept if e is not done.event)
