"""A log line says which invocation wrote it, however long the step's name and narrow the pane."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from wf_debug.trace.rows import LogRow
from wf_tui.widgets.logs import draw_log

ROW = LogRow(
    seq=1, run="r", t=1.5, wall=1.0, step="assess_single_damage_item", invocation=12, attempt=1,
    source="stdout", level="", text="assessing carpet",
)  # fmt: skip


@pytest.mark.parametrize("width", [30, 46, 66, 120])
def test_the_number_of_the_invocation_outlives_the_name(width: int) -> None:
    line = "".join(text for text, _ in draw_log(ROW, width))
    assert "#12.1" in line
    assert cell_len(line) == width
