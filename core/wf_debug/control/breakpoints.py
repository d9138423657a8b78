"""Breakpoints as data, and how one is written on a command line. Matching lives in `matching.py`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict

from wf_debug.trace.records import When

Action = Literal["hold", "pause", "log"]


class Breakpoint(BaseModel):
    """Where (event type or step; both given: both must match), when, and under which condition to act.

    `exception` True: only when the invocation raised (implies `when="after"`). `condition` is a Python
    expression over `ev`, `step`, `state`, `attempt`. `hits` N: act from the N-th match on. `log` is the
    message of action "log", with `{expressions}`.
    """

    model_config = ConfigDict(frozen=True)

    id: int = 0
    event: str | None = None
    step: str | None = None
    exception: bool = False
    when: When = "deliver"
    condition: str | None = None
    hits: int = 1
    action: Action = "hold"
    log: str = ""
    enabled: bool = True
    once: bool = False
    """Removed after its first stop (run to a step)."""

    def describe(self) -> str:
        """One line for a person: `SearchResult before rank if ev.score > 3`."""
        where = " -> ".join(x for x in (self.event, self.step) if x) or "any event"
        if self.exception:
            where = f"exception in {self.step or 'any step'}"
        text = where if self.when == "deliver" else f"{where} ({self.when})"
        return text + (f" if {self.condition}" if self.condition else "")


class Verified(BaseModel):
    """The host's answer to one breakpoint: it can match, or `reason` says why not."""

    model_config = ConfigDict(frozen=True)

    id: int
    ok: bool
    reason: str = ""


class BadBreakpoint(ValueError):
    """A breakpoint that cannot be read from its text."""


_SPEC = re.compile(
    r"""^(?P<name>[A-Za-z_]\w*)?(?:@(?P<step>[A-Za-z_]\w*))?(?::(?P<when>\w+))?(?:\s+if\s+(?P<condition>.+))?$"""
)


def parse_breakpoint(spec: str) -> Breakpoint:
    """Read `NAME[@STEP][:WHEN][ if CONDITION]`, e.g. `SearchResult@rank:after if ev.score > 3`.

    NAME is an event type or a step (the host decides by what the workflow has; event types win), `@STEP`
    alone is any event into that step, WHEN is emit, deliver, after, publish or raise.

    Raises:
        BadBreakpoint: when the text has another form; the message shows the form.
    """
    match = _SPEC.match(spec.strip())
    form = (
        "use EVENT[@STEP][:emit|deliver|after|publish|raise][ if CONDITION], "
        "e.g. 'SearchResult@rank if ev.score > 3'"
    )
    if not match or not (match["name"] or match["step"]):
        raise BadBreakpoint(f"cannot read breakpoint {spec!r}: {form}")
    when, exception = match["when"] or "deliver", False
    if when == "raise":
        when, exception = "after", True
    if when not in ("emit", "deliver", "after", "publish"):
        raise BadBreakpoint(f"breakpoint {spec!r} has an unknown moment {when!r}: {form}")
    return Breakpoint(
        event=match["name"], step=match["step"], when=when, exception=exception, condition=match["condition"]
    )
