"""Makes docs/picture.svg: the real application on sample_flows/research.py, stopped at a breakpoint."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SIZE = (140, 40)


async def main() -> None:
    from wf_debug.control.breakpoints import Breakpoint
    from wf_debug.session import FlowSpec, SessionSettings
    from wf_tui.app import WfApp

    flow = FlowSpec(ROOT / "sample_flows" / "research.py")
    settings = SessionSettings(watch=False, keep=False, remember_breakpoints=False)
    stop = Breakpoint(event="SearchResult", step="read", condition="'heat' in ev.paper")
    app = WfApp(flow, settings, lambda _: {"flaky_index": True, "pace": 0.6}, [stop])
    async with app.run_test(size=SIZE) as pilot:
        while not (app.is_up and app.main._source and app.main.live.holds):
            await pilot.pause(0.05)
        await pilot.pause(1.0)
        app.clear_notifications()
        await pilot.pause(0.2)
        app.save_screenshot("picture.svg", path=str(ROOT / "docs"))


if __name__ == "__main__":
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    asyncio.run(main())
