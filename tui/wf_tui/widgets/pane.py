"""The frame around each view: a thin border, its number and title, the accent when it has the focus."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content


class Pane(Vertical):
    """One numbered pane. Its content widgets are its children; the first focusable one gets the focus."""

    DEFAULT_CSS = """
    Pane {
        border: round $foreground 25%;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        padding: 0;
        &:focus-within {
            border: round $accent;
            border-title-color: $text-accent;
            border-title-style: bold;
        }
    }
    """

    def __init__(self, number: int, title: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.number = number
        self.title = title
        self.set_title()

    def set_title(self, extra: str = "") -> None:
        """The title, with what the pane shows at present behind it."""
        text = f"{self.number} {self.title}" + (f" · {extra}" if extra else "")
        if str(self.border_title or "") != text:
            self.border_title = Content(text)

    def set_subtitle(self, text: str) -> None:
        """A remark in the lower border, e.g. how many rows follow."""
        if str(self.border_subtitle or "") != text:
            self.border_subtitle = Content(text)

    def focus_content(self) -> None:
        """Give the focus to what the pane holds, before the next key is read."""
        for widget in self.query("*"):
            if widget.focusable and widget.display:
                self.screen.set_focus(widget, scroll_visible=False)
                return
