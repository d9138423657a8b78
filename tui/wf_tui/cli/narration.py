"""A run told on stderr, one line a record that a reader of a CI log wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wf_debug.trace.records import Record


def narrate(record: Record) -> str | None:
    """`   1.204s  search#4       <- SearchQuery {...}`; None for records that say nothing on their own."""
    tell = _TELL.get(record.kind)
    if tell is None or (record.kind == "published" and record.event is not None):
        return None
    step, invocation = getattr(record, "step", None), getattr(record, "invocation", None)
    who = f"{step}#{invocation}" if step else ""
    when = f"{record.t:9.3f}s" if record.run else " " * 10
    lines = tell(record).splitlines() or [""]
    return "\n".join(f"{when}  {who:<22} {line.rstrip()}" for line in lines)


def _started(record: Any) -> str:
    given = record.input.preview
    return f"▶ {record.workflow} starts" + (f" with {given}" if given else "")


def _log(record: Any) -> str:
    level = f"{record.level} " if record.source in ("logging", "warning") and record.level else ""
    return f"| {level}{record.text.rstrip()}"


def _failed(record: Any) -> str:
    place = f" at {record.error.where}" if record.error.where else ""
    more = "" if record.final else ", will be tried again"
    return f"✗ {record.error}{place}{more}"


def _by(record: Any) -> str:
    return "by hand" if record.rule is None else f"by rule {record.rule}"


_TELL: dict[str, Callable[[Any], str]] = {
    "run_started": _started,
    "event_emitted": lambda r: f"→ {r.type} {r.payload.preview}",
    "event_unhandled": lambda r: f"! no step takes {r.type}. {r.hint}",
    "invocation_waiting": lambda r: f"… waits for {r.awaits}",
    "invocation_failed": _failed,
    "retry_scheduled": lambda r: f"↻ attempt {r.attempt + 1} in {r.delay:g} s",
    "held": lambda r: f"◆ held ({r.reason}, {r.when}): {r.type} {r.payload.preview}",
    "edited": lambda r: f"◇ edited {_by(r)}: {r.after.preview}",
    "dropped": lambda r: f"◇ dropped {_by(r)}: {r.type}",
    "duplicated": lambda r: f"◇ duplicated {_by(r)}: {r.type}",
    "published": lambda r: f"⇢ {r.type} {r.payload.preview}",
    "log": _log,
    "note": lambda r: f"note: {r.text}",
    "run_stuck": lambda r: f"! stuck: {r.why}",
}
