"""Every character a drawing is made of, in one table per character set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8
"""Bits of a line mask: the sides of a cell that its line touches."""

Stroke = Literal["solid", "back", "error", "observed"]
"""How a line is drawn: as it runs down, back up, to an error handler, or seen only at run time."""
StepState = Literal["idle", "running", "waiting", "held", "failed", "done", "retrying"]
Corners = tuple[str, str, str, str, str, str]
"""Top left, top right, bottom left, bottom right, horizontal, vertical."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One character set; every entry is one cell wide."""

    strokes: Mapping[Stroke, str]
    """Sixteen characters per stroke, indexed by line mask."""
    states: Mapping[StepState, str]
    box: Corners
    human_box: Corners
    selected_box: Corners
    brackets: str
    human_brackets: str
    selected_brackets: str
    down: str
    left: str
    right: str
    leaves_down: str
    leaves_right: str
    leaves_left: str
    start: str
    stop: str
    human: str
    asked: str
    failure: str
    loop: str
    ellipsis: str
    times: str
    breakpoint: str

    def elide(self, text: str, limit: int) -> str:
        """`text` in at most `limit` cells, its end replaced by an ellipsis if it is longer."""
        if cell_len(text) <= limit:
            return text
        return set_cell_size(text, max(limit - 1, 0)).rstrip() + self.ellipsis


def _stroke(solid: str, vertical: str, horizontal: str) -> str:
    """The solid characters with straight runs replaced."""
    return solid[:5] + vertical + solid[6:10] + horizontal + solid[11:]


_SOLID = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
_ASCII = " |-+||++-+-+++++"

UNICODE = Glyphs(
    strokes={
        "solid": _SOLID,
        "back": _stroke(_SOLID, "╎", "╌"),
        "error": _stroke(_SOLID, "┆", "┄"),
        "observed": _stroke(_SOLID, "┊", "┈"),
    },
    states={
        "idle": "○",
        "running": "▸",
        "waiting": "◔",
        "held": "◆",
        "failed": "✗",
        "done": "✓",
        "retrying": "↻",
    },
    box=("╭", "╮", "╰", "╯", "─", "│"),
    human_box=("┌", "┐", "└", "┘", "╌", "╎"),
    selected_box=("┏", "┓", "┗", "┛", "━", "┃"),
    brackets="[]",
    human_brackets="<>",
    selected_brackets="▐▌",
    down="▼",
    left="◄",
    right="►",
    leaves_down="┬",
    leaves_right="├",
    leaves_left="┤",
    start="◉",
    stop="◎",
    human="◌",
    asked="?",
    failure="✗",
    loop="↺",
    ellipsis="…",
    times="×",
    breakpoint="●",
)

ASCII = Glyphs(
    strokes={
        "solid": _ASCII,
        "back": _stroke(_ASCII, ":", "."),
        "error": _stroke(_ASCII, ":", "="),
        "observed": _stroke(_ASCII, ";", "."),
    },
    states={
        "idle": "o",
        "running": ">",
        "waiting": "?",
        "held": "#",
        "failed": "x",
        "done": "+",
        "retrying": "~",
    },
    box=("+", "+", "+", "+", "-", "|"),
    human_box=("+", "+", "+", "+", ".", ":"),
    selected_box=("#", "#", "#", "#", "=", "#"),
    brackets="[]",
    human_brackets="<>",
    selected_brackets="##",
    down="v",
    left="<",
    right=">",
    leaves_down="+",
    leaves_right="+",
    leaves_left="+",
    start="o",
    stop="@",
    human="~",
    asked="?",
    failure="x",
    loop="@",
    ellipsis="~",
    times="x",
    breakpoint="*",
)
