"""Columns: every layer by isotonic regression on whole cells, swept down and up, then straightened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from wf_tui.graphview.layered import Layered, Vertex
from wf_tui.graphview.straighten import straighten

_ROUNDS = 6
_LANE_DISTANCE = 2
_UNTIED = 0.01
"""Weight of staying put for a vertex with no neighbour."""

Pull = tuple[int, float]
"""A wished-for column and how much it counts."""
Toward = Literal["up", "down", "both"]


def assign_columns(graph: Layered, gap: int) -> None:
    """Set `x` of every vertex; the leftmost is at 0."""
    distances = [_distances(layer, gap) for layer in graph.layers]
    for layer, apart in zip(graph.layers, distances, strict=True):
        _pack(layer, apart)
    depth = range(len(graph.layers))
    for _ in range(_ROUNDS):
        for i in depth:
            _settle(graph.layers[i], distances[i], "up")
        for i in reversed(depth):
            _settle(graph.layers[i], distances[i], "down")
    for turn in range(_ROUNDS):
        for i in depth if turn % 2 == 0 else reversed(depth):
            _settle(graph.layers[i], distances[i], "both")
    straighten(graph, distances)
    _shift_to_origin(graph.layers)


def _distances(layer: list[Vertex], gap: int) -> list[int]:
    """Least distance of each vertex's left cell to the next one's."""
    return [_distance(a, b, gap) for a, b in pairwise(layer)]


def _distance(left: Vertex, right: Vertex, gap: int) -> int:
    same = bool(left.node) and left.node == right.node
    if same:
        return left.width + _LANE_DISTANCE
    if left.kind == right.kind == "node":
        return left.width + gap
    if {left.kind, right.kind} <= {"dummy", "lane"}:
        return left.width + 1 + (left.back != right.back)
    return left.width + max(gap - 1, 1)


def _pack(layer: list[Vertex], apart: Sequence[int]) -> None:
    """Side by side, centred on column 0."""
    total = sum(apart)
    x = -(total // 2)
    for vertex, step in zip(layer, [*apart, 0], strict=False):
        vertex.x = x
        x += step


def _shift_to_origin(layers: Iterable[list[Vertex]]) -> None:
    vertices = [vertex for layer in layers for vertex in layer]
    left = min((vertex.x for vertex in vertices), default=0)
    for vertex in vertices:
        vertex.x -= left


def _settle(layer: list[Vertex], apart: Sequence[int], toward: Toward) -> None:
    if not layer:
        return
    current = [v.x for v in layer] if toward == "both" else None
    columns = isotonic([_pulls(v, toward) for v in layer], apart, current)
    for vertex, x in zip(layer, columns, strict=True):
        vertex.x = x


def _pulls(vertex: Vertex, toward: Toward) -> list[Pull]:
    pulls: list[Pull] = []
    if toward != "down":
        pulls += [(s.upper.x + s.upper_port - s.lower_port, s.weight) for s in vertex.up]
    if toward != "up":
        pulls += [(s.lower.x + s.lower_port - s.upper_port, s.weight) for s in vertex.down]
    return pulls or [(vertex.x, _UNTIED)]


def isotonic(
    pulls: Sequence[list[Pull]], apart: Sequence[int], current: Sequence[int] | None = None
) -> list[int]:
    """Whole positions with the least weighted distance to `pulls`, each at least `apart` from the one before.

    Where several positions are equally good, the one nearest `current` (if given) or the middle one is taken.
    """
    offsets = [0]
    for step in apart:
        offsets.append(offsets[-1] + step)
    blocks: list[_Block] = []
    for i, wishes in enumerate(pulls):
        here = [] if current is None else [current[i] - offsets[i]]
        blocks.append(_Block([(x - offsets[i], w) for x, w in wishes], here, 1))
        while len(blocks) > 1 and blocks[-2].at > blocks[-1].at:
            last = blocks.pop()
            blocks[-1] = _Block(
                blocks[-1].pulls + last.pulls, blocks[-1].here + last.here, blocks[-1].size + last.size
            )
    places = [block.at for block in blocks for _ in range(block.size)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]


class _Block:
    """Neighbours that move as one; `at` is their common best position."""

    __slots__ = ("at", "here", "pulls", "size")

    def __init__(self, pulls: list[Pull], here: list[int], size: int) -> None:
        self.pulls, self.here, self.size = pulls, here, size
        low, high = _weighted_median(pulls)
        if here:
            middle = sorted(here)[len(here) // 2]
            self.at = min(max(middle, low), high)
        else:
            self.at = (low + high) // 2


def _weighted_median(pulls: list[Pull]) -> tuple[int, int]:
    """The interval of positions with the least weighted distance."""
    ordered = sorted(pulls)
    half = sum(w for _, w in ordered) / 2
    passed = 0.0
    for i, (x, w) in enumerate(ordered):
        passed += w
        if abs(passed - half) < 1e-9 and i + 1 < len(ordered):
            return x, ordered[i + 1][0]
        if passed > half:
            return x, x
    return ordered[-1][0], ordered[-1][0]
