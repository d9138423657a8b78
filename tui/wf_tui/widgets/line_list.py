"""The house list: any number of one-line rows, of which only those on screen are ever made.

Rows come in windows from `fetch`; drawn lines are kept for a few screens only. With `tail` on, the view stays
at the end as rows come in; moving the cursor away switches it off, `follow_tail` on again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wf_tui.look import TONES, Line, Tone, fit

Row = TypeVar("Row")
_SCREENS_KEPT = 3
_MARGIN = 20
"""Rows fetched beyond each edge of the screen, so that a small scroll needs no query."""


@dataclass(frozen=True, slots=True)
class _Palette:
    """The styles of one frame, resolved once."""

    tones: dict[Tone, Style]
    cursor: Style
    cursor_blurred: Style
    tint: Style
    blank: Style


class LineList(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Base of the timeline, the logs and every other list that may grow without bound.

    A subclass gives `length`, `fetch` and `draw`; it may give `version`, so that only changed rows are drawn
    again, and `tinted` for rows that must stand out.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"tone--{tone}" for tone in TONES),
        "line--cursor",
        "line--cursor-blurred",
        "line--tint",
    }
    DEFAULT_CSS = """
    LineList {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & .tone--text { color: $foreground; }
        & .tone--muted { color: $text-muted; }
        & .tone--accent { color: $text-accent; }
        & .tone--ok { color: $text-success; }
        & .tone--warn { color: $text-warning; }
        & .tone--error { color: $text-error; }
        & .tone--strong { color: $foreground; text-style: bold; }
        & .line--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
        & .line--cursor-blurred { background: $block-cursor-blurred-background; }
        & .line--tint { background: $warning-muted; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "first", "First", show=False),
        Binding("enter", "activate", "Open", show=False),
    ]

    cursor: var[int] = var(-1)
    """Index of the row under the cursor, -1 in an empty list."""
    tail: var[bool] = var(True)

    class Moved(Message):
        """The person put the cursor on a row."""

        def __init__(self, source: LineList[Any], index: int) -> None:
            super().__init__()
            self.source = source
            self.index = index

    class Activated(Message):
        """Enter, or a second click, on the row under the cursor."""

        def __init__(self, source: LineList[Any], index: int) -> None:
            super().__init__()
            self.source = source
            self.index = index

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._count = 0
        self._first = 0
        self._window: Sequence[Row] = ()
        self._strips: OrderedDict[Hashable, Strip] = OrderedDict()
        self._palette: _Palette | None = None

    # -- what a subclass gives
    def length(self) -> int:
        """How many rows there are now."""
        raise NotImplementedError

    def fetch(self, start: int, limit: int) -> Sequence[Row]:
        """The rows from `start`, at most `limit`."""
        raise NotImplementedError

    def draw(self, row: Row, width: int) -> Line:
        """The row as one line, at most `width` cells wide."""
        raise NotImplementedError

    def version(self, row: Row) -> Hashable:
        """Changes whenever `draw` would give something else for the same row."""
        return row

    def tinted(self, row: Row) -> bool:
        """Whether the row must stand out."""
        return False

    @property
    def when_empty(self) -> str:
        """What stands in an empty list."""
        return ""

    @property
    def rests_visibly(self) -> bool:
        """Whether the cursor is shown while another widget has the focus."""
        return not self.tail

    def tail_cursor(self) -> int:
        """Where the cursor rests while the view follows the tail."""
        return self._count - 1

    # -- rows
    @property
    def count(self) -> int:
        """Rows known at the last sync."""
        return self._count

    def row(self, index: int) -> Row | None:
        """The row at `index`; fetches a window around the screen when it is not at hand."""
        if not 0 <= index < self._count:
            return None
        if not self._first <= index < self._first + len(self._window):
            self._load_window(index)
        offset = index - self._first
        return self._window[offset] if 0 <= offset < len(self._window) else None

    def _load_window(self, index: int) -> None:
        height = max(self.size.height, 1)
        top = min(self.scroll_offset.y, index)
        start = top if index < top + height + _MARGIN else index
        self._first = max(0, start - _MARGIN)
        self._window = self.fetch(self._first, height + 2 * _MARGIN)

    @property
    def line_width(self) -> int:
        """Cells that a line has, whether there is a scrollbar now or not."""
        return max(self.scrollable_content_region.width, 1)

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        return self.row(self.cursor)

    def sync(self) -> None:
        """Adopt what has come in: the new length, changed rows, and the end if following the tail."""
        self._count = self.length()
        self._window = ()
        self._resize_to(self._count)
        if self.tail:
            self._to_tail()
        elif self.cursor >= self._count:
            self.cursor = self._count - 1
        self.refresh()

    def _resize_to(self, count: int) -> None:
        """Adopt the number of rows; the screen is laid out again only when the scrollbar comes or goes."""
        if self.virtual_size.height == count:
            return
        height, size = self.container_size.height, Size(0, count)
        if self.styles.is_auto_height or (self.virtual_size.height > height) != (count > height):
            self.virtual_size = size
            return
        self.set_reactive(LineList.virtual_size, size)
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.window_virtual_size = count

    def restart(self) -> None:
        """Another set of rows is shown from now on: back to following its tail."""
        self._strips.clear()
        self.tail = True
        self.sync()

    # -- moving
    def _to_tail(self) -> None:
        self.set_reactive(LineList.cursor, self.tail_cursor())
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        if 0 <= self.cursor < self.scroll_offset.y:
            self._reveal(self.cursor)

    def follow_tail(self) -> None:
        """Go to the end and stay there as rows come in."""
        self.tail = True
        self.sync()

    def go_to(self, index: int) -> None:
        """Put the cursor on a row and tell about it; on the last row the tail is followed again."""
        if not self._count:
            return
        self.tail = False
        before, self.cursor = self.cursor, max(0, min(index, self._count - 1))
        self._reveal(self.cursor)
        self.refresh_lines(before)
        self.refresh_lines(self.cursor)
        self.post_message(self.Moved(self, self.cursor))

    def _reveal(self, index: int) -> None:
        top, height = self.scroll_offset.y, max(self.size.height, 1)
        if index < top:
            self.scroll_to(y=index, animate=False, immediate=True, force=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, immediate=True, force=True)

    def action_move(self, by: int) -> None:
        self.go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.go_to(self.cursor + by * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        self.go_to(0)

    def action_activate(self) -> None:
        if self._count:
            self.post_message(self.Activated(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y
        if not 0 <= index < self._count:
            return
        if index == self.cursor and event.chain == 2:
            self.action_activate()
        else:
            self.go_to(index)

    def on_mouse_scroll_up(self) -> None:
        self.tail = False

    def on_resize(self) -> None:
        self._window = ()
        if self.tail:
            self.call_after_refresh(self._to_tail)

    # -- painting
    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._palette = None
        self._strips.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        """As Textual does it, but for a list without padding straight from the rows: it is painted often."""
        if self._palette is None:
            self._palette = self._resolve()
        if self.styles.gutter or self.opacity != 1.0:
            return super().render_lines(crop)
        width, background = self.region.width, self.background_colors[1]
        strips = [self.render_line(y).adjust_cell_length(width, self._palette.blank) for y in crop.line_range]
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def _resolve(self) -> _Palette:
        tones: dict[Tone, Style] = {
            tone: _ink(self.get_component_rich_style(f"tone--{tone}")) for tone in TONES
        }
        return _Palette(
            tones=tones,
            cursor=self.get_component_rich_style("line--cursor"),
            cursor_blurred=self.get_component_rich_style("line--cursor-blurred"),
            tint=self.get_component_rich_style("line--tint", partial=True),
            blank=self.rich_style,
        )

    def render_line(self, y: int) -> Strip:
        palette = self._palette or self._resolve()
        width, index = self.line_width, self.scroll_offset.y + y
        row = self.row(index)
        if row is None:
            return self._blank(y, width, palette)
        under = (index == self.cursor) * (2 if self.has_focus else self.rests_visibly)
        key = (index, self.version(row), width, under)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._strip(row, width, under, palette)
            self._forget_old_strips()
        return strip

    def _blank(self, y: int, width: int, palette: _Palette) -> Strip:
        if y or self._count:
            return Strip.blank(width, palette.blank)
        text = Segment(fit(self.when_empty, width), palette.blank + palette.tones["muted"])
        return Strip([text]).adjust_cell_length(width, palette.blank)

    def _forget_old_strips(self) -> None:
        limit = _SCREENS_KEPT * max(self.size.height, 1)
        while len(self._strips) > limit:
            self._strips.popitem(last=False)

    def _strip(self, row: Row, width: int, under: int, palette: _Palette) -> Strip:
        base = palette.blank
        if self.tinted(row):
            base = base + palette.tint
        segments = [Segment(text, base + palette.tones[tone]) for text, tone in self.draw(row, width)]
        strip = Strip(segments).adjust_cell_length(width, base)
        if under == 2:
            return Strip([Segment(s.text, palette.cursor) for s in strip])
        if under == 1:
            back = Style(bgcolor=palette.cursor_blurred.bgcolor)
            return Strip([Segment(s.text, (s.style or base) + back) for s in strip])
        return strip

    def on_focus(self) -> None:
        self.refresh_line(self.cursor)

    def on_blur(self) -> None:
        self.refresh_line(self.cursor)

    def text_of(self, index: int) -> str:
        """What the row at `index` says at the present width."""
        row = self.row(index)
        return "" if row is None else "".join(text for text, _ in self.draw(row, self.line_width)).rstrip()


def _ink(style: Style) -> Style:
    """The style without its background, which is the row's."""
    return Style(color=style.color, bold=style.bold, italic=style.italic, dim=style.dim)
