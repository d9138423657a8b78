"""A dialog around one event form: checked here, then by the host, then sent; drafts outlive it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import ScreenResultType

from wf_debug.session import Session
from wf_debug.wire import WireError
from wf_tui.forms import drafts
from wf_tui.forms.form import EventForm
from wf_tui.screens.dialog import Dialog


class FormDialog(Dialog[ScreenResultType]):
    """Base of the dialogs that fill in an event."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f2", "switch_tab", "form or JSON", priority=True)]
    KEYS = "ctrl+s send · esc cancel · F2 JSON · enter next · ctrl+j new line"

    def __init__(self, session: Session, title: str) -> None:
        super().__init__(title)
        self.session = session

    @property
    def draft_name(self) -> str:
        """What the form's draft is kept under; one draft for each thing that can be filled in."""
        raise NotImplementedError

    async def send(self, data: dict[str, Any]) -> bool:
        """Do what the dialog is for with fields that the host found right. False: it did not work out."""
        raise NotImplementedError

    @property
    def form(self) -> EventForm | None:
        """The form, once there is one."""
        return next(iter(self.query(EventForm)), None)

    @property
    def keys(self) -> str:
        return self.for_tab(self.KEYS)

    def for_tab(self, keys: str) -> str:
        """F2 named for the other tab; what acts in boxes only, for the form only."""
        if not (self.form and self.form.in_json):
            return keys
        return keys.replace("F2 JSON", "F2 form").partition(" · enter")[0]

    async def on_mount(self) -> None:
        self._say_below("")  # the keys are named once they act
        self.once_drawn(self.settle)

    def on_resize(self) -> None:
        self.once_drawn(self._fit)

    def settle(self) -> None:
        """Give the form its room and the focus, once it has its fields."""
        if self.form and not self.form.is_mounted:
            self.once_drawn(self.settle)
            return
        self._fit()
        if self.form:
            self.form.focus_first()
        self._say_below(self.keys)

    def _fit(self) -> None:
        """Twice: what is beside the fields takes its place only as it is drawn."""
        self._limit()
        self.once_drawn(self._limit)
        self.once_drawn(self.show_focused)

    def _limit(self) -> None:
        if self.form and self.form.is_mounted:
            self.form.limit_height(self.room(self.form))

    async def action_cancel(self) -> None:
        if self.form:
            drafts.keep(self.session, self.draft_name, self.form.draft)
        await super().action_cancel()

    def action_submit(self) -> None:
        if form := self.form:
            self.begin(lambda: self._submit(form))

    async def action_switch_tab(self) -> None:
        if self.form:
            await self.form.switch_tab()

    async def _submit(self, form: EventForm) -> None:
        self.complain("")
        data = form.read()
        if data is not None and await self._host_agrees(form, data):
            name = self.draft_name
            drafts.keep(self.session, name, form.draft)
            if await self.send(data):
                drafts.forget(self.session, name)
                return
        self.once_drawn(self._fit)

    async def _host_agrees(self, form: EventForm, data: dict[str, Any]) -> bool:
        """Ask the host to build the event; its objections go under the fields."""
        verdict = await self.attempt(self.session.validate(form.event.name, data))
        if verdict is not None and verdict.errors:
            form.show_errors(verdict.errors)
        return verdict is not None and not verdict.errors

    def refused(self, error: WireError) -> None:
        if self.form and error.fields:
            self.form.show_errors(error.fields)
        super().refused(error)

    @on(EventForm.Turned)
    def _name_keys(self) -> None:
        self._say_below(self.keys)

    @on(EventForm.Submitted)
    def _entered_last(self) -> None:
        self.action_submit()
