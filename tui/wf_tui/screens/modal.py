"""What lies over the main screen, and goes away once."""

from __future__ import annotations

from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.screen import ModalScreen, ScreenResultType


class Modal(ModalScreen[ScreenResultType]):
    """Base of the dialogs. However often keys dismiss it, no other screen goes with it."""

    def __init__(self) -> None:
        super().__init__()
        self._late: tuple[ScreenResultType | None] | None = None

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close, now or as soon as nothing lies over it; only the first time counts."""
        if self.app.screen is self:
            return super().dismiss(result)
        if self in self.app.screen_stack and self._late is None:
            self._late = (result,)
        return AwaitComplete()

    def on_screen_resume(self) -> None:
        if self._late is not None:
            super().dismiss(*self._late)


class Palette(CommandPalette):
    """Textual's, for keys that come faster than it is drawn or closed."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def _action_command_list(self, action: str) -> None:
        if any(commands.size for commands in self.query(CommandList)):
            super()._action_command_list(action)
