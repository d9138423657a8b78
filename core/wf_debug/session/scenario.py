"""What a person did to held events, as interception rules that do the same without one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.trace.recording import Recording
from wf_debug.trace.records import Dropped, Duplicated, Edited, Held, Payload

_TELLING, _LONGEST = 4, 60
"""How many fields tell one event from another, and how long their text may be."""


def rules_of(recording: Recording) -> list[Breakpoint]:
    """One rule for each event that was edited, dropped or duplicated by hand, in that order. Its condition is
    what the event's own fields were; it acts once."""
    held: dict[int, Held] = {}
    rules: list[Breakpoint] = []
    for record in chain.from_iterable(recording.batches()):
        if isinstance(record, Held):
            held[record.hold] = record
        elif isinstance(record, Edited | Dropped | Duplicated):
            stop = held.pop(record.hold or 0, None)  # a fork's history tells of it once more
            if stop is not None and stop.type.isidentifier() and stop.event is not None:
                rules.append(_rule(record, stop, len(rules) + 1))
    return rules


def _rule(done: Edited | Dropped | Duplicated, stop: Held, number: int) -> Breakpoint:
    again = Breakpoint(
        id=number,
        event=stop.type,
        step=stop.step,
        when=stop.when,
        condition=_condition(stop.payload),
        times=1,
        action="duplicate" if isinstance(done, Duplicated) else "drop",
    )
    if not isinstance(done, Edited):
        return again
    edit = json.dumps(_changed(done.before, done.after))
    return again.model_copy(update={"action": "edit", "edit": edit})


def _condition(payload: Payload) -> str | None:
    """The event's plain fields are what they were."""
    fields = _fields(payload).items()
    plain = {k: repr(v) for k, v in fields if k.isidentifier() and isinstance(v, str | int | float)}
    telling = [f"ev.{k} == {text}" for k, text in plain.items() if len(text) <= _LONGEST]
    return " and ".join(telling[:_TELLING]) or None


def _changed(before: Payload, after: Payload) -> dict[str, Any]:
    old = _fields(before)
    return {k: v for k, v in _fields(after).items() if k not in old or old[k] != v}


def _fields(payload: Payload) -> Mapping[str, Any]:
    return payload.data if isinstance(payload.data, dict) else {}
