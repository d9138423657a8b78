"""Keys faster than the screen: dialogs open one at a time, close once, and a key that fails ends nothing."""

from __future__ import annotations

from pathlib import Path

from past import opened, until

from recordings import failed_run, research_run, session_tape
from wf_tui.actions.view import _run_editor
from wf_tui.screens.chooser import Chooser
from wf_tui.screens.confirm import ConfirmDialog
from wf_tui.screens.help import HelpScreen


async def test_of_two_dialogs_asked_for_at_once_the_first_is_shown(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        main.action_command("help")
        main.action_command("help")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.pause()
        await pilot.press("escape")
        assert pilot.app.screen is main


async def test_the_palette_does_not_open_over_a_dialog(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.press("ctrl+p", "escape")
        assert pilot.app.screen is main


async def test_a_dialog_dismissed_twice_takes_no_other_screen_along(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", session_tape(research_run, failed_run)) as (pilot, main):
        await pilot.press("L")
        await until(pilot, lambda: isinstance(pilot.app.screen, Chooser))
        chooser = pilot.app.screen
        chooser.dismiss(None)
        chooser.dismiss(None)
        await pilot.pause()
        assert pilot.app.screen is main


async def test_a_dialog_dismissed_under_another_goes_when_that_does(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        below = ConfirmDialog("Below?")
        answers: list[bool | None] = []
        await pilot.app.push_screen(below, answers.append)
        await pilot.app.push_screen(ConfirmDialog("Above?"))
        below.dismiss(True)
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is main)
        assert answers == [True]


async def test_a_dialog_closed_before_it_is_drawn_ends_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        for _ in range(3):
            pilot.app.push_screen(HelpScreen("timeline", main.situation()))
            pilot.app.screen.dismiss()
            await pilot.pause()
        assert pilot.app.screen is main


async def test_ctrl_q_leaves_from_any_dialog(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, _):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: pilot.app.return_value == 0)


async def test_a_key_that_fails_is_told_and_survived(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        main.timeline.list.action_move = lambda by: 1 // 0  # type: ignore[method-assign]
        await pilot.press("up")
        assert any("ZeroDivisionError" in n.message for n in pilot.app._notifications)
        await pilot.press("2")
        assert main.focused_pane == "lanes"


def test_an_editor_that_cannot_be_started_is_said() -> None:
    assert "Set $VISUAL or $EDITOR" in _run_editor(["/no/such/editor"])
