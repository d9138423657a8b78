"""A short list to choose from: runs, breakpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from wf_debug.session import Session
from wf_debug.trace.live import LiveState
from wf_tui import look
from wf_tui.look import Line, fit
from wf_tui.screens.modal import Modal
from wf_tui.widgets.line_list import LineList


@dataclass(frozen=True, slots=True)
class Choice:
    """One row and what choosing it returns."""

    key: str
    line: Line


def run_choices(live: LiveState) -> list[Choice]:
    """The runs, oldest first."""
    choices = []
    for number, run in enumerate(list(live.runs.values()), 1):
        child = f"  in {run.parent_run[:8]}" if run.parent_run else ""
        head = f"{number:>3}  "
        state = look.mark(run.status)
        line: Line = (
            (head, "muted"),
            (fit(state.cell()[0], 13), state.tone),
            (f"{run.workflow}  ", "strong"),
            (f"{run.t:.1f} s{child}  {run.run[:8]}", "muted"),
        )
        choices.append(Choice(run.run, line))
    return choices


def breakpoint_choices(session: Session) -> list[Choice]:
    """The breakpoints with their verdicts."""
    choices = []
    for one in session.breakpoints:
        sign = look.BREAKPOINT if one.enabled else look.BREAKPOINT_OFF
        why = f"  cannot stop: {one.why}" if one.verified is False else "" if one.enabled else "  off"
        line: Line = ((f"{sign.sign} ", sign.tone), (one.describe(), "text"), (why, "warn"))
        choices.append(Choice(str(one.id), line))
    return choices


class ChoiceList(LineList[Choice]):
    """The rows of a chooser."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._choices = choices

    def length(self) -> int:
        return len(self._choices)

    def fetch(self, start: int, limit: int) -> Sequence[Choice]:
        return self._choices[start : start + limit]

    def draw(self, row: Choice, width: int) -> Line:
        return row.line


class Chooser(Modal[str | None]):
    """Enter or a double click chooses, esc leaves it as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "cancel", "Cancel")]
    DEFAULT_CSS = """
    Chooser { align: center middle; background: $background 60%; }
    Chooser > Vertical {
        width: 90%; max-width: 90; height: auto; max-height: 80%; background: $surface; padding: 0 1;
        border: round $accent; border-title-color: $text-accent; border-subtitle-color: $text-muted;
    }
    """

    def __init__(self, title: str, choices: Sequence[Choice], chosen: str | None) -> None:
        super().__init__()
        self._title, self._choices, self._chosen = title, choices, chosen

    def compose(self) -> ComposeResult:
        rows = ChoiceList(self._choices)
        rows.styles.height = min(len(self._choices), 20)
        box = Vertical(rows)
        box.border_title, box.border_subtitle = self._title, "enter chooses, esc leaves"
        yield box

    def on_mount(self) -> None:
        rows = self.query_one(ChoiceList)
        rows.tail = False
        rows.sync()
        keys = [choice.key for choice in self._choices]
        rows.go_to(keys.index(self._chosen) if self._chosen in keys else 0)
        rows.focus()

    def on_line_list_activated(self, event: LineList.Activated) -> None:
        event.stop()
        self.dismiss(self._choices[event.index].key)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        event.stop()

    def action_cancel(self) -> None:
        self.dismiss(None)
