"""One field of a form: its name, the box its value is typed into, what it takes, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from wf_tui.forms.boxes import JsonBox, LineBox, TextBox, TickBox
from wf_tui.forms.schema import UNSET, FieldSpec
from wf_tui.forms.text import BadText, dump_json, offered, read_text
from wf_tui.forms.words import example_of
from wf_tui.look import clean, ellipsis, mark

_QUOTE = 24
"""A default is quoted beside the type up to this many characters."""
_PLACEHOLDER = 60
"""A default is shown in the empty box up to this many characters."""


class Problem(Static):
    """A complaint in one or a few lines, gone when there is none."""

    DEFAULT_CSS = """
    Problem { display: none; color: $text-error; height: auto; &.-shown { display: block; } }
    """

    def show(self, text: str) -> None:
        """Show the text, or with an empty one hide it."""
        self.set_class(bool(text), "-shown")
        self.update(Content(f"{mark('failed').sign} {text}" if text else ""))


class FieldRow(Horizontal):
    """A declared field."""

    DEFAULT_CSS = """
    FieldRow {
        height: auto;
        margin-bottom: 1;
        & > .name { width: 16; padding-right: 1; color: $foreground; }
        & > .entry { width: 1fr; height: auto; }
        & .hint { color: $text-muted; height: auto; }
        & LineBox.-textual-compact, & TextBox { background: $panel; width: 100%; padding: 0 1; }
        & LineBox:focus, & TextBox:focus { background: $panel-lighten-1; background-tint: transparent; }
        & Checkbox { background: transparent; }
        & Select.-textual-compact > SelectCurrent { background: $panel; padding: 0 1; }
        & Select:focus > SelectCurrent { background: $panel-lighten-1; background-tint: transparent; }
        &.-bad LineBox, &.-bad TextBox { background: $error-muted; }
        &.-here > .name { text-style: bold; color: $text-accent; }
    }
    """

    def __init__(self, spec: FieldSpec, text: str) -> None:
        super().__init__()
        self.spec = spec
        self._start = text
        self._touched = bool(text)
        self._at_fault = ""
        """The text that the complaint in sight is about."""

    def compose(self) -> ComposeResult:
        needs_you = self.spec.required and not (self.spec.choices and self._start)
        star = Content.styled(" *", "$text-accent") if needs_you else Content("")
        yield Static(Content(clean(self.spec.name)) + star, classes="name")
        with Vertical(classes="entry"):
            yield _box(self.spec, self._start)
            yield Static(_hint(self.spec), classes="hint")
            yield Problem()

    @property
    def box(self) -> Widget:
        """The widget that holds the value."""
        return self.query_one(".entry").children[0]

    @property
    def text(self) -> str:
        """What is typed; empty while unset."""
        match self.box:
            case Input() as line:
                return line.value
            case TextArea() as area:
                return area.text
            case TickBox() as tick:
                return dump_json(tick.value) if self._touched or self.spec.required else ""
            case Select() as select:
                return "" if select.is_blank() else str(select.value)
        raise AssertionError(self.box)

    @text.setter
    def text(self, text: str) -> None:
        self._touched = bool(text)
        box = self.box
        with box.prevent(Input.Changed, TextArea.Changed, TickBox.Changed, Select.Changed):
            match box:
                case Input():
                    box.value = text
                case TextArea():
                    box.text = text
                    box.move_cursor(box.document.end)
                case TickBox():
                    box.value = _ticked(self.spec, text)
                case Select():
                    box.value = text or Select.NULL
        self.show_problem("")
        self.check()

    def show_problem(self, text: str) -> None:
        """Show what is wrong under the box; an empty text clears it."""
        self._at_fault = self.text
        self.set_class(bool(text), "-bad")
        self.query_one(Problem).show(text)

    def check(self) -> None:
        """Complain about a text that does not fit. An empty one is left in peace until the form is sent."""
        try:
            read_text(self.spec, self.text)
        except BadText as bad:
            self.show_problem(str(bad))

    @on(TickBox.Changed)
    def _ticked_by_hand(self) -> None:
        self._touched = True

    @on(Select.Changed)
    def _chosen(self) -> None:
        if self.has_class("-here"):
            self.call_after_refresh(self.screen.focus_next)

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Select.Changed)
    def _being_mended(self) -> None:
        if self.text != self._at_fault:
            self.show_problem("")

    def on_descendant_focus(self) -> None:
        self.add_class("-here")

    def on_descendant_blur(self) -> None:
        self.remove_class("-here")
        self.check()


class ExtraRow(Horizontal):
    """A field that the event class does not declare: its name and its value, JSON or plain text."""

    DEFAULT_CSS = """
    ExtraRow {
        height: auto;
        & > LineBox.-textual-compact { width: 15; margin-right: 1; background: $panel; padding: 0 1; }
        & > .entry { width: 1fr; height: auto; }
        & TextBox { background: $panel; width: 100%; padding: 0 1; }
        & LineBox:focus, & TextBox:focus { background: $panel-lighten-1; background-tint: transparent; }
    }
    """

    def __init__(self, name: str = "", text: str = "") -> None:
        super().__init__()
        self._start = (name, text)

    def compose(self) -> ComposeResult:
        name, text = self._start
        yield LineBox(name, "+ field")
        with Vertical(classes="entry"):
            yield JsonBox(text, "value: text or JSON")
            yield Problem()

    @property
    def pair(self) -> tuple[str, str]:
        """Name and text of the value."""
        return self.query_one(LineBox).value, self.query_one(JsonBox).text

    @property
    def empty(self) -> bool:
        return not any(part.strip() for part in self.pair)

    def show_problem(self, text: str) -> None:
        self.query_one(Problem).show(text)


def _box(spec: FieldSpec, text: str) -> Widget:
    match spec.kind:
        case "boolean":
            return TickBox(_ticked(spec, text))
        case "choice":
            return _select(spec, text)
        case "json":
            return JsonBox(text, _placeholder(spec))
        case "text" if not spec.format:
            return TextBox(text, _placeholder(spec))
    return LineBox(text, _placeholder(spec))


def _select(spec: FieldSpec, text: str) -> Select[str]:
    options = list(_options(spec))
    value = text if any(text == v for _, v in options) else Select.NULL
    default = "" if spec.default in (UNSET, None) else f" ({_short(spec.default, _QUOTE)})"
    prompt = "choose" if spec.required else f"unset{default}"
    may_be_blank = not spec.required or value is Select.NULL
    return Select(options, prompt=prompt, allow_blank=may_be_blank, value=value, compact=True)


def _options(spec: FieldSpec) -> Iterator[tuple[str, str]]:
    for value, text in zip(spec.choices, offered(spec), strict=True):
        yield (value if isinstance(value, str) and value else text), text


def _ticked(spec: FieldSpec, text: str) -> bool:
    return text == "true" if text else spec.default is True


def _placeholder(spec: FieldSpec) -> str:
    if spec.required:
        return ""
    return "unset" if spec.default in (UNSET, None) else _short(spec.default, _PLACEHOLDER)


def _hint(spec: FieldSpec) -> Content:
    parts = [spec.words]
    if example := example_of(spec.format):
        parts[0] += f", like {example}"
    if spec.default not in (UNSET, None):
        parts.append(f"default {_short(spec.default, _QUOTE)}")
    if spec.description:
        parts.append(clean(spec.description))
    return Content(" · ".join(parts))


def _short(value: Any, width: int) -> str:
    text = clean(value) if isinstance(value, str) and value else " ".join(dump_json(value).split())
    return text if len(text) <= width else text[: width - 1] + ellipsis()
