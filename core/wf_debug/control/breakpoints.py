"""Breakpoints as data, and how one is written on a command line. Matching lives in `matching.py`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict

from wf_debug.trace.records import When

Action = Literal["hold", "pause", "log", "edit", "drop", "duplicate", "delay", "raise"]


class Breakpoint(BaseModel):
    """Where (event type or step; both given: both must match), when, and under which condition to act.

    `exception` True: only when the invocation raised (implies `when="after"`). `state`: not at an event but
    when the state at this path is changed; the invocation that did it is held as it ends. `condition` is a
    Python expression over `ev`, `step`, `state`, `attempt`, and `value`, what a changed state becomes. `hits`
    N: act from the N-th match on, `times` N: on no more than N. `log` is the message of action "log", with
    `{expressions}`.

    What changes something without a person is an interception rule: "edit" replaces the fields in `edit` (a
    JSON object), "delay" lets it wait for `delay` seconds of run clock, "raise" has the step fail with
    `error`, written `Class: message`; "drop" and "duplicate" need no more.
    """

    model_config = ConfigDict(frozen=True)

    id: int = 0
    event: str | None = None
    step: str | None = None
    exception: bool = False
    state: str | None = None
    when: When = "deliver"
    condition: str | None = None
    hits: int = 1
    times: int | None = None
    action: Action = "hold"
    log: str = ""
    edit: str = ""
    delay: float = 0.0
    error: str = ""
    enabled: bool = True
    once: bool = False
    """Removed after its first stop (run to a step)."""
    rules: str = ""
    """The file of rules that it comes from; it is not kept with the breakpoints that a person sets."""

    @property
    def intercepts(self) -> bool:
        """Whether it is an interception rule: it changes what happens, and nobody is asked."""
        return self.action in INTERCEPTIONS

    def is_on(self, event: str | None, step: str | None) -> bool:
        """Whether it is exactly there, and leaves it to a person what happens."""
        return (self.event, self.step) == (event, step) and self.state is None and not self.intercepts

    def describe(self) -> str:
        """One line for a person: `SearchResult -> rank if ev.score > 3: drop`."""
        where = " -> ".join(x for x in (self.event, self.step) if x) or "any event"
        if self.exception:
            where = f"exception in {self.step or 'any step'}"
        if self.state is not None:
            where = f"state.{self.state}" + (f" in {self.step}" if self.step else "")
        text = where if self.when == "deliver" or self.state is not None else f"{where} ({self.when})"
        return text + (f" if {self.condition}" if self.condition else "") + self._does()

    def _does(self) -> str:
        what = {"edit": self.edit, "delay": f"{self.delay:g} s", "raise": self.error}.get(self.action, "")
        return f": {self.action} {what}".rstrip() if self.intercepts else ""


INTERCEPTIONS = frozenset({"edit", "drop", "duplicate", "delay", "raise"})


class Verified(BaseModel):
    """The host's answer to one breakpoint: it can match, or `reason` says why not."""

    model_config = ConfigDict(frozen=True)

    id: int
    ok: bool
    reason: str = ""


class BadBreakpoint(ValueError):
    """A breakpoint that cannot be read from its text."""


_SPEC = re.compile(
    r"""^(?:state\.(?P<state>\w+(?:\.\w+)*)|(?P<name>[A-Za-z_]\w*))?(?:@(?P<step>[A-Za-z_]\w*))?"""
    r"""(?::(?P<when>\w+))?(?:\s+if\s+(?P<condition>.+))?$"""
)


def parse_breakpoint(spec: str) -> Breakpoint:
    """Read `NAME[@STEP][:WHEN][ if CONDITION]`, e.g. `SearchResult@rank:after if ev.score > 3`.

    NAME is an event type or a step (the host decides by what the workflow has; event types win), `@STEP`
    alone is any event into that step, WHEN is emit, deliver, after, publish or raise. `state.PATH` as NAME is
    a change of the state there, and has no WHEN.

    Raises:
        BadBreakpoint: when the text has another form; the message shows the form.
    """
    match = _SPEC.match(spec.strip())
    form = (
        "use EVENT[@STEP][:emit|deliver|after|publish|raise][ if CONDITION] or state.PATH[ if CONDITION], "
        "e.g. 'SearchResult@rank if ev.score > 3'"
    )
    if not match or not (match["name"] or match["step"] or match["state"]):
        raise BadBreakpoint(f"cannot read breakpoint {spec!r}: {form}")
    if match["state"] and match["when"]:
        raise BadBreakpoint(f"breakpoint {spec!r}: a change of state has no moment {match['when']!r}; {form}")
    when, exception = match["when"] or "deliver", False
    if when == "raise":
        when, exception = "after", True
    if when not in ("emit", "deliver", "after", "publish"):
        raise BadBreakpoint(f"breakpoint {spec!r} has an unknown moment {when!r}: {form}")
    return Breakpoint(
        event=match["name"],
        step=match["step"],
        state=match["state"],
        when=when,
        exception=exception,
        condition=match["condition"],
    )
