"""A document of toned lines, wrapped to the width: what the inspector and the help show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from textual.binding import Binding, BindingType

from wf_tui.look import Cell, Line, Tone, bar, clean
from wf_tui.widgets.line_list import LineList


class TextLines(LineList[Line]):
    """Shows lines given as a whole, long ones wrapped with their own indent. It has no cursor, it scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("G,end", "last", "Last", show=False)]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.set_reactive(LineList.tail, False)
        self._lines: Sequence[Line] = ()
        self._wrapped: list[Line] = []
        self._wrapped_for: tuple[int, int] = (-1, -1)

    def show(self, lines: Sequence[Line], *, keep_place: bool = False) -> None:
        """Replace the document; `keep_place` for a new state of the same one."""
        self._lines = lines
        self._wrapped_for = (-1, -1)
        self.sync()
        self.cursor = -1
        if not keep_place:
            self.scroll_to(y=0, animate=False, immediate=True, force=True)

    @property
    def rests_visibly(self) -> bool:
        return False

    def action_move(self, by: int) -> None:
        self._scroll(by)

    def action_page(self, by: int) -> None:
        self._scroll(by * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        self._scroll(-self.count)

    def action_last(self) -> None:
        self._scroll(self.count)

    def _scroll(self, by: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, immediate=True)

    @property
    def text(self) -> str:
        """The document as plain text, unwrapped."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def on_resize(self) -> None:
        if self._wrapped_for[0] != self.line_width:
            self.sync()

    def length(self) -> int:
        self._wrap()
        return len(self._wrapped)

    def fetch(self, start: int, limit: int) -> list[Line]:
        return self._wrapped[start : start + limit]

    def draw(self, row: Line, width: int) -> Line:
        return row

    def _wrap(self) -> None:
        wanted = (self.line_width, id(self._lines))
        if wanted != self._wrapped_for:
            self._wrapped = [part for line in self._lines for part in wrap(line, wanted[0])]
            self._wrapped_for = wanted


def wrap(line: Line, width: int) -> list[Line]:
    """The line in pieces of at most `width` cells; those after the first stand under its text."""
    line = tuple((clean(text), tone) for text, tone in line)
    if sum(cell_len(text) for text, _ in line) <= width:
        return [line]
    lead = _lead(line, width)
    rest = width - cell_len(lead[0])
    pieces: list[list[Cell]] = [[]]
    room = width
    for text, tone in line:
        for word in _words(text):
            for part in chop_cells(word, rest) if cell_len(word) > rest else [word]:
                if cell_len(part) > room:
                    pieces.append([])
                    room = rest
                    part = part.lstrip(" ") or part
                _append(pieces[-1], part, tone)
                room -= cell_len(part)
    first, *more = [piece for piece in pieces if any(text.strip() for text, _ in piece)] or [[]]
    return [tuple(first), *((lead, *piece) for piece in more)]


def _append(piece: list[Cell], text: str, tone: Tone) -> None:
    if piece and piece[-1][1] == tone:
        text = piece.pop()[0] + text
    piece.append((text, tone))


def _lead(line: Line, width: int) -> Cell:
    """What later pieces begin with: room for the line's label or indent, or its bar again."""
    label, (first, tone) = "".join(text for text, _ in line[:-1]), line[0]
    if label.endswith(" ") and cell_len(label) <= width // 3:
        return (label if label.strip() == bar() else " " * cell_len(label), tone)
    if len(line) > 1 and first.endswith(" ") and cell_len(first) <= width // 2:
        return (" " * cell_len(first), tone)
    flat = label + line[-1][0]
    return (" " * min(len(flat) - len(flat.lstrip(" ")), width // 3), "text")


def _words(text: str) -> list[str]:
    """The text in pieces that begin with their space, so that joining them gives it back."""
    words: list[str] = []
    start = 0
    while (space := text.find(" ", start + 1)) != -1:
        words.append(text[start:space])
        start = space
    words.append(text[start:])
    return words
