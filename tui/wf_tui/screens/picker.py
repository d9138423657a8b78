"""Choose one of the workflows that a file offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, OptionList
from textual.widgets.option_list import Option

from wf_debug.graph import SourceRef
from wf_debug.wire import WorkflowInfo
from wf_tui.look import clean, mark
from wf_tui.screens.dialog import Dialog, button
from wf_tui.screens.start import first_line


class WorkflowPicker(Dialog[str | None]):
    """Dismisses with the chosen workflow's name, or None."""

    KEYS = "enter choose · esc cancel"
    AUTO_FOCUS = "OptionList"

    def __init__(self, workflows: Sequence[WorkflowInfo]) -> None:
        super().__init__("Choose a workflow")
        self._workflows = list(workflows)

    def body(self) -> Iterable[Widget]:
        yield OptionList(*(Option(_describe(w), id=w.name) for w in self._workflows))

    def buttons(self) -> Iterable[Button]:
        yield button("Choose", "submit", usual=True)
        yield button("Cancel", "cancel")

    def action_submit(self) -> None:
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _chosen(self, chosen: OptionList.OptionSelected) -> None:
        self.dismiss(chosen.option_id)


def _describe(workflow: WorkflowInfo) -> Content:
    """Name and place, what it is for, and each problem with its line."""
    lines = [Content.assemble((clean(workflow.name), "bold"), (_place(workflow.source), "$foreground 60%"))]
    if doc := first_line(workflow.graph.doc):
        lines.append(Content.styled(f"  {clean(doc)}", "$foreground 60%"))
    for problem in workflow.problems:
        sign, tone = ("failed", "$text-error") if problem.fatal else ("unhandled", "$text-warning")
        text = f"  {mark(sign).sign} {clean(problem.message)}{_place(problem.where)}"
        lines.append(Content.styled(text, tone))
    return Content("\n").join(lines)


def _place(where: SourceRef | None) -> str:
    return f"  {where.file.rsplit('/', 1)[-1]}:{where.line}" if where else ""
