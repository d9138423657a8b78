"""The application on a recorded session, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from recordings import make_recording
from wf_debug.session import SessionSettings
from wf_debug.trace.records import Record
from wf_tui.app import WfApp
from wf_tui.screens.main import MainScreen


async def until(pilot: Pilot[int], reached: Callable[[], bool]) -> None:
    """Let the application work until it is so; the test's own time limit ends a wait in vain."""
    while not reached():
        await pilot.pause(0.01)


@asynccontextmanager
async def opened(
    path: Path, records: Sequence[Record], size: tuple[int, int] = (120, 36)
) -> AsyncIterator[tuple[Pilot[int], MainScreen]]:
    """The application on a recording of these records, its rows shown."""
    make_recording(path, records)
    app = WfApp(path, SessionSettings(watch=False))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.is_up and app.main.lanes.count > 0)
        yield pilot, app.main
