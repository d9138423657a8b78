"""Fill in the start event and run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from wf_debug.graph import EventType
from wf_debug.session import Session
from wf_tui.forms import drafts
from wf_tui.forms.form import EventForm
from wf_tui.look import clean
from wf_tui.screens.dialog import button
from wf_tui.screens.form_dialog import FormDialog


class StartDialog(FormDialog[dict[str, Any] | None]):
    """Dismisses with the start event's fields, checked by the host, or None."""

    KEYS = "ctrl+s run · esc cancel · F2 JSON · enter next · ctrl+j new line"

    def __init__(self, session: Session) -> None:
        self._workflow = session.workflow
        super().__init__(session, f"Run {self._workflow.graph.name}" if self._workflow else "Run")

    @property
    def draft_name(self) -> str:
        return f"start {self._workflow.name}" if self._workflow else "start"

    def body(self) -> Iterable[Widget]:
        event = self._workflow.graph.start_event() if self._workflow else None
        if self._workflow and self._workflow.graph.doc:
            yield Static(Content(clean(first_line(self._workflow.graph.doc))), classes="remark")
        yield EventForm(
            event or EventType(name="StartEvent", role="start"),
            self.session.last_input,
            draft=drafts.recall(self.session, self.draft_name),
        )

    def buttons(self) -> Iterable[Button]:
        yield button("Run", "submit", usual=True)
        yield button("Cancel", "cancel")

    async def send(self, data: dict[str, Any]) -> bool:
        self.dismiss(data)
        return True


def first_line(doc: str) -> str:
    """The first line of a docstring."""
    return next((line.strip() for line in doc.splitlines() if line.strip()), "")
