"""Lines between two rows of boxes: who may run above whom."""

from __future__ import annotations

from wf_tui.graphview.channels import route_channel
from wf_tui.graphview.layered import Segment, Vertex


def line(start: int, end: int) -> Segment:
    """A line of its own from column `start` down to column `end`."""
    return Segment(Vertex("dummy", 0, 1, x=start), 0, Vertex("dummy", 1, 1, x=end), 0, [0], False)


def test_straight_lines_need_no_track() -> None:
    channel = route_channel([line(3, 3), line(8, 8)])
    assert channel.tracks == 0
    assert len(channel.straight) == 2


def test_lines_that_do_not_meet_share_a_track() -> None:
    assert route_channel([line(0, 4), line(6, 10)]).tracks == 1


def test_a_line_that_leaves_a_column_runs_above_the_one_that_enters_it() -> None:
    entering, leaving = line(0, 5), line(5, 9)
    channel = route_channel([entering, leaving])
    track = {net.segments[0]: net.track for net in channel.bent}
    assert track[leaving] < track[entering]


def test_two_lines_that_change_places_are_untied_with_a_dogleg() -> None:
    channel = route_channel([line(0, 5), line(5, 0)])
    assert channel.doglegs == 1
    assert channel.tracks == 3


def test_a_ring_of_many_lines_is_untied() -> None:
    ring = [line(4 * i, 4 * ((i + 1) % 6)) for i in range(6)]
    channel = route_channel(ring)
    assert channel.doglegs == 1
    for upper in channel.bent:
        for lower in channel.bent:
            if upper is not lower and upper.must_be_above(lower):
                assert upper.track < lower.track
