"""A real run on the screen: started, held, decided over, asked, failed, reloaded, left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from live import FLOWS, debugging
from past import until
from textual.pilot import Pilot

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.rules import read_rules
from wf_tui.cli.inspecting import print_rules
from wf_tui.screens.chooser import Chooser
from wf_tui.screens.confirm import ConfirmDialog
from wf_tui.screens.edit import EditDialog
from wf_tui.screens.main import MainScreen
from wf_tui.screens.prompt import PromptDialog
from wf_tui.screens.start import StartDialog
from wf_tui.widgets.footer import Footer
from wf_tui.widgets.header import Banner, Header
from wf_tui.widgets.text_lines import TextLines


def ended(main: MainScreen) -> bool:
    """The end of the run is in the header, which knows first, and in the rows."""
    return main.query_one(Header).heads.state == "finished" and "run finished" in rows(main)


def offered(main: MainScreen) -> list[str]:
    return [command.id for command in main.query_one(Footer).commands]


def rows(main: MainScreen) -> str:
    shown = main.timeline.list
    return "\n".join(shown.text_of(index) for index in range(shown.count))


def notices(main: MainScreen) -> str:
    return "\n".join(notice.message for notice in main.app._notifications)


async def dialog(pilot: Pilot[int], kind: type) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))


async def test_fields_given_on_the_command_line_start_a_run_that_is_shown_whole(tmp_path: Path) -> None:
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec", {"name": "Ada"}) as (pilot, main):
        await until(pilot, lambda: ended(main))
        assert "Greeting" in rows(main)
        assert "run finished" in rows(main)
        assert "composing for Ada" in main.logs.list.text_of(0)
        assert [lane.finished for lane in main.lanes._lanes] == [1, 1]
        await pilot.press("R")
        await until(pilot, lambda: main.query_one(Header).heads.run == "run 2/2" and ended(main))
        await pilot.press("l")
        await dialog(pilot, Chooser)
        await pilot.press("home", "enter")
        await until(pilot, lambda: main.query_one(Header).heads.run == "run 1/2")


async def test_the_start_form_opens_and_can_be_left(tmp_path: Path) -> None:
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec") as (pilot, main):
        await pilot.press("r")
        await dialog(pilot, StartDialog)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is main)
        assert not main.live.runs


async def test_a_held_event_is_shown_edited_and_accepted(tmp_path: Path) -> None:
    stop = [Breakpoint(event="Greeting")]
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec", {"name": "Ada"}, stop) as (pilot, main):
        await until(pilot, lambda: main.query_one(Header).heads.held == 1 and main.selection.hold is not None)
        assert offered(main)[:4] == ["accept", "edit", "drop", "duplicate"]
        assert "● Greeting" in rows(main)
        await pilot.press("e")
        await dialog(pilot, EditDialog)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is main)
        assert main.live.holds
        await pilot.press("a")
        await until(pilot, lambda: ended(main))
        assert "accept" not in offered(main)


async def test_a_fork_is_shown_held_at_the_same_event(tmp_path: Path) -> None:
    stop = [Breakpoint(event="Greeting")]
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec", {"name": "Ada"}, stop) as (pilot, main):
        await until(pilot, lambda: main.selection.hold is not None)
        first = main.run_id
        await pilot.press("F")
        await until(pilot, lambda: main.run_id != first and main.selection.hold is not None)
        assert "forked from run" in rows(main)
        assert "composing for Ada" in main.logs.list.text_of(0)
        await pilot.press("x")
        await until(pilot, lambda: main.query_one(Header).heads.state == "stuck")
        assert [h.run for h in main.live.holds.values()] == [first]


async def test_a_run_that_is_over_is_forked_from_where_it_was_held(tmp_path: Path) -> None:
    stop = [Breakpoint(event="Greeting")]
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec", {"name": "Ada"}, stop) as (pilot, main):
        await until(pilot, lambda: main.selection.hold is not None)
        first = main.run_id
        await pilot.press("a")
        await until(pilot, lambda: ended(main))
        await pilot.press("3", "home", "F")
        await until(pilot, lambda: "nothing of this run was held before" in notices(main))
        await pilot.press("G", "F")
        await until(pilot, lambda: main.run_id != first and main.selection.hold is not None)
        await pilot.press("a")
        await until(pilot, lambda: ended(main))
        assert [run.status for run in main.live.runs.values()] == ["finished", "finished"]


async def test_what_was_done_by_hand_is_saved_as_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = Path(shutil.copy(FLOWS / "greet.py", tmp_path))
    recording = tmp_path / "r.wfrec"
    stop = [Breakpoint(event="Greeting")]
    async with debugging(flow, recording, {"name": "Ada"}, stop) as (pilot, main):
        await until(pilot, lambda: main.selection.hold is not None)
        await pilot.press("d")
        await until(pilot, lambda: ended(main))
        await pilot.press("S")
        saved = tmp_path / "greet.rules.toml"
        await until(pilot, saved.exists)
    (rule,) = read_rules(saved)
    assert (rule.event, rule.step, rule.action) == ("Greeting", "deliver", "duplicate")
    assert rule.condition == "ev.text == 'hello Ada'"
    print_rules(recording)
    assert capsys.readouterr().out == saved.read_text()


async def test_a_breakpoint_set_on_a_selected_step_stops_the_next_run(tmp_path: Path) -> None:
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec", {"name": "Ada"}) as (pilot, main):
        await until(pilot, lambda: ended(main))
        await pilot.press("2", "down", "f9")
        await until(pilot, lambda: [b.step for b in main.session.breakpoints] == ["deliver"])
        await pilot.press("R")
        await until(pilot, lambda: bool(main.live.holds))
        await pilot.press("f5")
        await until(pilot, lambda: ended(main))


async def test_a_paused_run_goes_on_delivery_by_delivery(tmp_path: Path) -> None:
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec") as (pilot, main):
        await pilot.press("p")
        await pilot.pause()
        main.show_run(await main.session.start_run({"name": "Ada"}))
        for step in ("compose", "deliver"):
            await until(pilot, lambda step=step: [h.step for h in main.live.holds.values()] == [step])
            await pilot.press("n")
        await until(pilot, lambda: ended(main))


async def test_a_question_opens_its_dialog_and_waits_when_it_is_left(tmp_path: Path) -> None:
    async with debugging(FLOWS / "ask.py", tmp_path / "r.wfrec", {}) as (pilot, main):
        await dialog(pilot, PromptDialog)
        await pilot.press("escape")
        await until(pilot, lambda: main.query_one(Header).heads.prompts == 1)
        await pilot.press("h")
        await dialog(pilot, PromptDialog)
        await pilot.press("escape")
        await pilot.press("q")
        await dialog(pilot, ConfirmDialog)
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is main)
        await pilot.press("q")
        await dialog(pilot, ConfirmDialog)
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.return_value is not None)
        assert pilot.app.return_value == 0


async def test_a_flow_that_does_not_load_says_all_and_comes_up_when_mended(tmp_path: Path) -> None:
    flow = tmp_path / "flow.py"
    good = (FLOWS / "greet.py").read_text()
    flow.write_text(good.replace("class Greeter(Workflow):", "class Greeter(Workflow:"))
    async with debugging(flow, tmp_path / "r.wfrec", {"name": "Ada"}) as (pilot, main):
        said = main.query_one("#failure", TextLines).text
        assert "SyntaxError" in said
        assert "flow.py:" in said
        assert "ctrl+r" in said
        assert main.exit_code() == 2
        flow.write_text(good)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: ended(main))
        assert main.exit_code() == 0
        assert not main.has_class("-failed")


async def test_a_save_that_does_not_import_is_pinned_until_mended(tmp_path: Path) -> None:
    flow = tmp_path / "flow.py"
    good = (FLOWS / "greet.py").read_text()
    flow.write_text(good)
    async with debugging(flow, tmp_path / "r.wfrec", watch=True) as (pilot, main):
        banner = main.query_one(Banner)
        flow.write_text(good + "\nboom(\n")
        await until(pilot, lambda: banner.has_class("-error"))
        assert "flow.py:" in str(banner.content)
        flow.write_text(good + "\n# mended\n")
        await until(pilot, lambda: not banner.has_class("-open"))


async def test_a_fault_in_the_display_is_told_and_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec") as (pilot, main):

        def fail(*_: object) -> None:
            raise RuntimeError("no such lane")

        monkeypatch.setattr(main.lanes, "show", fail)
        main.show_run(await main.session.start_run({"name": "Ada"}))
        await until(pilot, lambda: main.query_one(Banner).has_class("-error"))
        assert "no such lane" in str(main.query_one(Banner).content)
        await pilot.press("5")
        assert main.focused_pane == "logs"


async def test_a_stuck_run_says_so_and_why(tmp_path: Path) -> None:
    fields = {"what": "stuck"}
    async with debugging(FLOWS / "misbehave.py", tmp_path / "r.wfrec", fields) as (pilot, main):
        await until(pilot, lambda: main.query_one(Header).heads.state == "stuck")
        await until(pilot, lambda: "i injects an event" in str(main.query_one(Banner).content))


async def test_keys_act_in_the_order_they_are_typed_however_fast(tmp_path: Path) -> None:
    async with debugging(FLOWS / "greet.py", tmp_path / "r.wfrec") as (pilot, main):
        await pilot.press("1", "down", "down", "b")
        await until(pilot, lambda: [b.event for b in main.session.breakpoints] == ["Greeting"])
