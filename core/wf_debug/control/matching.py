"""Finding the breakpoints that a visit to a gate hits, cheaply when there are none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.payload import safe_str
from wf_debug.trace.records import When

Classes = tuple[type, ...]
_EXPRESSION = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a condition can see. `ev` is the event at the gate; for "after" it is the step's input (or the
    returned event, when that is the type the breakpoint names), and `result` and `error` are what the step
    returned or raised."""

    ev: Any
    step: str | None
    attempt: int
    state: Callable[[], Mapping[str, Any]]
    outcome: Any = None
    result: Any = None
    error: BaseException | None = None
    value: Any = None
    """What a changed state becomes."""


class _Namespace(dict[str, Any]):
    """Looks the state up only for a condition that mentions it."""

    def __init__(self, scene: Scene, ev: Any) -> None:
        super().__init__(
            ev=ev,
            step=scene.step,
            attempt=scene.attempt,
            result=scene.result,
            error=scene.error,
            value=scene.value,
        )
        self._state = scene.state

    def __missing__(self, name: str) -> Any:
        if name == "state":
            return _Attributes(self._state())
        raise KeyError(name)


class _Attributes(dict[str, Any]):
    """State keys as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"the state has no {name!r}; it has {', '.join(map(str, self)) or 'nothing'}"
            ) from None


class ConditionFailed(Exception):
    """A condition or log expression raised; the message names the breakpoint, the expression and the
    error."""


@dataclass(slots=True)
class Armed:
    """A breakpoint with its condition compiled and its hits counted."""

    breakpoint: Breakpoint
    condition: CodeType | None = None
    expressions: tuple[CodeType, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of an "edit": what the event's fields become."""
    error: type[Exception] | None = None
    """Of a "raise"."""
    count: int = 0
    complained: set[str] = field(default_factory=set)

    def hit(self, scene: Scene) -> bool:
        """Count the visit if the condition holds; True from the N-th on, for as many times as it is to act.

        Raises:
            ConditionFailed: when the condition raises.
        """
        if self.condition is not None and not self._evaluate(self.condition, scene):
            return False
        self.count += 1
        before, times = self.breakpoint.hits - 1, self.breakpoint.times
        return before < self.count and (times is None or self.count <= before + times)

    def message(self, scene: Scene) -> str:
        """The log text with its expressions filled in.

        Raises:
            ConditionFailed: when an expression raises.
        """
        values = iter([safe_str(self._evaluate(code, scene)) for code in self.expressions])
        return _EXPRESSION.sub(lambda _: next(values), self.breakpoint.log or self.breakpoint.describe())

    def _evaluate(self, code: CodeType, scene: Scene) -> Any:
        ev = scene.outcome if self._names_outcome(scene) else scene.ev
        try:
            return eval(code, _Namespace(scene, ev))
        except Exception as error:
            raise ConditionFailed(
                f"breakpoint {self.breakpoint.id} ({self.breakpoint.describe()}): "
                f"{code.co_filename} raised {type(error).__name__}: {safe_str(error)}"
            ) from error

    def _names_outcome(self, scene: Scene) -> bool:
        name = self.breakpoint.event
        return name is not None and scene.outcome is not None and name in class_names(type(scene.outcome))


def arm(breakpoint_: Breakpoint, error: type[Exception] | None = None) -> Armed:
    """Compile the condition and the log's expressions, read the fields of an edit. `error` is the class that
    a "raise" names.

    Raises:
        SyntaxError: naming what can't be compiled.
        ValueError: when the fields are no JSON object.
    """
    condition = _compile(breakpoint_.condition) if breakpoint_.condition else None
    texts = _EXPRESSION.findall(breakpoint_.log) if breakpoint_.action == "log" else []
    fields = _fields(breakpoint_.edit) if breakpoint_.action == "edit" else {}
    return Armed(breakpoint_, condition, tuple(_compile(text) for text in texts), fields, error)


def _fields(text: str) -> dict[str, Any]:
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError(f"an edit takes an object of fields, not {text}")
    return fields


def _compile(text: str) -> CodeType:
    return compile(text.strip(), f"'{text.strip()}'", "eval")


def class_names(cls: type) -> tuple[str, ...]:
    """Names a breakpoint may call the class by: its own and its bases'."""
    return tuple(c.__name__ for c in cls.__mro__[:-1])


class BreakpointIndex:
    """Armed breakpoints, and for each kind of visit the few that could match it.

    The answer for a (moment, step, classes) is worked out once; afterwards a visit costs one dict lookup.
    """

    def __init__(self, armed: Sequence[Armed] = ()) -> None:
        self._armed = [a for a in armed if a.breakpoint.enabled]
        self.of_state = [a for a in self._armed if a.breakpoint.state is not None]
        """Those that look at changes of the state."""
        self._known: dict[tuple[When, str | None, Classes], tuple[Armed, ...]] = {}

    def candidates(self, when: When, step: str | None, classes: Classes) -> tuple[Armed, ...]:
        """Those whose place matches. `classes`: of the event; for "after" of inputs, results and
        exception."""
        key = (when, step, classes)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = tuple(
                a for a in self._armed if _matches(a.breakpoint, when, step, classes)
            )
        return found

    def without(self, armed: Armed) -> BreakpointIndex:
        return BreakpointIndex([a for a in self._armed if a is not armed])

    def with_(self, armed: Armed) -> BreakpointIndex:
        return BreakpointIndex([*self._armed, armed])

    def __iter__(self) -> Any:
        return iter(self._armed)


def _matches(point: Breakpoint, when: When, step: str | None, classes: Classes) -> bool:
    if point.state is not None:
        return False
    if point.exception:
        if when != "after" or not any(issubclass(c, BaseException) for c in classes):
            return False
    elif point.when != when:
        return False
    if point.step is not None and point.step != step:
        return False
    return point.event is None or any(point.event in class_names(c) for c in classes)
