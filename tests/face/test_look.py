"""Text on terminal cells: always the promised width, nothing that could disturb the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wf_tui import look


@given(st.text(), st.integers(0, 60))
def test_fit_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_len(look.fit(text, width)) == width


@given(st.text())
def test_clean_lets_no_control_character_through(text: str) -> None:
    assert look.clean(text).isprintable()


def test_fit_cuts_with_an_ellipsis_and_says_nothing_when_all_fits() -> None:
    assert look.fit("SearchResult", 8) == "SearchR…"
    assert look.fit("Query", 8) == "Query   "


def test_wide_characters_count_as_two_cells() -> None:
    assert look.fit("検索結果", 6) == "検索 …"


def test_durations_take_the_unit_that_fits() -> None:
    shown = [look.seconds(value) for value in (None, 0.0123, 0.9996, 3.44, 302, 7620)]
    assert shown == ["", "12ms", "1.0s", "3.4s", "5m02", "2h07"]


def test_every_state_has_a_glyph_in_both_character_sets() -> None:
    for mark in [*look.MARKS.values(), *look.LEVELS.values(), *look.ROLES.values()]:
        assert cell_len(mark.glyph) == 1
        assert len(mark.ascii) == 1
        assert mark.ascii.isascii()
