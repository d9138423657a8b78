"""Answer what a step asks a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from wf_debug.graph import EventType
from wf_debug.session import Session
from wf_debug.trace.live import Prompt
from wf_tui.forms import drafts
from wf_tui.forms.form import EventForm
from wf_tui.screens.dialog import button
from wf_tui.screens.form_dialog import FormDialog


class PromptDialog(FormDialog[None]):
    """One question and the fields of its answer. With several open, the next one follows each answer."""

    DEFAULT_CSS = """
    PromptDialog {
        & #question { height: auto; max-height: 8; margin-bottom: 1; scrollbar-size-vertical: 1; }
        & #question > Static { height: auto; }
        &.-short #question { max-height: 3; margin-bottom: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+n", "next", "next question", priority=True)]
    KEYS = "ctrl+s send · esc later · F2 JSON · enter next · ctrl+j new line"

    def __init__(self, session: Session, prompt: Prompt) -> None:
        super().__init__(session, "")
        self._prompt = prompt

    @property
    def draft_name(self) -> str:
        return f"answer {self._prompt.run} {self._prompt.id}"

    def body(self) -> Iterable[Widget]:
        yield VerticalScroll(Static(id="text"), id="question", can_focus=False)

    def buttons(self) -> Iterable[Button]:
        yield button("Answer", "submit", usual=True)
        yield button("Next question", "next")
        yield button("Later", "cancel")

    async def on_mount(self) -> None:
        await self._show(self._prompt)

    async def _show(self, prompt: Prompt) -> None:
        if self.form:
            await self.form.remove()
        self._prompt = prompt
        self.complain("")
        waiting = len(self._open())
        self.retitle(
            f"{prompt.step or 'The run'} asks" + (f" · {waiting} questions open" if waiting > 1 else "")
        )
        self.query_one("#next").display = waiting > 1
        self.query_one("#text", Static).update(Content(prompt.text or f"It waits for {prompt.answer_type}."))
        form = EventForm(
            self._answer_event(),
            hidden=prompt.requirements,
            draft=drafts.recall(self.session, self.draft_name),
            suggest="response",
        )
        await self.query_one("#frame").mount(form, after="#question")
        self.once_drawn(self.settle)

    def _answer_event(self) -> EventType:
        graph = self.session.graph_in(self._prompt.run)
        known = graph.event(self._prompt.answer_type) if graph else None
        return known or EventType(name=self._prompt.answer_type, role="human_response")

    def _open(self) -> list[Prompt]:
        return list(self.session.live.prompts)

    def _others(self) -> list[Prompt]:
        """The other open questions, those after this one first."""
        prompts = self._open()
        ids = [p.id for p in prompts]
        at = ids.index(self._prompt.id) + 1 if self._prompt.id in ids else 0
        return [p for p in prompts[at:] + prompts[:at] if p.id != self._prompt.id]

    @on(Button.Pressed, "#next")
    async def action_next(self) -> None:
        """Leave this question open and show another."""
        others = self._others()
        if self.form and others:
            drafts.keep(self.session, self.draft_name, self.form.draft)
            await self._show(others[0])

    async def send(self, data: dict[str, Any]) -> bool:
        result = await self.attempt(self.session.answer(self._prompt, data))
        if result is None:
            return False
        if not result.accepted_by:
            self.complain("nobody takes this answer any more: the question is closed")
            return False
        drafts.forget(self.session, self.draft_name)
        others = self._others()
        if others:
            await self._show(others[0])
        else:
            self.dismiss(None)
        return True
