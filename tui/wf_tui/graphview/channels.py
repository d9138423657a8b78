"""Channels: the rows between two layers, where segments run sideways on tracks.

Segments at one port form a net, which is one horizontal track. A net whose line comes from above in a column
where another's goes on below must lie above it; a circle of such constraints is broken by splitting a net in
two (a dogleg).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from wf_tui.graphview.layered import Segment, Vertex


@dataclass(eq=False, slots=True)
class Net:
    """Segments that share a track: columns they come down on, and columns they leave on."""

    segments: list[Segment]
    uppers: set[int]
    lowers: set[int]
    track: int = 0
    """Row in the channel, from 0."""
    rest: Net | None = None
    """The lower half of a dogleg."""

    @property
    def left(self) -> int:
        return min(self.uppers | self.lowers)

    @property
    def right(self) -> int:
        return max(self.uppers | self.lowers)

    def must_be_above(self, other: Net) -> bool:
        if other.rest is self:
            return False
        return self.rest is other or not self.uppers.isdisjoint(other.lowers)

    def overlaps(self, other: Net) -> bool:
        return self.left <= other.right and other.left <= self.right


@dataclass(slots=True)
class Channel:
    """One channel: nets that run straight down, nets with a track, and the number of tracks."""

    straight: list[Net] = field(default_factory=list)
    bent: list[Net] = field(default_factory=list)
    tracks: int = 0
    doglegs: int = 0


def route_channel(segments: Sequence[Segment]) -> Channel:
    """Give every net of the channel a track such that no two nets share a cell except to cross."""
    nets = _nets(segments)
    straight = [net for net in nets if net.left == net.right]
    columns = {x for net in nets for x in net.uppers | net.lowers}
    bent, doglegs = _stacked([net for net in nets if net.left != net.right], columns)
    _reduce_crossings(bent)
    tracks = _assign_tracks(bent)
    return Channel(straight, bent, tracks, doglegs)


def _nets(segments: Sequence[Segment]) -> list[Net]:
    leaving: dict[tuple[Vertex, int], list[Segment]] = defaultdict(list)
    arriving: dict[tuple[Vertex, int], list[Segment]] = defaultdict(list)
    for segment in segments:
        leaving[segment.upper, segment.upper_port].append(segment)
        arriving[segment.lower, segment.lower_port].append(segment)
    nets: list[Net] = []
    taken: set[Segment] = set()
    for segment in segments:
        if segment in taken:
            continue
        group = leaving[segment.upper, segment.upper_port]
        if len(group) == 1:
            group = arriving[segment.lower, segment.lower_port]
        group = [s for s in group if s not in taken]
        taken.update(group)
        uppers = {s.upper.x + s.upper_port for s in group}
        nets.append(Net(group, uppers, {s.lower.x + s.lower_port for s in group}))
    return nets


def _stacked(nets: list[Net], columns: set[int]) -> tuple[list[Net], int]:
    """The nets from top to bottom, with doglegs where they block each other."""
    stacked: list[Net] = []
    waiting = sorted(nets, key=lambda net: (net.left, net.right))
    doglegs = 0
    while waiting:
        net = next((n for n in waiting if not _above(n, waiting)), None)
        if net is None:
            waiting.append(_split(_in_circle(waiting), columns))
            doglegs += 1
            continue
        stacked.append(net)
        waiting.remove(net)
    return stacked, doglegs


def _above(net: Net, others: Iterable[Net]) -> Net | None:
    return next((other for other in others if other is not net and other.must_be_above(net)), None)


def _in_circle(nets: list[Net]) -> Net:
    """A net of a circle of constraints: the smallest one on it."""
    path = [nets[0]]
    while True:
        above = _above(path[-1], nets)
        assert above is not None, "only called when every net lies under another"
        if above in path:
            return min(path[path.index(above) :], key=lambda net: len(net.segments))
        path.append(above)


def _split(net: Net, columns: set[int]) -> Net:
    """Cut `net` at a free column beside it; the lower half is returned."""
    right, left = net.right, net.left
    free = next(x for d in count(1) for x in (right - d, right + d) if x >= 0 and left != x not in columns)
    columns.add(free)
    net.rest = Net(net.segments, {free}, net.lowers)
    net.lowers = {free}
    return net.rest


def _reduce_crossings(nets: list[Net]) -> None:
    for _ in range(2 * len(nets)):
        swapped = False
        for i in range(len(nets) - 1):
            upper, lower = nets[i], nets[i + 1]
            if not upper.must_be_above(lower) and _crossings(lower, upper) < _crossings(upper, lower):
                nets[i], nets[i + 1] = lower, upper
                swapped = True
        if not swapped:
            return


def _crossings(upper: Net, lower: Net) -> int:
    """Crossings of two nets when `upper` lies above `lower`."""
    through_lower = sum(lower.left < x < lower.right for x in upper.lowers)
    return through_lower + sum(upper.left < x < upper.right for x in lower.uppers)


def _assign_tracks(nets: list[Net]) -> int:
    for i, net in enumerate(nets):
        higher = (o.track + 1 for o in nets[:i] if o.overlaps(net) or o.must_be_above(net))
        net.track = max(higher, default=0)
    return max((net.track + 1 for net in nets), default=0)
