"""Painting: a drawing as rows of characters, each with the role that decides its style."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rich.cells import cell_len

from wf_tui.graphview.boxes import PLAIN, BoxFace, box_rows
from wf_tui.graphview.drawing import Box, Drawing, Label, LineCell
from wf_tui.graphview.glyphs import UNICODE, Glyphs

Role = Literal["blank", "solid", "back", "error", "observed", "label", "box", "terminal"]
"""What a character belongs to; line roles are the strokes."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring characters of one role."""

    text: str
    role: Role


class Canvas:
    """The lines and labels of a drawing on a grid; boxes are put on top, as they look at the moment."""

    def __init__(self, drawing: Drawing, glyphs: Glyphs = UNICODE) -> None:
        self._drawing, self._glyphs = drawing, glyphs
        self.chars = [[" "] * drawing.width for _ in range(drawing.height)]
        self.roles: list[list[Role]] = [["blank"] * drawing.width for _ in range(drawing.height)]
        for (x, y), cell in drawing.cells.items():
            self.chars[y][x], self.roles[y][x] = line_char(cell, glyphs), cell.stroke
        for label in drawing.labels:
            self._write(label.x, label.y, label.text, "label")

    def paint_boxes(self, faces: Mapping[str, BoxFace]) -> None:
        """Draw every box with its face (by node id; a plain one by default)."""
        for name, box in self._drawing.boxes.items():
            role: Role = "box" if box.node.kind in ("step", "human") else "terminal"
            for y, text in enumerate(face_rows(self._drawing, box, faces.get(name, PLAIN), self._glyphs), box.y):
                self._write(box.x, y, text, role)

    def _write(self, x: int, y: int, text: str, role: Role) -> None:
        chars, roles = self.chars[y], self.roles[y]
        for char in text:
            width = cell_len(char)
            if not width:  # a combining mark joins the character before it
                chars[x - 1] += char
                continue
            chars[x], roles[x] = char, role
            for covered in range(x + 1, x + width):
                chars[covered], roles[covered] = "", role
            x += width

    def runs(self, y: int) -> list[Run]:
        """Row `y` from its left edge to its right edge."""
        pairs = zip(self.roles[y], self.chars[y], strict=True)
        return [
            Run("".join(char for _, char in group), role)
            for role, group in groupby(pairs, key=lambda pair: pair[0])
        ]


def line_char(cell: LineCell, glyphs: Glyphs) -> str:
    """The character that shows a line cell."""
    if cell.mark:
        return str(getattr(glyphs, cell.mark))
    return glyphs.strokes[cell.stroke][cell.mask]


def face_rows(drawing: Drawing, box: Box, face: BoxFace, glyphs: Glyphs) -> list[str]:
    """The box's rows with the arrowheads and branches of its wires in the border."""
    rows = box_rows(box.node, box.width, box.height, drawing.rung, face, glyphs)
    if box.height == 1:
        return rows
    rows[0] = _with_marks(rows[0], drawing, glyphs, box, box.y)
    rows[-1] = _with_marks(rows[-1], drawing, glyphs, box, box.y + box.height - 1)
    middle = (box.height - 1) // 2
    row, y = rows[middle], box.y + middle
    left, right = drawing.cells.get((box.x, y)), drawing.cells.get((box.x + box.width - 1, y))
    row = line_char(left, glyphs) + row[1:] if left else row
    rows[middle] = row[:-1] + line_char(right, glyphs) if right else row
    return rows


def _with_marks(row: str, drawing: Drawing, glyphs: Glyphs, box: Box, y: int) -> str:
    """A border row (one cell a character) with the marks of the wires that touch it."""
    marks = ((i, drawing.cells.get((box.x + i, y))) for i in range(box.width))
    chars = list(row)
    for i, cell in marks:
        if cell:
            chars[i] = line_char(cell, glyphs)
    return "".join(chars)


def label_room(drawing: Drawing, label: Label) -> int:
    """Free cells after a label's text, up to the next thing in its row."""
    taken = [x for x, y in drawing.cells if y == label.y and x >= label.x]
    taken += [other.x for other in drawing.labels if other.y == label.y and other.x > label.x]
    taken += [box.x for box in drawing.boxes.values() if box.covers(box.x, label.y) and box.x > label.x]
    return min(taken, default=drawing.width) - label.x - label.width


def to_lines(drawing: Drawing, glyphs: Glyphs = UNICODE, faces: Mapping[str, BoxFace] | None = None) -> list[str]:
    """The drawing as plain text, one string a row, without trailing blanks."""
    canvas = Canvas(drawing, glyphs)
    canvas.paint_boxes(faces or {})
    return ["".join(row).rstrip() for row in canvas.chars]


def rows_of(boxes: Iterable[Box]) -> set[int]:
    """The rows that the boxes cover."""
    return {y for box in boxes for y in range(box.y, box.y + box.height)}
