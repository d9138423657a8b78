"""What a reload cannot carry over into the new code, before it is given up."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from wf_debug.session import ReloadReport
from wf_tui.look import clean, mark
from wf_tui.screens.confirm import ConfirmDialog


class LossDialog(ConfirmDialog):
    """Dismisses with True when the run shall go on without what is listed; False keeps the old code."""

    DEFAULT_CSS = """
    LossDialog {
        & > #frame { width: 76; }
        & #lost { height: auto; max-height: 10; margin-bottom: 1; scrollbar-size-vertical: 1; }
        & #lost > Static { height: auto; }
        &.-short #lost { max-height: 3; }
        &.-short .remark { display: none; }
        &.-short .question { margin-bottom: 0; }
    }
    """
    KEYS = "y go on without · n keep the old code"

    def __init__(self, report: ReloadReport) -> None:
        super().__init__(
            "The new code cannot take over all of this run.", yes="Go on without", no="Keep the old code"
        )
        self._report = report

    def body(self) -> Iterable[Widget]:
        yield from super().body()
        if self._report.detail:
            yield Static(Content(clean(self._report.detail)), classes="remark")
        lost = [Static(_line(what)) for what in self._report.lost]
        yield VerticalScroll(*lost, id="lost", can_focus=len(lost) > 4)
        yield Static(
            Content(
                "Going on drops these. Keeping the old code changes nothing: mend the file and save again."
            ),
            classes="remark",
        )


def _line(what: str) -> Content:
    return Content.assemble((mark("dropped").sign, "$text-warning"), " ", clean(what))
