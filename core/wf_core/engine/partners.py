"""Events of a step with several event parameters that wait until every parameter can be filled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wf_core.events import Event
from wf_core.matching import type_matches

if TYPE_CHECKING:
    from wf_core.engine.state import Pending

Kind = type[Event]


class Partners:
    """They are kept by class: of two events of one class the earlier is as good as the later."""

    __slots__ = ("_arrivals", "_by_kind")

    def __init__(self) -> None:
        self._by_kind: dict[Kind, deque[tuple[int, Pending]]] = {}
        self._arrivals = 0

    def __iter__(self) -> Iterator[Pending]:
        """In order of arrival."""
        arrived = sorted((place, pending) for queue in self._by_kind.values() for place, pending in queue)
        return iter([pending for _, pending in arrived])

    def __bool__(self) -> bool:
        return bool(self._by_kind)

    def add(self, pending: Pending) -> None:
        """One more waits."""
        self._arrivals += 1
        self._by_kind.setdefault(type(pending.event), deque()).append((self._arrivals, pending))

    def take(self, slots: Sequence[tuple[str, Any]], *, allow_subclasses: bool) -> list[Pending] | None:
        """One for each parameter, which no longer waits; None, and nothing taken, if one can't be filled.

        The first that fits in order of arrival, taking back choices that block others.
        """
        kinds = self._fill(slots, (), allow_subclasses=allow_subclasses)
        return None if kinds is None else [self._pop(kind) for kind in kinds]

    def _fill(
        self, slots: Sequence[tuple[str, Any]], used: tuple[Kind, ...], *, allow_subclasses: bool
    ) -> tuple[Kind, ...] | None:
        if len(used) == len(slots):
            return used
        wanted = slots[len(used)][1]
        fitting = [
            (queue[used.count(kind)][0], kind)
            for kind, queue in self._by_kind.items()
            if used.count(kind) < len(queue) and type_matches(kind, wanted, allow_subclasses=allow_subclasses)
        ]
        for _, kind in sorted(fitting, key=lambda found: found[0]):
            found = self._fill(slots, (*used, kind), allow_subclasses=allow_subclasses)
            if found is not None:
                return found
        return None

    def _pop(self, kind: Kind) -> Pending:
        queue = self._by_kind[kind]
        _, pending = queue.popleft()
        if not queue:
            del self._by_kind[kind]
        return pending
