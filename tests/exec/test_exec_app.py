"""The application on a script: what runs is drawn as it begins, and the script can be executed again."""

from __future__ import annotations

from pathlib import Path

from past import until
from scripts import TWO_CLASSES
from textual.pilot import Pilot

from wf_debug.control.breakpoints import parse_breakpoint
from wf_debug.session import FlowSpec, SessionSettings
from wf_debug.trace.records import ScriptEnded
from wf_tui.app import WfApp
from wf_tui.widgets.header import Banner


def app_on(folder: Path, source: str, *breaks: str) -> WfApp:
    path = folder / "script.py"
    path.write_text(source)
    settings = SessionSettings(recording=folder / "it.wfrec", watch=False, remember_breakpoints=False)
    points = [parse_breakpoint(spec) for spec in breaks]
    return WfApp(FlowSpec(path, argv=("script.py", "4")), settings, breakpoints=points)


async def drawn(pilot: Pilot[int], app: WfApp, workflow: str) -> None:
    await until(pilot, lambda: app.is_up and app.main.graph is not None and app.main.graph.name == workflow)


def banner(app: WfApp) -> str:
    return str(app.main.query_one(Banner).content)


async def test_the_graph_is_of_the_run_that_is_shown(tmp_path: Path) -> None:
    app = app_on(tmp_path, TWO_CLASSES, "Number@double if ev.n == 4")
    async with app.run_test(size=(120, 36)) as pilot:
        await drawn(pilot, app, "Doubling")
        await until(pilot, lambda: bool(app.main.live.holds))
        await pilot.press("c")
        await drawn(pilot, app, "Outer")
        nested = list(app.main.live.runs)[-1]
        await until(pilot, lambda: isinstance(app.main.live.script, ScriptEnded))
        app.main.show_run(nested)
        await drawn(pilot, app, "Doubling")
        assert [n for n, s in app.main.live.steps(nested).items() if s.finished] == ["read", "double"]


async def test_it_is_executed_again_in_a_fresh_host(tmp_path: Path) -> None:
    app = app_on(tmp_path, TWO_CLASSES)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.is_up and isinstance(app.main.live.script, ScriptEnded))
        assert app.main.situation().live_runs == 0
        await pilot.press("R")
        await until(pilot, lambda: len(app.main.live.runs) == 6 and not app.main.live.live_runs)


async def test_a_script_that_raises_is_told_with_its_line(tmp_path: Path) -> None:
    app = app_on(tmp_path, "print('once')\nraise RuntimeError('no paper')\n")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.is_up and "RuntimeError: no paper" in banner(app))
        assert "script.py:2" in banner(app)
