"""Event classes that a workflow's source does not show: a tool that waits for a person, a helper elsewhere
that sends. They are met when a run uses them, and known from then on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wf_debug.backends.event_types import event_type
from wf_debug.control.debugger import Debugger
from wf_debug.graph import EventRole, Growth

Declared = Callable[[type], Mapping[str, type[Any]]]


class MetEvents:
    """The event classes that an engine's workflows are known to use, by workflow class."""

    def __init__(
        self, debugger: Debugger, base: type, declared: Declared, role_of: Callable[[type], EventRole]
    ) -> None:
        """`declared` gives those that a workflow's source shows, by name; `base` is that of all events."""
        self._debugger, self._base, self._declared, self._role_of = debugger, base, declared, role_of
        self._met: dict[type, dict[str, type[Any]]] = {}
        self._classes: dict[type, set[type]] = {}
        self._waits: set[tuple[type, str, type]] = set()

    def known(self, workflow: type) -> dict[str, type[Any]]:
        """By name, those met included. Any thread."""
        try:
            declared = self._declared(workflow)
        except Exception:
            declared = {}  # the description of the workflow says why
        return {**declared, **self._met.get(workflow, {})}

    def classes(self, workflow: type) -> set[type]:
        """The same as a set, which grows."""
        found = self._classes.get(workflow)
        if found is None:
            found = self._classes[workflow] = set(self.known(workflow).values())
        return found

    def used(self, workflow: type, cls: type, step: str | None) -> None:
        """A run has an event of this class, from a step or from outside."""
        if cls not in self.classes(workflow):
            asks = step if self._role_of(cls) == "input_required" else None
            self._tell(workflow, cls, asked_by=asks)

    def awaited(self, workflow: type, cls: type, step: str) -> None:
        """A step waits for an event of this class."""
        if (workflow, step, cls) not in self._waits:
            self._waits.add((workflow, step, cls))
            self._tell(workflow, cls, awaited_by=step)

    def _tell(self, workflow: type, cls: type, **how: str | None) -> None:
        known = self.known(workflow)
        name = next((n for n, c in known.items() if c is cls), None) or _free_name(cls, known)
        self._met.setdefault(workflow, {})[name] = cls
        self.classes(workflow).add(cls)
        shown = event_type(name, cls, self._base, self._role_of(cls))
        self._debugger.graph_grew(workflow, Growth(event=shown, **how))


def _free_name(cls: type, known: Mapping[str, type]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}" if cls.__name__ in known else cls.__name__
