"""The application on a real flow in a real host process, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from past import until
from textual.pilot import Pilot

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.session import FlowSpec, SessionSettings
from wf_tui.app import WfApp
from wf_tui.screens.main import MainScreen

FLOWS = Path(__file__).parents[1] / "flows"


@asynccontextmanager
async def debugging(
    flow: Path,
    recording: Path,
    fields: dict[str, Any] | None = None,
    breakpoints: Sequence[Breakpoint] = (),
    watch: bool = False,
) -> AsyncIterator[tuple[Pilot[int], MainScreen]]:
    """The application with this flow loaded, or with what keeps it from loading."""
    settings = SessionSettings(recording=recording, watch=watch, remember_breakpoints=False)
    app = WfApp(FlowSpec(flow), settings, (lambda _: fields) if fields is not None else None, breakpoints)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(
            pilot, lambda: app.is_up and (app.main.has_class("-failed") or app.main.graph is not None)
        )
        yield pilot, app.main
