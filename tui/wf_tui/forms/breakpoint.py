"""A breakpoint as the fields of a form, and back."""

from __future__ import annotations

import json
from typing import Any

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph
from wf_tui.forms.schema import UNSET, FieldSpec

_MOMENTS = {
    "before a step gets it": "deliver",
    "as it is emitted": "emit",
    "after the step": "after",
    "when the step raises": "raise",
    "before it is published": "publish",
}
_ACTIONS = {
    "hold this event alone": "hold",
    "pause everything": "pause",
    "log a message and go on": "log",
    "edit it by itself": "edit",
    "drop it": "drop",
    "let it go on twice": "duplicate",
    "let it wait": "delay",
    "have the step fail": "raise",
}
DETAILS = {"log": "log", "edit": "edit", "delay": "delay", "raise": "error"}
"""The field that an action needs."""
_ANY = "any"
_STATE = "(a change of the state)"


def specs_of(graph: FlowGraph, shown: Breakpoint) -> list[FieldSpec]:
    """The fields, with the names that the workflow knows to choose from."""
    events = _with(shown.event, [e.name for e in graph.events])
    steps = _with(shown.step, [s.name for s in graph.steps])
    return [
        _choice("event", [_ANY, *events, _STATE], "the type of the event"),
        FieldSpec("state", "text", "the key that changes, like draft or draft.title"),
        _choice("step", [_ANY, *steps], "the step that gets or emits it"),
        _choice("moment", list(_MOMENTS), "at which moment"),
        FieldSpec("condition", "text", "Python over ev, step, state, attempt, like ev.score > 3"),
        _count("hits", "act from this match on", 1),
        _count("times", "on no more than so many; empty: on all"),
        _choice("action", list(_ACTIONS), "what to do then"),
        FieldSpec("log", "text", "the message, with {expressions} over ev, step, state, attempt"),
        FieldSpec("edit", "json", 'the fields to replace, as JSON: {"score": 0.5}'),
        FieldSpec("delay", "number", "seconds of the run clock", schema={"exclusiveMinimum": 0}),
        FieldSpec("error", "text", "Class: message, like TimeoutError: too slow"),
        FieldSpec("enabled", "boolean", "off: kept, without effect", default=True),
    ]


def as_fields(point: Breakpoint) -> dict[str, Any]:
    """What the form begins with."""
    return {
        "event": _STATE if point.state is not None else point.event or _ANY,
        "state": point.state or UNSET,
        "step": point.step or _ANY,
        "moment": _label(_MOMENTS, "raise" if point.exception else point.when),
        "condition": point.condition or UNSET,
        "hits": point.hits,
        "times": UNSET if point.times is None else point.times,
        "action": _label(_ACTIONS, point.action),
        "log": point.log or UNSET,
        "edit": json.loads(point.edit) if point.edit else UNSET,
        "delay": point.delay or UNSET,
        "error": point.error or UNSET,
        "enabled": point.enabled,
    }


def shown_fields(event: str, action: str) -> set[str]:
    """Those that count with this event and action, as the form has them."""
    place = "state" if event == _STATE else "moment"
    detail = DETAILS.get(_ACTIONS.get(action, ""), "")
    return {"event", place, "step", "condition", "hits", "times", "action", detail, "enabled"}


def missing(data: dict[str, Any]) -> dict[str, str]:
    """What the event or action needs and is not given, by field."""
    detail = DETAILS.get(_ACTIONS[data["action"]])
    needed = [detail] if detail else []
    needed += ["state"] if data["event"] == _STATE else []
    return {name: "is needed for this" for name in needed if data.get(name) in (None, "")}


def from_fields(data: dict[str, Any], before: Breakpoint) -> Breakpoint:
    """The breakpoint that the form describes; what it does not show stays as before."""
    moment, of_state = _MOMENTS[data["moment"]], data["event"] == _STATE
    changed = {
        "event": None if of_state or data["event"] == _ANY else data["event"],
        "state": data["state"] if of_state else None,
        "step": None if data["step"] == _ANY else data["step"],
        "when": "after" if moment == "raise" else moment,
        "exception": moment == "raise",
        "condition": data.get("condition") or None,
        "hits": data.get("hits", 1),
        "times": data.get("times"),
        "action": _ACTIONS[data["action"]],
        "log": data.get("log", ""),
        "edit": json.dumps(data["edit"]) if "edit" in data else "",
        "delay": data.get("delay", 0.0),
        "error": data.get("error", ""),
        "enabled": data.get("enabled", True),
    }
    return Breakpoint.model_validate({**before.model_dump(), **changed})


def _choice(name: str, choices: list[str], words: str) -> FieldSpec:
    return FieldSpec(name, "choice", words, required=True, choices=tuple(choices), schema={"enum": choices})


def _count(name: str, words: str, default: Any = UNSET) -> FieldSpec:
    return FieldSpec(name, "integer", words, default=default, schema={"type": "integer", "minimum": 1})


def _with(name: str | None, known: list[str]) -> list[str]:
    return [*known, name] if name is not None and name not in known else known


def _label(labels: dict[str, str], value: str) -> str:
    return next(label for label, v in labels.items() if v == value)
