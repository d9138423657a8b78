"""A question with two answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from wf_tui.screens.dialog import Dialog, button


class ConfirmDialog(Dialog[bool]):
    """Dismisses with True for `yes`. Escape means no."""

    DEFAULT_CSS = """
    ConfirmDialog {
        & > #frame { width: 60; }
        & .question { height: auto; margin-bottom: 1; }
        &.-short .remark { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "submit", "yes"),
        Binding("n", "cancel", "no"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]
    KEYS = "y yes · n no"
    AUTO_FOCUS = "#submit"

    def __init__(self, question: str, detail: str = "", yes: str = "Yes", no: str = "No") -> None:
        super().__init__("")
        self._texts = question, detail
        self._labels = yes, no

    def body(self) -> Iterable[Widget]:
        question, detail = self._texts
        yield Static(Content(question), classes="question")
        if detail:
            yield Static(Content(detail), classes="remark")

    def buttons(self) -> Iterable[Button]:
        yes, no = self._labels
        yield button(yes, "submit", usual=True)
        yield button(no, "cancel")

    def action_submit(self) -> None:
        self.dismiss(True)

    async def action_cancel(self) -> None:
        self.dismiss(False)
