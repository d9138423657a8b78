"""The layered graph: nodes on even layers, labels on odd ones, and every wire a chain of one-layer segments.

A label is a vertex of its real width, with its line at its left cell, so it can never touch another line, box
or label. A wire that runs back up hangs on a side lane of its boxes; until the order of a layer is settled,
the lane is part of the box's vertex.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len

from wf_tui.graphview.boxes import Rung, box_size
from wf_tui.graphview.glyphs import Glyphs
from wf_tui.graphview.plan import LIST, Plan

VertexKind = Literal["node", "label", "dummy", "lane"]
Side = Literal["left", "right"]
LaneKind = Literal["in", "out"]

LANE_GAP = 3
"""Columns kept free between a box and its lane while layers are ordered."""


@dataclass(eq=False, slots=True)
class Vertex:
    """Something that takes room in a layer."""

    kind: VertexKind
    layer: int
    width: int
    node: str = ""
    """Id of the node that this is, or whose lane this is."""
    text: str = ""
    height: int = 1
    box_at: int = 0
    """Column of the box in a vertex that also holds lanes."""
    box_width: int = 1
    back: bool = False
    x: int = 0
    index: int = 0
    """Position in its layer, from the left."""
    up: list[Segment] = field(default_factory=list)
    down: list[Segment] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Column, in the vertex, that its lines join by default: the middle of a box."""
        return self.box_at + self.box_width // 2 if self.kind == "node" else 0


@dataclass(eq=False, slots=True)
class Segment:
    """The piece of one or more wires between two neighbouring layers; ports are columns in their vertices."""

    upper: Vertex
    upper_port: int
    lower: Vertex
    lower_port: int
    wires: list[int]
    back: bool
    path: list[tuple[int, int]] = field(default_factory=list)

    @property
    def offset(self) -> int:
        """Columns the segment runs sideways, to the right positive."""
        return self.lower.x + self.lower_port - self.upper.x - self.upper_port

    @property
    def weight(self) -> float:
        """How much the segment wants to be straight: most of all in the middle of a long wire."""
        return 2.0 if "node" in (self.upper.kind, self.lower.kind) else 8.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """Wires that share a label: one step's event to all its takers, or a single wire back up."""

    wires: tuple[int, ...]
    event: str
    many: bool
    back: bool
    top: int
    bottom: int
    """Layers of the highest and lowest box it must stay between."""


@dataclass(eq=False, slots=True)
class Layered:
    """The graph in layers. `segments[i]` run between layers i and i + 1."""

    plan: Plan
    layers: list[list[Vertex]]
    segments: list[list[Segment]]
    nodes: dict[str, Vertex]
    lane_sides: dict[tuple[str, LaneKind], Side]
    back: frozenset[int]
    labels: dict[Vertex, Bundle] = field(default_factory=dict)
    lanes: dict[tuple[str, LaneKind], Vertex] = field(default_factory=dict)
    """Filled by `split_lanes`."""

    def reindex(self) -> None:
        """Make `index` of every vertex its position in its layer."""
        for layer in self.layers:
            for index, vertex in enumerate(layer):
                vertex.index = index


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the graph's shape decides before sizes do."""

    back: frozenset[int]
    met: list[str]
    rank: Mapping[str, int]


def build_layers(
    plan: Plan, skeleton: Skeleton, rung: Rung, glyphs: Glyphs, sides: Mapping[int, Side]
) -> Layered:
    """The layered graph, each layer in the order the walk from the start met its vertices.

    `sides` moves the lanes of single back wires (by index) to the left.
    """
    return _Builder(plan, skeleton, rung, glyphs, sides).build()


class _Builder:
    def __init__(
        self, plan: Plan, skeleton: Skeleton, rung: Rung, glyphs: Glyphs, sides: Mapping[int, Side]
    ) -> None:
        self._plan, self._skeleton, self._sides = plan, skeleton, sides
        self._rung, self._glyphs = rung, glyphs
        depth = 2 * max(skeleton.rank.values(), default=0) + 1
        self._graph = Layered(
            plan, [[] for _ in range(depth)], [[] for _ in range(depth)], {}, {}, skeleton.back
        )

    def build(self) -> Layered:
        self._place_nodes()
        self._choose_lanes()
        bundles = self._bundles()
        where = self._label_layers(bundles)
        for bundle, layer in zip(bundles, where, strict=True):
            self._thread(bundle, layer)
        self._spread_ports()
        self._graph.reindex()
        return self._graph

    def _place_nodes(self) -> None:
        kinds = {node.id: node for node in self._plan.nodes}
        crowd = self._shared_arrivals()
        for name in self._skeleton.met:
            width, height = box_size(kinds[name], self._rung, self._glyphs)
            width = max(width, 4 * ((crowd.get(name, 0) + 1) // 2) + 3 if crowd.get(name) else 0)
            layer = 2 * self._skeleton.rank[name]
            vertex = Vertex("node", layer, width, name, height=height, box_width=width)
            self._graph.nodes[name] = vertex
            self._graph.layers[layer].append(vertex)

    def _shared_arrivals(self) -> dict[str, int]:
        """How many bundles with several takers reach each node: they may need ports of their own."""
        takers: dict[tuple[str, str], list[str]] = defaultdict(list)
        for index, wire in enumerate(self._plan.wires):
            if index not in self._skeleton.back:
                takers[wire.source, wire.event].append(wire.target)
        crowd: dict[str, int] = defaultdict(int)
        for targets in takers.values():
            for target in targets if len(targets) > 1 else ():
                crowd[target] += 1
        return crowd

    def _choose_lanes(self) -> None:
        """Short loops choose first; a node with lanes in and out has one on each side."""
        rank, wires = self._skeleton.rank, self._plan.wires
        taken: dict[tuple[str, Side], LaneKind] = {}
        for index in sorted(
            self._skeleton.back, key=lambda i: (rank[wires[i].source] - rank[wires[i].target], i)
        ):
            wire, want = wires[index], self._sides.get(index, "right")
            self._choose_lane(taken, wire.target, "in", want)
            self._choose_lane(taken, wire.source, "out", want)
        for name, vertex in self._graph.nodes.items():
            sides = {s for (node, _), s in self._graph.lane_sides.items() if node == name}
            vertex.box_at = LANE_GAP + 1 if "left" in sides else 0
            vertex.width += (LANE_GAP + 1) * len(sides)

    def _choose_lane(
        self, taken: dict[tuple[str, Side], LaneKind], node: str, kind: LaneKind, want: Side
    ) -> None:
        if (node, kind) in self._graph.lane_sides:
            return
        other: Side = "left" if want == "right" else "right"
        side = want if (node, want) not in taken else other
        taken[node, side] = kind
        self._graph.lane_sides[node, kind] = side

    def _lane_port(self, node: str, kind: LaneKind) -> int:
        vertex = self._graph.nodes[node]
        left = self._graph.lane_sides[node, kind] == "left"
        return 0 if left else vertex.box_at + vertex.box_width + LANE_GAP

    def _bundles(self) -> list[Bundle]:
        groups: dict[tuple[str, str | int], list[int]] = {}
        for index, wire in enumerate(self._plan.wires):
            key = ("", index) if index in self._skeleton.back else (wire.source, wire.event)
            groups.setdefault(key, []).append(index)
        return [self._bundle(tuple(group)) for group in groups.values()]

    def _bundle(self, group: tuple[int, ...]) -> Bundle:
        wires = [self._plan.wires[index] for index in group]
        source = self._graph.nodes[wires[0].source].layer
        targets = [self._graph.nodes[wire.target].layer for wire in wires]
        if group[0] in self._skeleton.back:
            return Bundle(group, wires[0].event, wires[0].many, True, targets[0], source)
        return Bundle(group, wires[0].event, wires[0].many, False, source, min(targets))

    def _label_layers(self, bundles: list[Bundle]) -> list[int]:
        """The label layer of each bundle: fixed for short and shared ones, else that with the least text."""
        filled: dict[int, int] = defaultdict(int)
        where = [0] * len(bundles)
        free = []
        for position, bundle in enumerate(bundles):
            if bundle.bottom - bundle.top == 2 or len(bundle.wires) > 1:
                where[position] = bundle.top + 1
                filled[bundle.top + 1] += len(bundle.event) + 4
            else:
                free.append(position)
        for position in free:
            bundle = bundles[position]
            layers = range(bundle.top + 1, bundle.bottom, 2)
            best = min(reversed(layers) if bundle.back else layers, key=lambda layer: filled[layer])
            where[position] = best
            filled[best] += len(bundle.event) + 4
        return where

    def _thread(self, bundle: Bundle, label_layer: int) -> None:
        """Add the bundle's vertices and segments from its top box to its lowest one."""
        wires, nodes = self._plan.wires, self._graph.nodes
        first = wires[bundle.wires[0]]
        if bundle.back:
            top, port = nodes[first.target], self._lane_port(first.target, "in")
        else:
            top, port = nodes[first.source], nodes[first.source].port
        stem, stem_port = top, port
        for layer in range(top.layer + 1, label_layer + 1):
            vertex = self._vertex(layer, bundle, layer == label_layer)
            self._link(stem, stem_port, vertex, 0, bundle.wires, bundle.back)
            stem, stem_port = vertex, 0
        for index in bundle.wires:
            bottom = nodes[first.source] if bundle.back else nodes[wires[index].target]
            port = self._lane_port(first.source, "out") if bundle.back else bottom.port
            self._descend(stem, bottom, port, index, bundle)

    def _descend(self, stem: Vertex, bottom: Vertex, port: int, index: int, bundle: Bundle) -> None:
        current = stem
        for layer in range(stem.layer + 1, bottom.layer):
            vertex = self._vertex(layer, bundle, labelled=False)
            self._link(current, 0, vertex, 0, (index,), bundle.back)
            current = vertex
        self._link(current, 0, bottom, port, (index,), bundle.back)

    def _vertex(self, layer: int, bundle: Bundle, labelled: bool) -> Vertex:
        if labelled and self._rung.label_limit:
            ending = LIST if bundle.many else ""
            text = self._glyphs.elide(bundle.event, self._rung.label_limit - len(ending)) + ending
            vertex = Vertex("label", layer, 2 + cell_len(text), text=text, back=bundle.back)
            self._graph.labels[vertex] = bundle
        else:
            vertex = Vertex("dummy", layer, 1, back=bundle.back)
        self._graph.layers[layer].append(vertex)
        return vertex

    def _link(
        self,
        upper: Vertex,
        upper_port: int,
        lower: Vertex,
        lower_port: int,
        wires: tuple[int, ...],
        back: bool,
    ) -> None:
        segment = Segment(upper, upper_port, lower, lower_port, list(wires), back)
        upper.down.append(segment)
        lower.up.append(segment)
        self._graph.segments[upper.layer].append(segment)

    def _spread_ports(self) -> None:
        """A label shared with other takers gets its own port on a box that others enter too.

        Otherwise a fork and a join would meet in one line, and nobody could tell who sends to whom.
        """
        for vertex in self._graph.nodes.values():
            arriving = [s for s in vertex.up if s.lower_port == vertex.port and not s.back]
            forked = [s for s in arriving if len(s.upper.down) > 1] if len(arriving) > 1 else []
            for position, segment in enumerate(forked):
                distance = 2 * (position // 2 + 1)
                segment.lower_port += distance if position % 2 == 0 else -distance


def split_lanes(graph: Layered) -> None:
    """Turn every side lane into a one-cell vertex of its own beside its box, free to move outwards."""
    for (node, kind), side in graph.lane_sides.items():
        box = graph.nodes[node]
        lane = Vertex("lane", box.layer, 1, node, back=True)
        graph.lanes[node, kind] = lane
        if kind == "in":
            lane.down = [s for s in box.down if s.back]
            box.down = [s for s in box.down if not s.back]
            for segment in lane.down:
                segment.upper, segment.upper_port = lane, 0
        else:
            lane.up = [s for s in box.up if s.back]
            box.up = [s for s in box.up if not s.back]
            for segment in lane.up:
                segment.lower, segment.lower_port = lane, 0
        layer = graph.layers[box.layer]
        at = layer.index(box)
        layer.insert(at + 1 if side == "right" else at, lane)
    for box in {graph.nodes[node]: None for node, _ in graph.lane_sides}:
        for segment in box.down:
            segment.upper_port -= box.box_at
        for segment in box.up:
            segment.lower_port -= box.box_at
        box.width, box.box_at = box.box_width, 0
    graph.reindex()
