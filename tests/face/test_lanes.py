"""Lanes: each worker is one cell with its event and elapsed time; what has no room is counted, not lost."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from wf_tui.widgets.lanes import Lane, WorkerCell, draw_lane, grid_of


def busy(worker: int, status: str = "running", event: str = "Query", elapsed: str = "1.2s") -> WorkerCell:
    return WorkerCell(worker, worker + 10, status, event, elapsed)


def text(lane: Lane, width: int) -> str:
    return "".join(part for part, _ in draw_lane(lane, width, grid_of((lane,), width)))


def test_busy_workers_show_their_event_and_time_idle_ones_a_dot() -> None:
    lane = text(Lane("search", 4, (busy(0), busy(1, elapsed="0.3s"))), 110)
    assert "▸ Query 1.2s" in lane
    assert "▸ Query 0.3s" in lane
    assert lane.count("·") == 2


def test_counts_stand_at_the_end() -> None:
    lane = text(Lane("search", 1, (busy(0),), queued=3, retrying=1, finished=12, failed=2), 80)
    assert lane.rstrip().endswith("3 queued ↻1 ✗2 ✓12")


def test_cells_too_small_for_the_event_leave_its_name_to_the_label() -> None:
    lane = text(Lane("read", 4, tuple(busy(n) for n in range(4)), finished=13), 48)
    assert lane.startswith("▸ read Query")
    assert lane.count("1.2s") == 4


def test_idle_cells_do_not_take_the_room_of_a_long_name() -> None:
    assert "escalate_to_spec" in text(Lane("escalate_to_special_investigations", 4), 48)


def test_a_narrow_lane_keeps_the_glyphs() -> None:
    lane = text(Lane("search", 2, (busy(0), busy(1, "held", elapsed=""))), 24)
    assert "▸" in lane
    assert "◆" in lane


def test_workers_without_room_are_counted() -> None:
    lane = text(Lane("search", 40, tuple(busy(n) for n in range(40))), 40)
    assert "+" in lane


@pytest.mark.parametrize("width", [10, 20, 33, 60, 100, 180])
@pytest.mark.parametrize("workers", [0, 1, 4, 50])
def test_a_lane_fits_its_width(width: int, workers: int) -> None:
    lane = Lane("a_step_with_a_long_name", 4, tuple(busy(n) for n in range(workers)), 3, 1, 2, 12, 1)
    assert cell_len(text(lane, width)) <= max(width, 40)


@pytest.mark.parametrize(
    ("lane", "state"),
    [
        (Lane("s", 1, (busy(0), busy(1, "held"))), "held"),
        (Lane("s", 1, held=1), "held"),
        (Lane("s", 1, (busy(0, "waiting"), busy(1))), "running"),
        (Lane("s", 1, queued=1, finished=4), "queued"),
        (Lane("s", 1, retrying=1), "retrying"),
        (Lane("s", 1, finished=4), "done"),
        (Lane("s", 1, finished=4, failed=1), "failed"),
        (Lane("s", 1), "idle"),
    ],
)
def test_the_state_of_a_step_is_what_needs_attention_most(lane: Lane, state: str) -> None:
    assert lane.state == state


def test_the_cells_of_all_lanes_stand_under_each_other() -> None:
    lanes = (Lane("plan", 1, (busy(0),), finished=100), Lane("search", 4, (busy(0),)))
    grid = grid_of(lanes, 90)
    first, second = ("".join(part for part, _ in draw_lane(lane, 90, grid)) for lane in lanes)
    assert first.index("Query") == second.index("Query")
