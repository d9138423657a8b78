"""Straightening: whole groups of aligned vertices are shifted while that saves bends, length or width.

Regression places each layer well by itself; what it leaves are jogs of one to three cells. Here a group
(everything joined by straight segments) moves as one, pushing what is in its way, and the move stays if the
drawing got cheaper.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wf_tui.graphview.layered import Layered, Segment, Vertex

_ROUNDS = 8
_BEND = 3.0
_LENGTH = 0.06
_WIDTH = 0.25
_LANE = 0.05
_OFF_CENTRE = 2.5
_OFF_CENTRE_CELL = 0.3
_LARGEST_GROUP = 400
_MOVES = 6000
"""Moves tried at most, so that a hopeless tangle still ends soon."""
_LEAST_GAIN = 1e-6

Group = dict[Vertex, None]


@dataclass(eq=False, slots=True)
class _Balance:
    """A port that looks best in the middle between its two main neighbours."""

    hub: Vertex
    port: int
    first: Segment
    second: Segment
    down: bool

    def ends(self) -> tuple[Vertex, Vertex]:
        if self.down:
            return self.first.lower, self.second.lower
        return self.first.upper, self.second.upper

    def offset(self) -> int:
        """Columns that the hub would have to move to be centred."""
        if self.down:
            both = self.first.lower.x + self.first.lower_port + self.second.lower.x + self.second.lower_port
        else:
            both = self.first.upper.x + self.first.upper_port + self.second.upper.x + self.second.upper_port
        return both // 2 - self.hub.x - self.port

    def cost(self) -> float:
        distance = abs(self.offset())
        return _OFF_CENTRE + _OFF_CENTRE_CELL * distance if distance else 0.0


def straighten(graph: Layered, distances: Sequence[Sequence[int]]) -> None:
    """Remove avoidable bends by moving vertices sideways; the order in each layer stays."""
    mover = _Mover(graph, distances)
    if not graph.nodes:
        return
    for _ in range(_ROUNDS):
        if not mover.improve():
            return


class _Mover:
    def __init__(self, graph: Layered, distances: Sequence[Sequence[int]]) -> None:
        self._layers, self._distances = graph.layers, distances
        self._segments = [segment for between in graph.segments for segment in between]
        self._bend = dict.fromkeys(self._segments, _BEND)
        self._balances: list[_Balance] = []
        self._balances_of: dict[Vertex, list[_Balance]] = defaultdict(list)
        self._moves_left = _MOVES
        for layer in graph.layers:
            for vertex in layer:
                self._weigh_ports(vertex, vertex.down, down=True)
                self._weigh_ports(vertex, vertex.up, down=False)

    def improve(self) -> bool:
        """One round of every kind of move; whether any helped."""
        helped = [self._straighten_segment(segment) for segment in self._bent()]
        helped += [self._centre(balance) for balance in self._balances]
        helped.append(self._slide_inwards())
        return any(helped)

    # -- what things cost ------------------------------
    def _weigh_ports(self, vertex: Vertex, segments: list[Segment], *, down: bool) -> None:
        """Of several lines at one port only the main one should be straight, or two should be symmetric."""
        ports: dict[int, list[Segment]] = defaultdict(list)
        for segment in segments:
            ports[segment.upper_port if down else segment.lower_port].append(segment)
        for port, lines in ports.items():
            if len(lines) > 1:
                self._weigh_fork(vertex, port, lines, down)

    def _weigh_fork(self, vertex: Vertex, port: int, lines: list[Segment], down: bool) -> None:
        for segment in lines:
            self._bend[segment] = 0.0
        main = _main_lines(lines, down)
        middle = len(main) // 2
        if vertex.kind == "lane" or len(main) % 2:
            self._bend[main[middle]] = _BEND
            return
        balance = _Balance(vertex, port, main[middle - 1], main[middle], down)
        self._balances.append(balance)
        for member in (vertex, *balance.ends()):
            self._balances_of[member].append(balance)

    def _segment_cost(self, segment: Segment) -> float:
        offset = segment.offset
        return abs(offset) * _LENGTH * segment.weight + self._bend[segment] if offset else 0.0

    def _width(self) -> int:
        filled = [layer for layer in self._layers if layer]
        return max(row[-1].x + row[-1].width for row in filled) - min(row[0].x for row in filled)

    def _surroundings(self, group: Group) -> tuple[list[Segment], list[_Balance]]:
        """What the group's place changes the cost of."""
        segments = [s for v in group for s in v.down if s.lower not in group]
        segments += [s for v in group for s in v.up if s.upper not in group]
        balances = dict.fromkeys(b for v in group for b in self._balances_of.get(v, ()))
        return segments, list(balances)

    def _cost(self, segments: Iterable[Segment], balances: Iterable[_Balance]) -> float:
        around = sum(map(self._segment_cost, segments)) + sum(b.cost() for b in balances)
        return around + _WIDTH * self._width()

    def _lane_cost(self, group: Group) -> float:
        """Horizontal pieces between boxes and their side lanes."""
        length = 0
        for vertex in group:
            layer = self._layers[vertex.layer]
            for left, right in zip(
                layer[max(vertex.index - 1, 0) :], layer[vertex.index : vertex.index + 2], strict=False
            ):
                if left.node and left.node == right.node:
                    length += right.x - left.x - left.width
        return _LANE * length

    # -- moves ------------------------------
    def _bent(self) -> list[Segment]:
        bent = [s for s in self._segments if s.offset and self._bend[s]]
        return sorted(bent, key=lambda s: abs(s.offset))

    def _straighten_segment(self, segment: Segment) -> bool:
        offset = segment.offset
        if not offset:
            return False
        upper, lower = segment.upper, segment.lower
        return (
            self._try(upper, offset, (lower,), rigid=True)
            or self._try(lower, -offset, (upper,), rigid=True)
            or self._try(upper, offset, (lower,), rigid=False)
            or self._try(lower, -offset, (upper,), rigid=False)
        )

    def _centre(self, balance: _Balance) -> bool:
        offset = balance.offset()
        if not offset:
            return False
        hub, (first, second) = balance.hub, balance.ends()
        return (
            self._try(hub, offset, (first, second), rigid=True)
            or self._try(hub, offset, (first, second), rigid=False)
            or self._try(first, -2 * offset, (hub, second), rigid=True)
            or self._try(second, -2 * offset, (hub, first), rigid=True)
        )

    def _try(self, vertex: Vertex, by: int, anchors: tuple[Vertex, ...], *, rigid: bool) -> bool:
        """Move `vertex` (with its group if `rigid`) and what it pushes, but no anchor; keep a gain."""
        if self._moves_left <= 0:
            return False
        self._moves_left -= 1
        group = self._pushed(vertex, by, anchors, rigid)
        if group is None:
            return False
        segments, balances = self._surroundings(group)
        before = self._cost(segments, balances)
        _shift(group, by)
        if self._cost(segments, balances) < before - _LEAST_GAIN:
            return True
        _shift(group, -by)
        return False

    def _pushed(self, vertex: Vertex, by: int, anchors: tuple[Vertex, ...], rigid: bool) -> Group | None:
        group: Group = _aligned(vertex) if rigid else {vertex: None}
        waiting = list(group)
        while waiting:
            if len(group) > _LARGEST_GROUP or any(anchor in group for anchor in anchors):
                return None
            blocker = self._blocker(waiting.pop(), by)
            if blocker is None or blocker in group:
                continue
            fresh = [v for v in (_aligned(blocker) if rigid else (blocker,)) if v not in group]
            group.update(dict.fromkeys(fresh))
            waiting += fresh
        return None if any(anchor in group for anchor in anchors) else group

    def _neighbour(self, vertex: Vertex, direction: int) -> Vertex | None:
        index = vertex.index + (1 if direction > 0 else -1)
        layer = self._layers[vertex.layer]
        return layer[index] if 0 <= index < len(layer) else None

    def _room(self, vertex: Vertex, neighbour: Vertex) -> int:
        """Columns that `vertex` can move towards `neighbour`."""
        apart = self._distances[vertex.layer][min(vertex.index, neighbour.index)]
        return abs(neighbour.x - vertex.x) - apart

    def _blocker(self, vertex: Vertex, by: int) -> Vertex | None:
        neighbour = self._neighbour(vertex, by)
        return neighbour if neighbour and self._room(vertex, neighbour) < abs(by) else None

    # -- compaction ------------------------------
    def _slide_inwards(self) -> bool:
        """Slide every group towards the middle as far as nothing gets worse; outermost first."""
        filled = [layer for layer in self._layers if layer]
        left = min(row[0].x for row in filled)
        middle = (left + max(row[-1].x + row[-1].width for row in filled)) / 2
        groups = sorted(self._groups(), key=lambda g: -abs(sum(v.x for v in g) / len(g) - middle))
        slid = [self._slide(group, middle) for group in groups]
        return any(slid)

    def _groups(self) -> list[Group]:
        seen: Group = {}
        groups = []
        for layer in self._layers:
            for vertex in layer:
                if vertex not in seen:
                    group = _aligned(vertex)
                    seen.update(group)
                    groups.append(group)
        return groups

    def _slide(self, group: Group, middle: float) -> bool:
        if self._moves_left <= 0:
            return False
        self._moves_left -= 1
        direction = -1 if sum(v.x + v.width / 2 for v in group) / len(group) > middle else 1
        segments, balances = self._surroundings(group)
        best, cheapest = 0, self._cost(segments, balances) + self._lane_cost(group)
        for by in self._slides(group, direction, segments):
            _shift(group, by)
            cost = self._cost(segments, balances) + self._lane_cost(group)
            _shift(group, -by)
            if cost < cheapest - _LEAST_GAIN:
                best, cheapest = by, cost
        _shift(group, best)
        return best != 0

    def _slides(self, group: Group, direction: int, segments: list[Segment]) -> list[int]:
        """Shifts worth trying: powers of two, as far as there is room, and what straightens a segment."""
        neighbours = ((v, self._neighbour(v, direction)) for v in group)
        room = min((self._room(v, n) for v, n in neighbours if n and n not in group), default=None)
        aligning = {s.offset if s.upper in group else -s.offset for s in segments}
        if room is None:
            steps = [1, 2, 4, 8, 16]
            return sorted(
                {direction * s for s in steps} | {a for a in aligning if a * direction > 0}, key=abs
            )
        steps = [min(room, s) for s in (1, 2, 4, 8, 16, room)]
        fitting = {a for a in aligning if 0 < a * direction <= room}
        return sorted(({direction * s for s in steps} | fitting) - {0}, key=abs)


def _main_lines(lines: list[Segment], down: bool) -> list[Segment]:
    """The lines that reach a node soonest, left to right; the way to `stop` is never the main one."""
    reach = [_reach(line, down) for line in lines]
    nearest = min(distance for distance, _ in reach)
    main = [
        line
        for line, (distance, end) in zip(lines, reach, strict=True)
        if distance == nearest and not end.node.startswith("*stop")
    ]
    return sorted(main or lines, key=lambda s: s.lower.index if down else s.upper.index)


def _reach(segment: Segment, down: bool) -> tuple[int, Vertex]:
    """Layers until the wire behind this segment meets a node or splits, and what it meets."""
    distance, vertex = 1, segment.lower if down else segment.upper
    while vertex.kind in ("dummy", "label"):
        onward = vertex.down if down else vertex.up
        if len(onward) != 1:
            break
        vertex = onward[0].lower if down else onward[0].upper
        distance += 1
    return distance, vertex


def _aligned(vertex: Vertex) -> Group:
    """Everything joined to `vertex` by straight segments."""
    group: Group = {vertex: None}
    waiting = [vertex]
    while waiting:
        current = waiting.pop()
        joined = [s.lower for s in current.down if not s.offset] + [
            s.upper for s in current.up if not s.offset
        ]
        for other in joined:
            if other not in group:
                group[other] = None
                waiting.append(other)
    return group


def _shift(group: Group, by: int) -> None:
    if by:
        for vertex in group:
            vertex.x += by
