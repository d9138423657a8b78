"""What a breakpoint's names mean in the loaded workflows, and whether it can ever match."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.matching import Armed, arm
from wf_debug.control.names import suggestion
from wf_debug.graph import FlowGraph


@dataclass(frozen=True, slots=True)
class Resolved:
    """A breakpoint with its names resolved. `armed` None: it can't match, `reason` says why."""

    breakpoint: Breakpoint
    armed: Armed | None
    reason: str = ""


_ANY = "Event"
"""The base class of all events, which graphs do not list."""


class _Names:
    """Every name that the loaded workflows know."""

    def __init__(self, graphs: Sequence[FlowGraph]) -> None:
        self.graphs = graphs
        self.steps = {s.name for g in graphs for s in g.steps}
        self.types = types = [e for g in graphs for e in g.events]
        self.events = {e.name for e in types} | {base for e in types for base in e.bases}
        self.taken = {name for g in graphs for s in g.steps for name in (*s.accepts, *s.waits_for)}
        self.emitted = {name for g in graphs for s in g.steps for name in s.emits}

    def check(self, point: Breakpoint, loaded: Callable[[str], bool]) -> str:
        """Why the names can't match, empty if they can."""
        known = point.event is None or point.event in self.events or point.exception
        if point.event and not known and not loaded(point.event):
            near = suggestion(point.event, self.events | self.steps)
            return f"no event type or step named {point.event!r}; {near}"
        if point.step and point.step not in self.steps:
            return f"no step named {point.step!r}; {suggestion(point.step, self.steps)}"
        return self._never_delivered(point)

    def _never_delivered(self, point: Breakpoint) -> str:
        """Why the event never comes to the step: others take it. What nobody seems to take, or a person
        sends, may be awaited where the source does not show it."""
        if point.when != "deliver" or not (point.step and point.event):
            return ""
        types = [e for e in self.types if point.event in (e.name, *e.bases)]
        if any(e.role == "human_response" or not self.taken & {e.name, *e.bases} for e in types):
            return ""
        takers = [(g, s) for g in self.graphs for s in g.steps if s.name == point.step]
        taken = [(g, name) for g, s in takers for name in (*s.accepts, *s.waits_for)]
        if not taken or any(_kin(g, name, point.event) for g, name in taken):
            return ""
        names = ", ".join(dict.fromkeys(name for _, name in taken))
        return f"step {point.step!r} takes {names}, not {point.event}"

    def moment(self, point: Breakpoint) -> Breakpoint:
        """An event that no step takes can't be stopped before a step gets it, but where it comes out."""
        if point.when != "deliver" or point.event in (None, _ANY) or point.step:
            return point
        types = [e for e in self.types if point.event in (e.name, *e.bases)]
        if any(self.taken & {e.name, *e.bases} for e in types):
            return point
        asks = any(e.role == "input_required" for e in types)
        emitted = any(e.name in self.emitted for e in types) and not asks
        return point.model_copy(update={"when": "emit" if emitted else "publish"})


def _kin(graph: FlowGraph, one: str, other: str) -> bool:
    """Whether they are the same event type, or one derives from the other."""
    bases = {e.name: e.bases for e in graph.events}
    return one == other or other in bases.get(one, ()) or one in bases.get(other, ())


def resolve(
    points: Sequence[Breakpoint],
    graphs: Sequence[FlowGraph],
    modules: Sequence[ModuleType] = (),
    loaded: Callable[[str], bool] = lambda event: False,
) -> list[Resolved]:
    """Resolve each against the workflows and the modules that they are from; without any workflow loaded yet
    none can be verified. `loaded` says whether there is an event class of a name that no graph has."""
    names = _Names(graphs)
    return [_resolve(point, names, modules, loaded) for point in points]


def _resolve(
    point: Breakpoint, names: _Names, modules: Sequence[ModuleType], loaded: Callable[[str], bool]
) -> Resolved:
    if point.event and point.event not in names.events and point.event in names.steps and not point.step:
        point = point.model_copy(update={"step": point.event, "event": None})
    if point.exception and point.when != "after":
        point = point.model_copy(update={"when": "after"})
    if not names.graphs:
        return Resolved(point, None, "no workflow is loaded yet")
    reason = names.check(point, loaded)
    if not reason:
        point = names.moment(point)
    raised = _exception(point.error, modules) if point.action == "raise" else None
    if misplaced := _misplaced(point, raised):
        return Resolved(point, None, misplaced)
    try:
        armed = arm(point, raised)
    except SyntaxError as error:
        text = (error.text or "").strip()
        return Resolved(point, None, f"cannot compile {text or point.condition!r}: {error.msg}")
    except ValueError as error:
        what = f"read the edit {point.edit!r}" if point.action == "edit" else f"compile {point.condition!r}"
        return Resolved(point, None, f"cannot {what}: {error}")
    return Resolved(point, None if reason else armed, reason)


def _misplaced(point: Breakpoint, error: type[Exception] | None) -> str:
    """Why the action can't be taken there, empty if it can."""
    if point.state is not None and point.intercepts:
        return f"a change of state can stop the run or be logged, not {point.action}"
    if point.action == "raise" and point.when not in ("deliver", "after"):
        return f"no step runs at {point.when!r}, so none can fail there; use deliver or after"
    if point.action == "raise" and error is None:
        name = point.error.partition(":")[0].strip()
        return (
            f"no exception class {name!r}: name a builtin, `package.module.Class`, or one of the flow's own"
        )
    return ""


def _exception(text: str, modules: Iterable[ModuleType]) -> type[Exception] | None:
    """The class that `Class: message` names."""
    path, _, name = text.partition(":")[0].strip().rpartition(".")
    places: list[object] = [builtins, *modules]
    if path:
        try:
            places = [importlib.import_module(path)]
        except Exception:
            return None
    found = (getattr(place, name, None) for place in places)
    return next((f for f in found if isinstance(f, type) and issubclass(f, Exception)), None)
