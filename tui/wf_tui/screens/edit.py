"""Change a held event before it goes on, or decide over it otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from wf_debug.session import Session
from wf_debug.trace.live import Held
from wf_debug.trace.records import Payload
from wf_tui.forms import drafts
from wf_tui.forms.form import EventForm
from wf_tui.look import arrow, clean
from wf_tui.screens.dialog import button
from wf_tui.screens.form_dialog import FormDialog


class EditDialog(FormDialog[None]):
    """The held event's fields. Saving lets the changed event go on; the other buttons change nothing."""

    DEFAULT_CSS = """
    EditDialog.-narrow #cancel { display: none; }
    """
    KEYS = "ctrl+s save · esc leave it held · F2 JSON · enter next"

    def __init__(self, session: Session, held: Held) -> None:
        super().__init__(session, f"Held: {held.type}")
        self._held = held
        graph = session.graph_in(held.run)
        self._event = graph.event(held.type) if graph else None

    @property
    def draft_name(self) -> str:
        return f"edit {self._held.run} {self._held.hold}"

    def body(self) -> Iterable[Widget]:
        yield Static(Content(_where(self._held)), classes="remark")
        if self._event is None:
            yield Static(Content(clean(self._held.payload.preview)))
            return
        data, trouble = _fields(self._held.payload)
        if trouble:
            yield Static(Content.styled(trouble, "$text-warning"), classes="remark")
        yield EventForm(self._event, data, draft=drafts.recall(self.session, self.draft_name))

    def buttons(self) -> Iterable[Button]:
        if self._event is not None:
            yield button("Save", "submit", usual=True)
        yield button("Accept", "accept", usual=self._event is None)
        yield button("Drop", "drop")
        if self._event is not None:
            yield button("Twice", "duplicate")
        yield button("Cancel", "cancel")

    async def send(self, data: dict[str, Any]) -> bool:
        return await self._release("edit", data)

    @on(Button.Pressed, "#accept, #drop, #duplicate")
    def _decided(self, pressed: Button.Pressed) -> None:
        for action in ("accept", "drop", "duplicate"):
            if pressed.button.id == action:
                self.begin(partial(self._release, action))

    async def _release(
        self, action: Literal["accept", "edit", "drop", "duplicate"], data: dict[str, Any] | None = None
    ) -> bool:
        async def release() -> bool:
            await self.session.release(self._held.hold, action, data)
            return True

        if not await self.attempt(release()):
            return False
        drafts.forget(self.session, self.draft_name)
        self.dismiss(None)
        return True


def _where(held: Held) -> str:
    moment = {
        "emit": f"before {held.step or 'it'} emits it",
        "deliver": f"before {arrow()} {held.step or 'its steps'}",
        "after": f"what {held.step or 'the step'} ended with",
        "publish": "before it is published to the stream",
    }[held.when]
    return f"{moment} · stopped by {held.reason.replace('_', ' ')}"


def _fields(payload: Payload) -> tuple[dict[str, Any], str]:
    """The event's fields, and what is missing of them in words."""
    if isinstance(payload.data, dict):
        return payload.data, ""
    if payload.handle:
        try:
            data = json.loads(Path(payload.handle).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            return {}, f"its {payload.size} bytes cannot be read back: {error}. Saving replaces all fields."
        if isinstance(data, dict):
            return data, ""
    return {}, f"it has no JSON form, so all fields are to be filled in anew: {clean(payload.preview)}"
