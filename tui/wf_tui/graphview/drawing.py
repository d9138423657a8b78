"""A finished drawing: where every box, label and line cell is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wf_tui.graphview.boxes import Rung
from wf_tui.graphview.glyphs import Stroke
from wf_tui.graphview.plan import Node, Plan

Point = tuple[int, int]
"""Column and row, from 0 at the top left."""
Mark = Literal["", "down", "left", "right", "leaves_down", "leaves_left", "leaves_right"]
"""An arrowhead, or the place where a line leaves a box's border."""
ItemKind = Literal["step", "event"]


@dataclass(frozen=True, slots=True)
class Box:
    """A node's rectangle."""

    node: Node
    x: int
    y: int
    width: int
    height: int

    def covers(self, x: int, y: int) -> bool:
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


@dataclass(frozen=True, slots=True)
class Label:
    """An event's name at its line. The line is at column `x - 2`; the cell between is kept for a mark."""

    x: int
    y: int
    text: str
    width: int
    event: str
    wires: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LineCell:
    """One cell of line work. `mask` says which sides the visible line touches, `wires` whose line it is."""

    mask: int
    stroke: Stroke
    wires: tuple[int, ...]
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be selected: a step, or an event type at one of its labels."""

    kind: ItemKind
    name: str
    x: int
    y: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + (self.width - 1) / 2, self.y + (self.height - 1) / 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """A laid-out graph of `width` x `height` cells; `routes[i]` are the cells of wire i, source to target."""

    plan: Plan
    rung: Rung
    width: int
    height: int
    boxes: Mapping[str, Box]
    labels: tuple[Label, ...]
    cells: Mapping[Point, LineCell]
    routes: tuple[tuple[Point, ...], ...]
    back: frozenset[int]
    crossings: int
    bends: int
    conflicts: tuple[Point, ...]
    """Cells that two lines share other than by crossing; there should be none."""

    def items(self) -> tuple[Item, ...]:
        """What can be selected: every step and every label, top to bottom."""
        steps = [
            Item("step", b.node.name, b.x, b.y, b.width, b.height)
            for b in self.boxes.values()
            if b.node.kind == "step"
        ]
        events = [Item("event", label.event, label.x, label.y, label.width, 1) for label in self.labels]
        return tuple(sorted(steps + events, key=lambda item: (item.y, item.x)))
