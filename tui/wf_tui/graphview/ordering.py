"""The order of each layer: barycentre sweeps and neighbour swaps, so that few lines cross."""

from __future__ import annotations

import random
from collections.abc import Iterable

from wf_tui.graphview.layered import Layered, Segment, Vertex

_STARTS = 4
_SWEEPS = 8
_SWAP_ROUNDS = 6
_SEED = 1

Order = list[list[Vertex]]


def order_layers(graph: Layered) -> int:
    """Order every layer of `graph`; the number of crossings left."""
    initial = [list(layer) for layer in graph.layers]
    chance = random.Random(_SEED)
    best, fewest = initial, _adopt(graph, initial)
    for start in range(_STARTS):
        if not fewest:
            break
        _adopt(graph, _starting_order(initial, start, chance))
        order, crossings = _sweep(graph)
        if crossings < fewest:
            best, fewest = order, crossings
    return _adopt(graph, best)


def _adopt(graph: Layered, order: Order) -> int:
    for layer, vertices in zip(graph.layers, order, strict=True):
        layer[:] = vertices
    graph.reindex()
    return _crossings(graph.segments)


def _starting_order(initial: Order, start: int, chance: random.Random) -> Order:
    order = [list(layer) for layer in initial]
    for layer in order:
        if start == 1:
            layer.reverse()
        elif start > 1:
            chance.shuffle(layer)
    return order


def _sweep(graph: Layered) -> tuple[Order, int]:
    """Order downwards and upwards in turn; the best order met and its crossings."""
    best: Order = []
    fewest = -1
    for round_number in range(_SWEEPS):
        down = round_number % 2 == 0
        for layer in graph.layers if down else reversed(graph.layers):
            _sort_by_barycentre(layer, down)
        _swap_neighbours(graph)
        crossings = _crossings(graph.segments)
        if fewest < 0 or crossings < fewest:
            best, fewest = [list(layer) for layer in graph.layers], crossings
        if not crossings:
            break
    return best, fewest


def _sort_by_barycentre(layer: list[Vertex], down: bool) -> None:
    """Vertices without neighbours on that side keep their position."""
    means = [_barycentre(vertex, down) for vertex in layer]
    movable = [(mean, v.back, v.index, v) for mean, v in zip(means, layer, strict=True) if mean is not None]
    movable.sort(key=lambda item: item[:3])
    rest = iter(movable)
    layer[:] = [v if mean is None else next(rest)[3] for mean, v in zip(means, layer, strict=True)]
    for index, vertex in enumerate(layer):
        vertex.index = index


def _barycentre(vertex: Vertex, down: bool) -> float | None:
    if down:
        places = [s.upper.index + (s.upper_port + 0.5) / (s.upper.width + 1) for s in vertex.up]
    else:
        places = [s.lower.index + (s.lower_port + 0.5) / (s.lower.width + 1) for s in vertex.down]
    return sum(places) / len(places) if places else None


def _swap_neighbours(graph: Layered) -> None:
    for _ in range(_SWAP_ROUNDS):
        swapped = False
        for layer in graph.layers:
            for i in range(len(layer) - 1):
                left, right = layer[i], layer[i + 1]
                if _gain(left, right) > 0:
                    layer[i], layer[i + 1] = right, left
                    left.index, right.index = i + 1, i
                    swapped = True
        if not swapped:
            return


def _gain(left: Vertex, right: Vertex) -> int:
    """How many crossings fewer there would be with the two exchanged."""
    above = _inversions(_upper_ends(left.up), _upper_ends(right.up))
    return above + _inversions(_lower_ends(left.down), _lower_ends(right.down))


def _upper_ends(segments: Iterable[Segment]) -> list[tuple[int, int]]:
    return [(s.upper.index, s.upper_port) for s in segments]


def _lower_ends(segments: Iterable[Segment]) -> list[tuple[int, int]]:
    return [(s.lower.index, s.lower_port) for s in segments]


def _inversions(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> int:
    return sum((a > b) - (a < b) for a in left for b in right)


def _crossings(segments: list[list[Segment]]) -> int:
    total = 0
    for between in segments:
        ends = sorted(((s.upper.index, s.upper_port), (s.lower.index, s.lower_port)) for s in between)
        for i, (upper, lower) in enumerate(ends):
            total += sum(1 for u, w in ends[i + 1 :] if w < lower and u != upper)
    return total
