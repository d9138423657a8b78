"""Painting: a drawing's lines, labels and boxes as characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len

from wf_tui.graphview.boxes import PLAIN, BoxFace, box_rows
from wf_tui.graphview.drawing import Box, Drawing, Label, LineCell
from wf_tui.graphview.glyphs import UNICODE, Glyphs


class Canvas:
    """The lines and labels of a drawing, one character and its role (stroke or kind of text) a cell."""

    def __init__(self, drawing: Drawing, glyphs: Glyphs = UNICODE, spare: int = 0) -> None:
        """`spare` columns are left free on the right."""
        width = drawing.width + spare
        self.chars = [[" "] * width for _ in range(drawing.height)]
        self.roles: list[list[Any]] = [["blank"] * width for _ in range(drawing.height)]
        for (x, y), cell in drawing.cells.items():
            self.chars[y][x], self.roles[y][x] = line_char(cell, glyphs), cell.stroke
        for label in drawing.labels:
            self.write(self.chars[label.y], self.roles[label.y], label.x, label.text, "label")

    @staticmethod
    def write(chars: list[str], roles: list[Any], x: int, text: str, role: object) -> None:
        """Put `text` into a row from column `x` on; the second cell of a wide character is left empty."""
        for char in text:
            width = cell_len(char)
            if not width:  # a combining mark joins the character before it
                chars[x - 1] += char
                continue
            chars[x], roles[x] = char, role
            for covered in range(x + 1, x + width):
                chars[covered], roles[covered] = "", role
            x += width


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
    for i in (0, box.height - 1):
        cells = (drawing.cells.get((box.x + column, box.y + i)) for column in range(box.width))
        pairs = zip(cells, rows[i], strict=True)
        rows[i] = "".join(line_char(cell, glyphs) if cell else char for cell, char in pairs)
    rows[0] = _say_join(rows[0], box.node.joins)
    middle = (box.height - 1) // 2
    left = drawing.cells.get((box.x, box.y + middle))
    right = drawing.cells.get((box.x + box.width - 1, box.y + middle))
    start = line_char(left, glyphs) if left else rows[middle][0]
    end = line_char(right, glyphs) if right else rows[middle][-1]
    rows[middle] = start + rows[middle][1:-1] + end
    return rows


def _say_join(border: str, joins: str) -> str:
    """The upper border with what the step collects before it runs, if that has room beside its wires."""
    free = border[1 : 1 + len(joins)]
    fits = len(free) == len(joins) and len(set(free)) == 1
    return border[0] + joins + border[1 + len(joins) :] if fits else border


def label_room(drawing: Drawing, label: Label, spare: int) -> int:
    """Free cells after a label's text, up to the next thing in its row or the end of the spare columns."""
    taken = [x for x, y in drawing.cells if y == label.y and x >= label.x]
    taken += [other.x for other in drawing.labels if other.y == label.y and other.x > label.x]
    taken += [box.x for box in drawing.boxes.values() if box.x > label.x and box.covers(box.x, label.y)]
    return min(taken, default=drawing.width + spare) - label.x - label.width


def to_lines(
    drawing: Drawing, glyphs: Glyphs = UNICODE, faces: Mapping[str, BoxFace] | None = None
) -> list[str]:
    """The drawing as plain text, one string a row, without trailing blanks."""
    canvas = Canvas(drawing, glyphs)
    for name, box in drawing.boxes.items():
        face = (faces or {}).get(name, PLAIN)
        for y, text in enumerate(face_rows(drawing, box, face, glyphs), box.y):
            canvas.write(canvas.chars[y], canvas.roles[y], box.x, text, "box")
    return ["".join(row).rstrip() for row in canvas.chars]
