"""Which panes are shown at which size."""

from __future__ import annotations

import pytest

from wf_tui.screens.layout import EVERYWHERE, Mode, left_width, mode_of, visible_panes


@pytest.mark.parametrize(
    ("size", "mode"),
    [
        ((40, 10), "tiny"),
        ((200, 12), "tiny"),
        ((80, 24), "narrow"),
        ((120, 36), "normal"),
        ((120, 24), "narrow"),
        ((200, 60), "wide"),
    ],
)
def test_the_mode_follows_the_size(size: tuple[int, int], mode: Mode) -> None:
    assert mode_of(*size) == mode


def test_normal_and_wide_show_everything() -> None:
    assert len(visible_panes("normal", False, "timeline", "inspector")) == 5
    assert len(visible_panes("wide", False, "timeline", "inspector")) == 5


def test_narrow_shows_the_detail_that_was_used_last() -> None:
    assert visible_panes("narrow", False, "timeline", "logs") == {"graph", "lanes", "timeline", "logs"}


@pytest.mark.parametrize("mode", ["tiny", "narrow", "normal", "wide"])
def test_zoom_shows_the_focused_pane_alone(mode: Mode) -> None:
    assert visible_panes(mode, True, "logs", "logs") == {"logs"}


def test_a_tiny_terminal_shows_one_pane() -> None:
    assert visible_panes("tiny", False, "graph", "inspector") == {"graph"}


def test_the_graph_gets_the_columns_for_the_best_drawing_that_leaves_room_for_the_rest() -> None:
    everything = frozenset(EVERYWHERE)
    assert left_width("wide", 200, (97, 95, 71, 56), everything) == 71
    assert left_width("normal", 120, (90, 71, 60, 56), everything) == 56
    assert left_width("normal", 120, (300, 200, 100, 90), everything) == 48
    assert left_width("narrow", 80, (50, 42, 36, 30), everything) == 42
    assert left_width("narrow", 80, (60, 50, 42, 30), everything) == 34
    assert left_width("normal", 120, (71,), frozenset({"graph"})) is None
