"""What the dialogs share: the frame, the line for messages, the buttons, and asking the session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ScreenResultType
from textual.widget import Widget
from textual.widgets import Button

from wf_debug.session import SessionError
from wf_debug.wire import WireError
from wf_tui.forms.row import Problem
from wf_tui.look import clean
from wf_tui.screens.modal import Modal

Answer = TypeVar("Answer")
_PATIENCE = 0.4
"""Seconds that an answer may take before the dialog says that it waits."""


class Dialog(Modal[ScreenResultType]):
    """A framed dialog. Escape closes it; a failing command is explained inside and loses nothing."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > #frame {
            width: 84;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            background: $surface;
            border: round $accent;
            border-title-color: $text-accent;
            border-title-style: bold;
            border-subtitle-color: $text-muted;
            padding: 0 2;
        }
        & .remark { color: $text-muted; height: auto; margin-bottom: 1; }
        & #actions { height: 1; margin-top: 1; }
        & #actions Button { margin-right: 2; min-width: 10; }
        & OptionList { border: none; padding: 0; background: $surface; max-height: 50vh; }
        & OptionList { scrollbar-size-vertical: 1; }
        & OptionList:focus { border: none; background-tint: transparent; }
        &.-tall > #frame { padding: 1 2; }
        &.-narrow > #frame { width: 100%; padding: 0 1; }
        &.-narrow #actions Button { min-width: 0; margin-right: 1; }
        &.-narrow FieldRow { layout: vertical; & > .name { width: 100%; } }
        &.-short {
            & > #frame { padding: 0 1; }
            & #actions { margin: 0; }
            & .remark { display: none; }
            & TabStrip { margin-bottom: 0; }
            & FieldRow { margin-bottom: 0; & .hint { display: none; max-height: 2; } }
            & FieldRow.-here .hint { display: block; }
        }
    }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]  # noqa: RUF012 - as the base class declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-middle"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel"),
        Binding("ctrl+s,ctrl+enter", "submit", "send", priority=True),
    ]
    KEYS: ClassVar[str] = "esc cancel"
    """What the lower border says about the keys."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._frame_title = title

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = Content(clean(self._frame_title))
            frame.border_subtitle = Content(self.keys)
            yield from self.body()
            yield Problem(id="trouble")
            with Horizontal(id="actions"):
                yield from self.buttons()

    @property
    def keys(self) -> str:
        """The keys that act now."""
        return self.KEYS

    def body(self) -> Iterable[Widget]:
        """What the dialog is about."""
        return ()

    def buttons(self) -> Iterable[Button]:
        """The ways out, the usual one first."""
        return ()

    def retitle(self, title: str) -> None:
        """Another title in the upper border."""
        self.query_one("#frame").border_title = Content(clean(title))

    def show_focused(self) -> None:
        """Scroll to where the person types."""
        if self.focused is not None:
            self.focused.scroll_visible(animate=False)

    def complain(self, text: str) -> None:
        """Say inside the dialog what is wrong; an empty text takes it back."""
        self.query_one("#trouble", Problem).show(text)

    async def attempt(self, command: Awaitable[Answer]) -> Answer | None:
        """Await a command to the session; a failure is told in the dialog and gives None."""
        self.complain("")
        waiting = self.set_timer(_PATIENCE, self._say_waiting)
        try:
            return await command
        except SessionError as failure:
            self.refused(failure.error)
            return None
        finally:
            waiting.stop()
            self._say_below(self.keys)

    def begin(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Start what a button does, unless the last one is still being done."""
        if all(worker.is_finished for worker in self.workers if worker.node is self):
            self.run_worker(self._telling_faults(work()))

    async def _telling_faults(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception as error:
            self.complain(f"internal error: {type(error).__name__}: {error}")

    def once_drawn(self, work: Callable[[], object]) -> None:
        """Do it after the next refresh, unless the dialog or the application is gone by then."""

        def unless_gone() -> None:
            if self.is_attached and self in self.app.screen_stack:
                work()

        self.call_after_refresh(unless_gone)

    def room(self, child: Widget) -> int:
        """Rows that one child of the frame may take."""
        frame = self.query_one("#frame")
        others = [w for w in frame.children if w.display and w is not child]
        used = sum(w.outer_size.height + w.styles.margin.height for w in others)
        return self.size.height - used - frame.gutter.height

    def _say_waiting(self) -> None:
        self._say_below("asking the host ... · esc cancel")

    def _say_below(self, text: str) -> None:
        for frame in self.query("#frame"):
            frame.border_subtitle = Content(text)

    def refused(self, error: WireError) -> None:
        """Explain why a command failed: what, where, and the next thing to try."""
        parts = [error.message, str(error.where or ""), error.hint]
        self.complain("\n  ".join(part for part in parts if part))

    async def action_cancel(self) -> None:
        self.dismiss(None)

    def action_submit(self) -> None:
        """What enter on the usual button does."""

    @on(Button.Pressed, "#cancel")
    async def _cancelled(self) -> None:
        await self.action_cancel()

    @on(Button.Pressed, "#submit")
    def _submitted(self) -> None:
        self.action_submit()


def button(label: str, name: str, *, usual: bool = False) -> Button:
    """One button of a dialog's last line."""
    return Button(label, variant="primary" if usual else "default", id=name, compact=True)
