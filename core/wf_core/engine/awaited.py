"""Which waits an event may answer, found without looking at every one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wf_core.engine.state import Wait
    from wf_core.events import Event

_ALIKE = frozenset((str, int, float, bool, bytes, type(None)))
"""Values of these classes that are equal have the same hash; of others, enumerations say, one can't know."""


class Awaited:
    """The waits for events of one class, by what they require of the event."""

    __slots__ = ("_by_values", "_others")

    def __init__(self) -> None:
        self._by_values: dict[tuple[str, ...], dict[tuple[Any, ...], dict[int, Wait]]] = {}
        """By the names of the required attributes, then by their values."""
        self._others: dict[int, Wait] = {}

    def add(self, wait: Wait) -> None:
        """One more waits."""
        self._place(wait)[wait.id] = wait

    def remove(self, wait: Wait) -> None:
        """It waits no longer."""
        place = self._place(wait)
        del place[wait.id]
        names, values = _required(wait.requirements)
        if not place and place is not self._others:
            del self._by_values[names][values]

    def _place(self, wait: Wait) -> dict[int, Wait]:
        names, values = _required(wait.requirements)
        if not _ALIKE.issuperset(map(type, values)):
            return self._others
        return self._by_values.setdefault(names, {}).setdefault(values, {})

    def matching(self, event: Event) -> list[Wait]:
        """The waits that the event answers, in the order in which they began."""
        found = list(self._others.values())
        for names, by_values in self._by_values.items():
            values = tuple(getattr(event, name, None) for name in names)
            if _ALIKE.issuperset(map(type, values)):
                found += by_values.get(values, {}).values()
            else:
                found += [wait for waits in by_values.values() for wait in waits.values()]
        return sorted((wait for wait in found if wait.matches(event)), key=lambda wait: wait.id)


def _required(requirements: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    return tuple(requirements), tuple(requirements.values())
