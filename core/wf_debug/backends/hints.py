"""Why nobody takes an event, and who takes something close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wf_debug.control.names import closest

Taken = Mapping[type, Sequence[str]]
"""Every event class that some step takes, with the steps."""


def unhandled_hint(taken: Taken, cls: type, stops: bool) -> str:
    """One sentence naming the closest types that are taken. `stops`: the class is a stop event's."""
    if stops:
        return "a StopEvent ends the run only when a step returns it; this one was sent"
    if cls in taken:
        return f"it was sent to one step alone, which does not take it; {_by(taken[cls])} does"
    for other, steps in taken.items():
        if other.__name__ == cls.__name__:
            return f"{_by(steps)} takes another class of the same name, from {other.__module__}"
    if kin := [t for t in taken if issubclass(cls, t) or issubclass(t, cls)]:
        return f"{_by(taken[kin[0]])} takes {kin[0].__name__}, but events are matched by exact class"
    by_name = {t.__name__: t for t in taken}
    if near := closest(cls.__name__, by_name):
        return f"closest: {near[0]}, taken by {_by(taken[by_name[near[0]]])}"
    return f"no step takes {cls.__name__}; taken are: {', '.join(sorted(by_name))}"


def closest_types(taken: Taken, cls: type) -> list[str]:
    """Names of types that some step takes: kin first, then those that look alike, then the rest."""
    kin = [t.__name__ for t in taken if issubclass(cls, t) or issubclass(t, cls)]
    names = [t.__name__ for t in taken]
    return list(dict.fromkeys([*kin, *closest(cls.__name__, names), *names]))[:5]


def _by(steps: Sequence[str]) -> str:
    return f"step {steps[0]!r}" if len(steps) == 1 else f"steps {', '.join(map(repr, steps))}"
