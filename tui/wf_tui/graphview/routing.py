"""Rows and cells: from columns and tracks to boxes, labels, routes and the characters' line masks."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from wf_tui.graphview.boxes import Rung
from wf_tui.graphview.channels import Channel, Net, route_channel
from wf_tui.graphview.drawing import Box, Drawing, Label, LineCell, Mark, Point
from wf_tui.graphview.glyphs import EAST, NORTH, SOUTH, WEST, Stroke
from wf_tui.graphview.layered import Layered, Segment, Vertex

_VERTICAL, _HORIZONTAL = NORTH | SOUTH, EAST | WEST
_TOUCHES: dict[Mark, int] = {"down": NORTH, "leaves_down": SOUTH, "leaves_right": EAST, "leaves_left": WEST}
"""The side on which a line meets the border that bears its mark."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one layer and of the channel beneath it."""

    top: int
    height: int
    channel: Channel
    channel_height: int

    @property
    def below(self) -> int:
        """First row under the layer."""
        return self.top + self.height

    @property
    def end(self) -> int:
        """First row under the channel."""
        return self.below + self.channel_height


Piece = tuple[list[Point], Net | None]
"""Consecutive cells of a route and the net they belong to; None where only one line can be."""


def draw(graph: Layered, rung: Rung, crossings: int) -> Drawing:
    """The drawing of a layered graph whose columns are set."""
    return _Router(graph).draw(rung, crossings)


class _Router:
    def __init__(self, graph: Layered) -> None:
        self._graph = graph
        self._rows = _stack_rows(graph)
        self._boxes = {name: self._box(vertex) for name, vertex in graph.nodes.items()}
        self._net_of: dict[Segment, Net] = {}
        for rows in self._rows:
            self._trace(rows)

    def draw(self, rung: Rung, crossings: int) -> Drawing:
        wires = len(self._graph.plan.wires)
        chains: list[list[Segment]] = [[] for _ in range(wires)]
        for between in self._graph.segments:
            for segment in between:
                for wire in segment.wires:
                    chains[wire].append(segment)
        painter = _LinePainter(self._graph)
        routes = []
        for wire, chain in enumerate(chains):
            pieces = self._pieces(wire, chain)
            painter.add(wire, pieces)
            route = [cell for piece, _ in pieces for cell in piece]
            routes.append(tuple(reversed(route) if wire in self._graph.back else route))
        cells = painter.cells()
        self._mark_ends(cells, routes)
        labels = tuple(self._label(vertex) for vertex in self._graph.labels)
        width = max(
            [x + 1 for x, _ in cells]
            + [b.x + b.width for b in self._boxes.values()]
            + [label.x + label.width for label in labels],
            default=0,
        )
        bends = sum(1 for between in self._graph.segments for s in between if s.offset)
        height = max([y + 1 for _, y in cells] + [b.y + b.height for b in self._boxes.values()], default=0)
        return Drawing(
            self._graph.plan, rung, width, height, self._boxes, labels, cells, tuple(routes),
            self._graph.back, crossings, bends, tuple(painter.conflicts),
        )  # fmt: skip

    # -- boxes and labels ------------------------------
    def _box(self, vertex: Vertex) -> Box:
        rows = self._rows[vertex.layer]
        node = next(n for n in self._graph.plan.nodes if n.id == vertex.node)
        spare = rows.height - vertex.height
        if vertex.height == 1 and vertex.up and spare:
            above = self._rows[vertex.layer - 1]
            y = rows.top + (1 if above.channel_height or not above.height else 0)
        else:
            y = rows.top + spare // 2
        return Box(node, vertex.x, y, vertex.width, vertex.height)

    def _label(self, vertex: Vertex) -> Label:
        bundle = self._graph.labels[vertex]
        top = self._rows[vertex.layer].top
        return Label(vertex.x + 2, top, vertex.text, cell_len(vertex.text), bundle.event, bundle.wires)

    # -- routes ------------------------------
    def _trace(self, rows: _Rows) -> None:
        """Give every segment of a channel its path."""
        first, last = rows.below, rows.end - 1
        for net in rows.channel.straight:
            for segment in net.segments:
                x = segment.upper.x + segment.upper_port
                segment.path = [(x, y) for y in range(first, last + 1)]
                self._net_of[segment] = net
        halves = {net.rest for net in rows.channel.bent if net.rest}
        for net in rows.channel.bent:
            if net in halves:
                continue
            for segment in net.segments:
                segment.path = _walk(_corners(segment, net, first, last))
                self._net_of[segment] = net

    def _pieces(self, wire: int, chain: Sequence[Segment]) -> list[Piece]:
        """A wire's cells from its upper box to its lower one."""
        back = wire in self._graph.back
        pieces: list[Piece] = [(self._from_upper(chain[0], back), None)]
        for segment in chain:
            if segment.upper.kind in ("dummy", "label"):
                rows = self._rows[segment.upper.layer]
                pieces.append(([(segment.upper.x, y) for y in range(rows.top, rows.below)], None))
            pieces.append((segment.path, self._net_of[segment]))
        pieces.append((self._to_lower(chain[-1], back), None))
        return [piece for piece in pieces if piece[0]]

    def _from_upper(self, segment: Segment, back: bool) -> list[Point]:
        box = self._boxes[segment.upper.node]
        rows = self._rows[segment.upper.layer]
        x = segment.upper.x + segment.upper_port
        if not back:
            return [(x, y) for y in range(box.y + box.height, rows.below)]
        beside = _beside(box, x)
        return beside + [(x, y) for y in range(_lane_row(box) + 1, rows.below)]

    def _to_lower(self, segment: Segment, back: bool) -> list[Point]:
        box = self._boxes[segment.lower.node]
        rows = self._rows[segment.lower.layer]
        x = segment.lower.x + segment.lower_port
        if not back:
            return [(x, y) for y in range(rows.top, box.y)]
        beside = _beside(box, x)
        return [(x, y) for y in range(rows.top, _lane_row(box))] + beside[::-1]

    # -- ends ------------------------------
    def _mark_ends(self, cells: dict[Point, LineCell], routes: Sequence[tuple[Point, ...]]) -> None:
        """Arrowheads before (or in the border of) the target, and the branch in the source's border."""
        for wire, route in enumerate(routes):
            source = self._boxes[self._graph.plan.wires[wire].source]
            target = self._boxes[self._graph.plan.wires[wire].target]
            if wire in self._graph.back:
                self._mark_lane(cells, source, target, route)
                continue
            (x, y), cell = route[-1], cells[route[-1]]
            if target.height == 1:
                cells[x, y] = replace(cell, mark="down")
            else:
                _add_mark(cells, (x, y + 1), cell, "down")
            if source.height > 1:
                x, y = route[0]
                _add_mark(cells, (x, y - 1), cells[x, y], "leaves_down")

    def _mark_lane(
        self, cells: dict[Point, LineCell], source: Box, target: Box, route: tuple[Point, ...]
    ) -> None:
        x, y = route[-1]
        cells[x, y] = replace(cells[x, y], mark="left" if x > target.x else "right")
        x, y = route[0]
        if source.height > 1:
            right = x > source.x
            border = (source.x + source.width - 1 if right else source.x, y)
            _add_mark(cells, border, cells[x, y], "leaves_right" if right else "leaves_left")


def _stack_rows(graph: Layered) -> list[_Rows]:
    """Rows for every layer and channel, from top to bottom."""
    stacked: list[_Rows] = []
    top = 0
    for i, layer in enumerate(graph.layers):
        height = max((v.height if v.kind == "node" else int(v.kind == "label") for v in layer), default=0)
        channel = route_channel(graph.segments[i])
        above = stacked[-1].channel.tracks if stacked else 0
        below = graph.layers[i + 1] if i + 1 < len(graph.layers) else []
        rows = channel.tracks + (_arrow_row(below, height, channel.tracks, above) if i % 2 else 0)
        stacked.append(_Rows(top, height, channel, rows))
        top = stacked[-1].end
    return stacked


def _arrow_row(below: Iterable[Vertex], label_height: int, tracks: int, tracks_above: int) -> int:
    """1 if the row above the next nodes must be added, so that their arrowheads or a line have a place."""
    nodes = [v for v in below if v.kind == "node"]
    if nodes and all(v.height == 1 for v in nodes):
        return int(bool(tracks) or not label_height)
    return int(not (tracks or label_height or tracks_above) and bool(nodes))


def _lane_row(box: Box) -> int:
    return box.y + (box.height - 1) // 2


def _beside(box: Box, x: int) -> list[Point]:
    """The cells from the box's side to the lane at column `x`."""
    y = _lane_row(box)
    if x > box.x:
        return [(column, y) for column in range(box.x + box.width, x + 1)]
    return [(column, y) for column in range(box.x - 1, x - 1, -1)]


def _corners(segment: Segment, net: Net, first: int, last: int) -> list[Point]:
    start, end = segment.upper.x + segment.upper_port, segment.lower.x + segment.lower_port
    points = [(start, first), (start, first + net.track)]
    if net.rest:
        (column,) = net.lowers
        points += [(column, first + net.track), (column, first + net.rest.track)]
        return [*points, (end, first + net.rest.track), (end, last)]
    return [*points, (end, first + net.track), (end, last)]


def _walk(corners: Sequence[Point]) -> list[Point]:
    """All cells of a path along its corners."""
    cells = [corners[0]]
    for x, y in corners[1:]:
        while cells[-1] != (x, y):
            at_x, at_y = cells[-1]
            cells.append((at_x + (x > at_x) - (x < at_x), at_y + (y > at_y) - (y < at_y)))
    return cells


def _add_mark(cells: dict[Point, LineCell], at: Point, line: LineCell, mark: Mark) -> None:
    """Put a mark into a box's border, for all wires that end there."""
    known = cells.get(at)
    wires = tuple(dict.fromkeys((*(known.wires if known else ()), *line.wires)))
    cells[at] = LineCell(_TOUCHES[mark], line.stroke, wires, mark)


class _LinePainter:
    """Collects routes cell by cell and net by net, then decides what each cell shows."""

    def __init__(self, graph: Layered) -> None:
        self._graph = graph
        self._masks: dict[Point, dict[Net | None, int]] = defaultdict(dict)
        self._wires: dict[Point, dict[Net | None, list[int]]] = defaultdict(dict)
        self.conflicts: list[Point] = []

    def add(self, wire: int, pieces: Sequence[Piece]) -> None:
        """Add a wire from its upper to its lower end."""
        cells = [(cell, net) for piece, net in pieces for cell in piece]
        back = wire in self._graph.back
        first, last = cells[0][0], cells[-1][0]
        upper_end = self._side(wire, first, upper=True) if back else NORTH
        lower_end = self._side(wire, last, upper=False) if back else SOUTH
        self._touch(wire, *cells[0], upper_end)
        for (here, here_net), (there, there_net) in itertools.pairwise(cells):
            way = _direction(here, there)
            self._touch(wire, here, here_net, way)
            self._touch(wire, there, there_net, _OPPOSITE[way])
        self._touch(wire, *cells[-1], lower_end)

    def _side(self, wire: int, cell: Point, *, upper: bool) -> int:
        """The side on which a lane's cell touches its box."""
        ends = self._graph.plan.wires[wire]
        return WEST if cell[0] > self._graph.nodes[ends.target if upper else ends.source].x else EAST

    def _touch(self, wire: int, cell: Point, net: Net | None, side: int) -> None:
        masks, wires = self._masks[cell], self._wires[cell].setdefault(net, [])
        masks[net] = masks.get(net, 0) | side
        if not wires or wires[-1] != wire:
            wires.append(wire)

    def cells(self) -> dict[Point, LineCell]:
        """The line cells; where two nets cross, the vertical one is seen (a hop)."""
        found = {}
        for cell, nets in self._masks.items():
            seen = next(iter(nets)) if len(nets) == 1 else self._crossing(cell, nets)
            wires = tuple(self._wires[cell][seen])
            found[cell] = LineCell(nets[seen], self._stroke(wires), wires)
        return found

    def _crossing(self, cell: Point, nets: dict[Net | None, int]) -> Net | None:
        if sorted(nets.values()) != sorted((_VERTICAL, _HORIZONTAL)):
            self.conflicts.append(cell)
        return next((net for net, mask in nets.items() if mask == _VERTICAL), next(iter(nets)))

    def _stroke(self, wires: Sequence[int]) -> Stroke:
        looks = {self._graph.plan.wires[wire].look for wire in wires}
        if looks == {"observed"}:
            return "observed"
        if "declared" not in looks:
            return "error"
        return "back" if wires[0] in self._graph.back else "solid"


_OPPOSITE = {NORTH: SOUTH, SOUTH: NORTH, EAST: WEST, WEST: EAST}


def _direction(here: Point, there: Point) -> int:
    if here[0] != there[0]:
        return EAST if there[0] > here[0] else WEST
    return SOUTH if there[1] > here[1] else NORTH
