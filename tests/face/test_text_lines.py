"""Lines wrapped to a width: nothing lost, nothing wider, later pieces under the text of the first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wf_tui import look
from wf_tui.look import Line
from wf_tui.widgets.text_lines import wrap


def texts(line: Line, width: int) -> list[str]:
    return ["".join(text for text, _ in piece).rstrip() for piece in wrap(line, width)]


def test_later_pieces_stand_beside_the_label() -> None:
    line: Line = (("  a       ", "accent"), ("Let the held event go on as it is", "text"))
    assert texts(line, 26) == ["  a       Let the held", "          event go on as", "          it is"]


def test_a_value_stands_beside_its_name() -> None:
    line: Line = (("  ", "text"), ("to", "accent"), (": ", "muted"), ("what it costs", "text"))
    assert texts(line, 18) == ["  to: what it", "      costs"]


def test_each_piece_of_a_quoted_text_has_its_bar() -> None:
    line: Line = (("  │ ", "muted"), ("one two three four", "text"))
    assert texts(line, 14) == ["  │ one two", "  │ three four"]


def test_a_plain_line_keeps_its_indent() -> None:
    assert texts((("  one two three", "text"),), 10) == ["  one two", "  three"]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.integers(8, 40))
def test_nothing_is_lost_and_nothing_is_wider(parts: list[str], width: int) -> None:
    line: Line = tuple((part, "text") for part in parts)
    pieces = wrap(line, width)
    assert all(sum(cell_len(text) for text, _ in piece) <= width for piece in pieces)
    shown = "".join(text for piece in pieces for text, _ in piece)
    assert shown.replace(" ", "") == look.clean("".join(parts)).replace(" ", "")
