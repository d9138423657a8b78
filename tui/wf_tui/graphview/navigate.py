"""Moving from item to item as they lie on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wf_tui.graphview.drawing import Item

_ASIDE = 2.0
"""How much worse a column or row aside is than one ahead."""
_ROW = 2.0
"""A row is about as high as two columns are wide."""


def neighbour(items: Iterable[Item], current: Item, dx: int, dy: int) -> Item | None:
    """The nearest item in a direction (one of dx, dy is 1 or -1), or None if there is none."""
    ahead = [(_distance(current, item, dx, dy), i, item) for i, item in enumerate(items)]
    near = [(distance, i, item) for distance, i, item in ahead if distance is not None]
    return min(near, key=lambda found: found[:2])[2] if near else None


def _distance(current: Item, other: Item, dx: int, dy: int) -> float | None:
    """How far `other` is in that direction; None if it does not lie there."""
    aside_x = abs(_gap(current.x, current.width, other.x, other.width))
    aside_y = abs(_gap(current.y, current.height, other.y, other.height))
    (here_x, here_y), (there_x, there_y) = current.centre, other.centre
    if dx:
        ahead = (there_x - here_x) * dx
        beside = _ROW * (2 * _ASIDE * aside_y + abs(there_y - here_y) / 4)
        return ahead + beside if ahead > 0 and (aside_x or not aside_y) else None
    ahead = _ROW * (there_y - here_y) * dy
    beside = _ASIDE * aside_x + abs(there_x - here_x) / 4
    return ahead + beside if ahead > 0 and aside_y else None


def _gap(start: int, length: int, other: int, other_length: int) -> int:
    """Cells from the edge of one span to that of another, 0 where they overlap, negative if before it."""
    if other >= start + length:
        return other - start - length + 1
    if start >= other + other_length:
        return -(start - other - other_length + 1)
    return 0


def item_at(items: Sequence[Item], x: int, y: int) -> Item | None:
    """The item whose cells include this one; a label also answers for its line."""
    for item in items:
        reach = 2 if item.kind == "event" else 0
        if item.x - reach <= x < item.x + item.width and item.y <= y < item.y + item.height:
            return item
    return None
