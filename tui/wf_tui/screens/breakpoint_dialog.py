"""Where and when to stop: every part of a breakpoint, and the host's word on whether it can match."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Select

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph
from wf_debug.session import Session
from wf_debug.wire import Verification
from wf_tui.forms.boxes import Entered
from wf_tui.forms.row import FieldRow
from wf_tui.forms.schema import UNSET, FieldSpec
from wf_tui.forms.text import read_form, write_text
from wf_tui.screens.dialog import Dialog, button

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
}
_ANY = "any"


class BreakpointDialog(Dialog[None]):
    """Sets a new breakpoint or changes `existing`; stays open while the host cannot verify it, saying why."""

    DEFAULT_CSS = """
    BreakpointDialog {
        & #parts { height: auto; scrollbar-size-vertical: 1; }
        &.-no-log #log { display: none; }
    }
    """
    KEYS: ClassVar[str] = "ctrl+s set · esc cancel · enter next"

    def __init__(
        self,
        session: Session,
        existing: Breakpoint | None = None,
        event: str | None = None,
        step: str | None = None,
    ) -> None:
        super().__init__("Breakpoint" if existing is None else f"Breakpoint {existing.describe()}")
        self.session = session
        self._existing = existing
        self._parts = existing or Breakpoint(event=event, step=step)

    def body(self) -> Iterable[Widget]:
        graph = self.session.graph_in() or FlowGraph(name="")
        start = _as_fields(self._parts)
        with VerticalScroll(id="parts", can_focus=False):
            for spec in _specs(graph, self._parts):
                row = FieldRow(spec, write_text(spec, start[spec.name]))
                row.id = spec.name
                yield row

    def buttons(self) -> Iterable[Button]:
        yield button("Set", "submit", usual=True)
        if self._existing is not None:
            yield button("Remove", "remove")
        yield button("Cancel", "cancel")

    def on_mount(self) -> None:
        self._show_log()
        self.query_one("#condition TextBox").focus()
        self.once_drawn(self._fit)

    def on_resize(self) -> None:
        self.once_drawn(self._fit)

    def _fit(self) -> None:
        parts = self.query_one("#parts")
        parts.styles.max_height = max(3, self.room(parts))
        self.once_drawn(self.show_focused)

    @on(Select.Changed, "#action Select")
    def _show_log(self) -> None:
        self.set_class(_ACTIONS.get(_value(self.query_one("#action", FieldRow))) != "log", "-no-log")

    @on(Entered)
    def _next(self, entered: Entered) -> None:
        entered.stop()
        self.focus_next()

    def action_submit(self) -> None:
        read = self._read()
        if read is not None:
            self.begin(lambda: self._set(read))

    @on(Button.Pressed, "#remove")
    def _remove(self) -> None:
        self.begin(lambda: self._set(None))

    def _read(self) -> Breakpoint | None:
        rows = list(self.query(FieldRow))
        reading = read_form([r.spec for r in rows], {r.spec.name: r.text for r in rows})
        wrong = {e.field: e.message for e in reading.errors}
        for row in rows:
            row.show_problem(wrong.get(row.spec.name, ""))
        if wrong:
            return None
        return _from_fields(reading.data, self._parts)

    async def _set(self, wanted: Breakpoint | None) -> None:
        """Replace, add or (None) remove this one among all breakpoints."""
        known: list[Breakpoint] = list(self.session.breakpoints)
        others = [b for b in known if self._existing is None or b.id != self._existing.id]
        if wanted is not None and not wanted.id:
            wanted = wanted.model_copy(update={"id": max((b.id for b in others), default=0) + 1})
        answers = await self.attempt(self.session.set_breakpoints([*others, wanted] if wanted else others))
        if answers is None:
            return
        self._existing = wanted
        refused = _refusal(answers, wanted)
        if refused is None:
            self.dismiss(None)
        else:
            self.complain(f"it is set, but cannot match: {refused}")
            self.once_drawn(self._fit)


def _refusal(answers: list[Verification.Item], wanted: Breakpoint | None) -> str | None:
    mine = next((a for a in answers if wanted is not None and a.id == wanted.id), None)
    return (mine.reason or "the host does not say why") if mine is not None and not mine.ok else None


def _specs(graph: FlowGraph, shown: Breakpoint) -> list[FieldSpec]:
    events = _with(shown.event, [e.name for e in graph.events])
    steps = _with(shown.step, [s.name for s in graph.steps])
    return [
        _choice("event", [_ANY, *events], "the type of the event"),
        _choice("step", [_ANY, *steps], "the step that gets or emits it"),
        _choice("moment", list(_MOMENTS), "at which moment"),
        FieldSpec("condition", "text", "Python over ev, step, state, attempt, like ev.score > 3"),
        FieldSpec(
            "hits",
            "integer",
            "act from this match on",
            default=1,
            schema={"type": "integer", "minimum": 1},
        ),
        _choice("action", list(_ACTIONS), "what to do then"),
        FieldSpec("log", "text", "the message, with {expressions} over ev, step, state, attempt"),
        FieldSpec("enabled", "boolean", "off: kept, without effect", default=True),
    ]


def _choice(name: str, choices: list[str], words: str) -> FieldSpec:
    return FieldSpec(name, "choice", words, required=True, choices=tuple(choices), schema={"enum": choices})


def _with(name: str | None, known: list[str]) -> list[str]:
    return [*known, name] if name is not None and name not in known else known


def _as_fields(point: Breakpoint) -> dict[str, Any]:
    moment = "raise" if point.exception else point.when
    return {
        "event": point.event or _ANY,
        "step": point.step or _ANY,
        "moment": _label(_MOMENTS, moment),
        "condition": point.condition or UNSET,
        "hits": point.hits,
        "action": _label(_ACTIONS, point.action),
        "log": point.log or UNSET,
        "enabled": point.enabled,
    }


def _from_fields(data: dict[str, Any], before: Breakpoint) -> Breakpoint:
    moment = _MOMENTS[data["moment"]]
    changed = {
        "event": None if data["event"] == _ANY else data["event"],
        "step": None if data["step"] == _ANY else data["step"],
        "when": "after" if moment == "raise" else moment,
        "exception": moment == "raise",
        "condition": data.get("condition") or None,
        "hits": data.get("hits", 1),
        "action": _ACTIONS[data["action"]],
        "log": data.get("log", ""),
        "enabled": data.get("enabled", True),
    }
    return Breakpoint.model_validate({**before.model_dump(), **changed})


def _label(labels: dict[str, str], value: str) -> str:
    return next(label for label, v in labels.items() if v == value)


def _value(row: FieldRow) -> str:
    return row.text.strip('"')
