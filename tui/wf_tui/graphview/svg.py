"""The drawing as one standalone SVG file: real lines and boxes, monospace text, on light and on dark."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from rich.cells import cell_len

from wf_tui.graphview.boxes import PLAIN, box_rows
from wf_tui.graphview.drawing import Box, Drawing, Label, LineCell
from wf_tui.graphview.glyphs import EAST, NORTH, SOUTH, WEST, Glyphs

CELL_WIDTH, CELL_HEIGHT = 9, 20
_MARGIN = 12
_RADIUS = 6
_ASCENT = 14
_STYLE = """
svg { background: #ffffff; }
.paper { fill: #ffffff; }
text { font: 14px "DejaVu Sans Mono", ui-monospace, Menlo, Consolas, monospace; fill: #1f2937; }
.label { fill: #1d4ed8; }
.box { fill: #f8fafc; stroke: #334155; stroke-width: 1.3; }
.human { stroke-dasharray: 4 3; }
.line { fill: none; stroke: #475569; stroke-width: 1.3; stroke-linecap: round; }
.back { stroke-dasharray: 4 3; }
.error { stroke: #b91c1c; stroke-dasharray: 5 3; }
.observed { stroke-dasharray: 1.5 3; }
.arrow { fill: #475569; }
@media (prefers-color-scheme: dark) {
  svg { background: #0f172a; }
  .paper { fill: #0f172a; }
  text { fill: #e2e8f0; }
  .label { fill: #93c5fd; }
  .box { fill: #1e293b; stroke: #94a3b8; }
  .line { stroke: #94a3b8; }
  .error { stroke: #f87171; }
  .arrow { fill: #94a3b8; }
}
"""


def to_svg(drawing: Drawing, title: str, glyphs: Glyphs) -> str:
    """A well-formed SVG document; lengths are pixels, one cell is 9 x 20."""
    width, height = drawing.width * CELL_WIDTH + 2 * _MARGIN, drawing.height * CELL_HEIGHT + 2 * _MARGIN
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(title)}>'
    body = [*_lines(drawing), *_boxes(drawing, glyphs), *_arrows(drawing), *map(_label, drawing.labels)]
    return "\n".join(
        [
            head,
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
            f'<g transform="translate({_MARGIN} {_MARGIN})">',
            *body,
            "</g>",
            "</svg>",
        ]
    )


def _centre(x: int, y: int) -> tuple[float, float]:
    return (x + 0.5) * CELL_WIDTH, (y + 0.5) * CELL_HEIGHT


def _lines(drawing: Drawing) -> Iterator[str]:
    """Every line cell as strokes from its middle to the sides it touches."""
    for (x, y), cell in drawing.cells.items():
        path = _strokes(x, y, cell)
        if path:
            yield f'<path class="line {cell.stroke}" d="{path}"/>'


def _strokes(x: int, y: int, cell: LineCell) -> str:
    middle_x, middle_y = _centre(x, y)
    left, top = x * CELL_WIDTH, y * CELL_HEIGHT
    right, bottom = left + CELL_WIDTH, top + CELL_HEIGHT
    if cell.mask == NORTH | SOUTH:
        return f"M{middle_x:g} {top}V{bottom}"
    if cell.mask == EAST | WEST:
        return f"M{left} {middle_y:g}H{right}"
    ends = {
        NORTH: f"V{top}",
        SOUTH: f"V{bottom}",
        WEST: f"H{left}",
        EAST: f"H{right}",
    }
    return "".join(f"M{middle_x:g} {middle_y:g}{end}" for side, end in ends.items() if cell.mask & side)


def _boxes(drawing: Drawing, glyphs: Glyphs) -> Iterator[str]:
    for box in drawing.boxes.values():
        if box.node.kind in ("step", "human"):
            yield _frame(box)
        rows = box_rows(box.node, box.width, box.height, drawing.rung, PLAIN, glyphs)
        inner = rows if box.height == 1 else rows[1:-1]
        for y, row in enumerate(inner, box.y + (box.height > 1)):
            framed = box.node.kind in ("step", "human")
            text = row[1:-1] if framed else row
            yield _text(box.x + framed, y, text, "name")


def _frame(box: Box) -> str:
    inset = 0.5 if box.height > 1 else 0.08
    x, y = (box.x + 0.5) * CELL_WIDTH, (box.y + inset) * CELL_HEIGHT
    width, height = (box.width - 1) * CELL_WIDTH, (box.height - 2 * inset) * CELL_HEIGHT
    dashes = " human" if box.node.kind == "human" else ""
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{_RADIUS}"'
    return f'<rect class="box{dashes}" {place}><title>{escape(box.node.name)}</title></rect>'


def _arrows(drawing: Drawing) -> Iterator[str]:
    for (x, y), cell in drawing.cells.items():
        middle_x, middle_y = _centre(x, y)
        if cell.mark == "down":
            tip = middle_y + (0 if _in_border(drawing, x, y) else CELL_HEIGHT / 2)
            yield _triangle((middle_x - 4, tip - 7), (middle_x + 4, tip - 7), (middle_x, tip))
        elif cell.mark in ("left", "right"):
            way = -1 if cell.mark == "left" else 1
            tip = middle_x + way * CELL_WIDTH
            yield _triangle((tip - way * 7, middle_y - 4), (tip - way * 7, middle_y + 4), (tip, middle_y))


def _in_border(drawing: Drawing, x: int, y: int) -> bool:
    return any(box.covers(x, y) for box in drawing.boxes.values())


def _triangle(*corners: tuple[float, float]) -> str:
    return f'<polygon class="arrow" points="{" ".join(f"{x:g},{y:g}" for x, y in corners)}"/>'


def _label(label: Label) -> str:
    return _text(label.x, label.y, label.text, "label", label.event)


def _text(x: int, y: int, text: str, kind: str, full: str = "") -> str:
    """`text` from its first visible character on, stretched to its cells whatever the font."""
    start = x + len(text) - len(text.lstrip())
    text = text.strip()
    if not text:
        return ""
    length = cell_len(text) * CELL_WIDTH
    place = f'x="{start * CELL_WIDTH}" y="{y * CELL_HEIGHT + _ASCENT}" textLength="{length}"'
    hint = f"<title>{escape(full)}</title>" if full and full != text else ""
    return f'<text class="{kind}" {place} xml:space="preserve">{hint}{escape(text)}</text>'
