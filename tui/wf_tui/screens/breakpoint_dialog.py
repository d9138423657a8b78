"""Where and when to stop: every part of a breakpoint, and the host's word on whether it can match."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Select

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph
from wf_debug.session import Session
from wf_debug.wire import Verification
from wf_tui.forms.boxes import Entered
from wf_tui.forms.breakpoint import as_fields, from_fields, missing, shown_fields, specs_of
from wf_tui.forms.row import FieldRow
from wf_tui.forms.text import read_form, write_text
from wf_tui.screens.dialog import Dialog, button


class BreakpointDialog(Dialog[None]):
    """Sets a new breakpoint or changes `existing`; stays open while the host cannot verify it, saying why."""

    DEFAULT_CSS = """
    BreakpointDialog {
        & #parts { height: auto; scrollbar-size-vertical: 1; }
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
        start = as_fields(self._parts)
        with VerticalScroll(id="parts", can_focus=False):
            for spec in specs_of(graph, self._parts):
                row = FieldRow(spec, write_text(spec, start[spec.name]))
                row.id = spec.name
                yield row

    def buttons(self) -> Iterable[Button]:
        yield button("Set", "submit", usual=True)
        if self._existing is not None:
            yield button("Remove", "remove")
        yield button("Cancel", "cancel")

    def on_mount(self) -> None:
        self._show_what_counts()
        self.query_one("#condition TextBox").focus()
        self.once_drawn(self._fit)

    def on_resize(self) -> None:
        self.once_drawn(self._fit)

    def _fit(self) -> None:
        parts = self.query_one("#parts")
        parts.styles.max_height = max(3, self.room(parts))
        self.once_drawn(self.show_focused)

    @on(Select.Changed, "#action Select")
    @on(Select.Changed, "#event Select")
    def _show_what_counts(self) -> None:
        event, action = (_value(self.query_one(name, FieldRow)) for name in ("#event", "#action"))
        shown = shown_fields(event, action)
        for row in self.query(FieldRow):
            row.display = row.spec.name in shown
        self.once_drawn(self._fit)

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
        wrong = {e.field: e.message for e in reading.errors} or missing(reading.data)
        for row in rows:
            row.show_problem(wrong.get(row.spec.name, ""))
        if wrong:
            return None
        return from_fields(reading.data, self._parts)

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


def _value(row: FieldRow) -> str:
    return row.text.strip('"')
