"""A timeline row at any width: the columns that fit, the whole width used, the outcome never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wf_debug.trace.rows import TimelineRow
from wf_tui.widgets.timeline import columns, draw_row

ROW = TimelineRow(
    seq=7,
    run="run-1",
    t=2.05,
    wall=1.0,
    kind="event",
    event=5,
    type="SearchResult",
    preview="SearchResult(query='q', score=0.25)",
    producer="search",
    producer_invocation=2,
    consumers=("rank", "audit"),
    duration=0.4,
    outcome="done",
    version=1,
)


def text(row: TimelineRow, width: int, stop: bool = False) -> str:
    return "".join(part for part, _ in draw_row(row, columns(width), stop))


def test_a_wide_row_shows_every_column() -> None:
    row = text(ROW, 140)
    for part in (
        "2.050",
        "SearchResult",
        "query='q', score=0.25",
        "search → rank, audit",
        "400ms",
        "✓ done",
    ):
        assert part in row


def test_the_class_name_is_not_repeated_in_the_payload() -> None:
    assert text(ROW, 140).count("SearchResult") == 1


@given(st.integers(12, 300))
def test_a_row_is_never_wider_than_the_list(width: int) -> None:
    assert cell_len(text(ROW, width)) <= width


@pytest.mark.parametrize("width", [14, 24, 38, 60, 80, 120, 200])
def test_the_outcome_is_seen_at_every_width(width: int) -> None:
    assert "◆" in text(replace(ROW, outcome="held"), width)


@pytest.mark.parametrize("width", [60, 66, 85, 95])
def test_in_the_usual_panes_a_row_tells_who_sent_it_who_took_it_and_how_long_it_took(width: int) -> None:
    row = text(ROW, width)
    assert "search → r" in row
    assert "✓ 400ms" in row
    assert "query=" in row
    assert "▸ running" in text(replace(ROW, outcome="running"), width)


def test_narrow_rows_give_up_the_route_first_and_the_time_last() -> None:
    assert "→" not in text(ROW, 58)
    assert "2.050" in text(ROW, 50)
    assert "2.05" not in text(ROW, 24)


def test_a_breakpoint_is_marked_on_its_event_type() -> None:
    assert "● SearchResult" in text(ROW, 80, stop=True)
    assert "●" not in text(ROW, 80)


def test_control_characters_in_a_payload_stay_on_their_line() -> None:
    assert "\n" not in text(replace(ROW, preview="a\nb\x1b[31m"), 100)


def test_a_remark_and_what_has_no_route_use_the_whole_row() -> None:
    words = "run abc was forked from 1.873 s because somebody wanted to know"
    remark = replace(ROW, kind="note", type="info", preview=words, producer="", consumers=(), outcome="")
    assert words in text(remark, 95)
    assert "info" not in text(remark, 95)
    assert words[:45] in text(replace(remark, kind="run", type="run started"), 95)


def test_a_type_without_a_payload_is_written_out() -> None:
    long = replace(ROW, type="AgentWorkflowStartEvent", preview="AgentWorkflowStartEvent()")
    assert "AgentWorkflowStartEvent" in text(long, 44)
    assert text(long, 95).index("search →") == text(ROW, 95).index("search →")
    silent = replace(long, producer="", consumers=())
    assert text(silent, 95).index("✓") == text(ROW, 95).index("✓")
