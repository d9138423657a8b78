"""What values are typed into: a line, a text that grows as it wraps, and JSON in colours."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Checkbox, Input, TextArea

_JSON_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>true|false|null)|(?P<mark>[{}\[\]:,])"
)
_JSON_TOKENS = ("key", "string", "number", "word", "mark")


class Entered(Message):
    """Enter was pressed in a box: go on to the next one."""


class LineBox(Input):
    """One line: a number, a date, a name. Up and down go to the fields around it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "screen.focus_previous", show=False),
        Binding("down", "screen.focus_next", show=False),
    ]

    def __init__(
        self,
        value: str = "",
        placeholder: str = "",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(value, placeholder, compact=True, select_on_focus=False, id=id, classes=classes)

    async def action_submit(self) -> None:
        self.post_message(Entered())


class TickBox(Checkbox):
    """True or false, said in a word beside the tick."""

    def __init__(self, ticked: bool) -> None:
        super().__init__(value=ticked, compact=True)
        self._say()

    def watch_value(self) -> None:
        self._say()
        super().watch_value()

    def _say(self) -> None:
        self.BUTTON_INNER = "X" if self.value else " "
        self.label = "true" if self.value else "false"


class TextBox(TextArea):
    """Text of any length: one line high, growing as it wraps. Enter goes on, ctrl+j starts a new line."""

    DEFAULT_CSS = """
    TextBox {
        height: auto;
        max-height: 6;
        padding: 0;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", show=False),
        Binding("ctrl+j,alt+enter,shift+enter", "new_line", show=False),
    ]

    def __init__(
        self,
        text: str = "",
        placeholder: str = "",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(
            text,
            compact=True,
            highlight_cursor_line=False,
            placeholder=placeholder,
            id=id,
            classes=classes,
        )
        self.move_cursor(self.document.end)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()
            return
        await super()._on_key(event)

    def action_go_on(self) -> None:
        self.post_message(Entered())

    def action_new_line(self) -> None:
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        if not select and self.navigator.is_first_wrapped_line(self.cursor_location):
            self.screen.focus_previous()
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        if not select and self.navigator.is_last_wrapped_line(self.cursor_location):
            self.screen.focus_next()
        else:
            super().action_cursor_down(select)


class JsonBox(TextBox):
    """JSON in colours, as the value of one field."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"json--{token}" for token in _JSON_TOKENS}
    DEFAULT_CSS = """
    JsonBox {
        & .json--key { color: $text-accent; }
        & .json--string { color: $text-success; }
        & .json--number { color: $text-warning; }
        & .json--word { color: $text-warning; text-style: italic; }
        & .json--mark { color: $text-muted; }
    }
    """
    _colours: dict[str, Style] | None = None

    def notify_style_update(self) -> None:
        self._colours = None
        super().notify_style_update()

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        if self._colours is None:
            styles = {
                token: self.get_component_rich_style(f"json--{token}", partial=True) for token in _JSON_TOKENS
            }
            self._colours = {t: Style(color=s.color, italic=s.italic) for t, s in styles.items()}
        for token in _JSON_TOKEN.finditer(line.plain):
            line.stylize(self._colours[token.lastgroup or "mark"], *token.span())
        return line


class JsonArea(JsonBox):
    """JSON over many lines: all fields of an event at once. Enter starts a new line."""

    DEFAULT_CSS = """
    JsonArea { min-height: 5; max-height: 100vh; }
    """

    def action_go_on(self) -> None:
        self.insert("\n")
