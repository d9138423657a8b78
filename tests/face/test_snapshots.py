"""Pictures of the whole screen at the sizes that people have; fixed recordings, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from past import until
from textual.pilot import Pilot

from recordings import failed_run, held_run, make_recording, research_run
from wf_debug.session import SessionSettings
from wf_debug.trace.records import Record
from wf_tui.app import WfApp

Compare = Callable[..., bool]


def picture(
    compare: Compare, path: Path, records: Sequence[Record], size: tuple[int, int], *keys: str
) -> bool:
    """Whether the screen of this recording, after these keys, looks as it did."""
    make_recording(path, records)
    app = WfApp(path, SessionSettings(watch=False))

    async def prepare(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: app.is_up and app.main.lanes.count > 0)
        await pilot.press(*keys)
        await pilot.pause()

    return compare(app, run_before=prepare, terminal_size=size)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)], ids=["small", "usual", "large"])
def test_a_finished_run(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert picture(snap_compare, tmp_path / "a.wfrec", research_run().records, size)


def test_a_held_event(snap_compare: Compare, tmp_path: Path) -> None:
    assert picture(snap_compare, tmp_path / "a.wfrec", held_run().records, (120, 36))


def test_a_failure(snap_compare: Compare, tmp_path: Path) -> None:
    assert picture(snap_compare, tmp_path / "a.wfrec", failed_run().records, (120, 36), "4", "z")


def test_a_tiny_terminal(snap_compare: Compare, tmp_path: Path) -> None:
    assert picture(snap_compare, tmp_path / "a.wfrec", held_run().records, (40, 10))
