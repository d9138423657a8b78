"""A past session on the screen: what it shows, how one moves in it, and that every refused key says why."""

from __future__ import annotations

from pathlib import Path

from past import opened, until

from recordings import Tape, failed_run, held_run, long_run, research_run
from wf_debug.trace.records import Record
from wf_tui.commands import COMMANDS
from wf_tui.screens.help import HelpScreen
from wf_tui.screens.main import MainScreen
from wf_tui.widgets.header import Header


def inspected(main: MainScreen) -> str:
    return main.inspector.lines.text


def counting() -> list[Record]:
    tape = Tape()
    tape.start()
    for n in (1, 2, 3):
        tape.set_state(None, "count", n)
        tape.emit("Query", text=f"query {n}")
    tape.finish()
    return tape.records


def notices(main: MainScreen) -> list[str]:
    return [notice.message for notice in main.app._notifications]


async def test_it_opens_at_the_end_with_everything_filled_and_copies(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        rows = main.timeline.list
        assert "run finished" in rows.text_of(rows.cursor)
        assert main.lanes.count == 5
        assert main.logs.list.count == 7
        assert main.query_one(Header).heads.state == "finished"
        assert "a page about graph drawing" in inspected(main)
        await pilot.press("y")
        await until(pilot, lambda: bool(main.app.clipboard))
        assert "a page about graph drawing" in main.app.clipboard


async def test_moving_the_cursor_shows_the_event_and_stops_following(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        await pilot.press("home", "down")
        assert main.selection.type == "StartEvent"
        assert "topic: graph drawing" in inspected(main)
        assert not main.timeline.list.tail
        await pilot.press("G")
        assert main.timeline.list.tail


async def test_the_state_is_shown_as_it_was_at_the_selected_moment(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", counting()) as (pilot, main):
        main.inspector.show_tab("state")
        await until(pilot, lambda: "count: 3" in inspected(main))
        await pilot.press("3", "home")
        await until(pilot, lambda: "nothing was recorded" in inspected(main))
        await pilot.press("down", "down")
        await until(pilot, lambda: "count: 1" in inspected(main))
        await pilot.press("down")
        await until(pilot, lambda: "count: 2" in inspected(main))
        assert "as it was" in inspected(main)
        await pilot.press("G")
        await until(pilot, lambda: "count: 3" in inspected(main))
        assert "as it was" not in inspected(main)


async def test_the_cursor_rests_on_the_held_event_while_following(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", held_run().records) as (pilot, main):
        await until(pilot, lambda: main.selection.hold is not None)
        assert "held" in main.timeline.list.text_of(main.timeline.list.cursor)
        assert "held before search" in inspected(main)


async def test_a_step_points_at_what_failed_in_it_or_is_held_before_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", failed_run().records) as (pilot, main):
        await pilot.press("2", "down")
        assert main.selection.step == "search"
        assert "ValueError: no results" in inspected(main)
    async with opened(tmp_path / "b.wfrec", held_run().records) as (pilot, main):
        await pilot.press("1", "home", "down", "down")
        assert main.selection.step == "search"
        assert main.selection.hold is not None
        assert "held before search" in inspected(main)


async def test_filtering_and_clearing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        everything = main.timeline.list.count
        await pilot.press("slash", *"type:Query", "enter")
        assert main.timeline.list.count == 4
        await pilot.press("escape")
        assert main.timeline.list.count == everything


async def test_a_row_found_by_a_filter_stays_selected_among_all_rows(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        rows = main.timeline.list
        await pilot.press("home", "down", "slash", *"type:Ranked", "enter")
        await until(pilot, lambda: main.selection.type == "Ranked")
        await pilot.press("home")
        await pilot.press("escape")
        assert rows.count > 2
        assert main.selection.type == "Ranked"
        assert rows.selected is not None
        assert rows.selected.type == "Ranked"
        assert "Ranked" in inspected(main)


async def test_only_problems(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", failed_run().records) as (pilot, main):
        await pilot.press("exclamation_mark")
        rows = main.timeline.list
        outcomes = {row.outcome for n in range(rows.count) if (row := rows.row(n))}
        assert outcomes
        assert outcomes <= {"failed", "unhandled", "retrying", "cancelled"}


async def test_why_shows_the_chain_of_causes_up_to_the_start(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        await pilot.press("slash", *"type:Ranked", "enter", "home", "w")
        text = inspected(main)
        assert (
            text.index("Ranked") < text.index("SearchResult") < text.index("Query") < text.index("StartEvent")
        )


async def test_an_error_shows_its_place_and_traceback(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", failed_run().records) as (_, main):
        assert "no results for" in inspected(main)
        assert "research.py:42" in inspected(main)
        assert "Traceback" in inspected(main)


async def test_logs_of_one_step(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        main.logs.tabs.choose("write")
        await pilot.pause()
        assert main.logs.list.count == 1
        assert "write#8" in main.logs.list.text_of(0)


async def test_a_lane_selects_its_step(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        await pilot.press("2", "down")
        assert main.selection.step == "search"
        assert "takes     Query" in inspected(main)


async def test_every_pane_is_reached_by_its_number_and_by_tab_and_zooms(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        for key, name in zip("125", ("graph", "lanes", "logs"), strict=True):
            await pilot.press(key, "z")
            assert main.panes.shown == {name}
            await pilot.press("z")
        assert len(main.panes.shown) == 5
        await pilot.press("tab")
        assert main.focused_pane == "graph"
        await pilot.press("shift+tab")
        assert main.focused_pane == "logs"


async def test_no_key_is_met_with_silence(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        now = main.situation()
        refused = [command for command in COMMANDS if command.why_not(now)]
        assert "run" in [command.id for command in refused]
        for command in refused:
            main.app.clear_notifications()
            await pilot.press(command.keys.split(",")[0])
            assert any(command.why_not(now) in text for text in notices(main)), command.id


async def test_help_opens_for_the_focused_pane(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records) as (pilot, main):
        await pilot.press("5", "question_mark")
        await until(pilot, lambda: isinstance(main.app.screen, HelpScreen))
        await pilot.press("escape")
        assert main.app.screen is main


async def test_every_size_shows_something(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", research_run().records, (20, 5)) as (pilot, main):
        for size in ((40, 10), (80, 24), (200, 60), (10, 3), (120, 36)):
            await pilot.resize_terminal(*size)
            assert main.timeline.list.size.height > 0, size


async def test_a_long_run_is_read_in_windows(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.wfrec", long_run(2000).records) as (pilot, main):
        rows = main.timeline.list
        assert rows.count > 4000
        await pilot.press("home", "pagedown", "pagedown")
        assert len(rows._window) < 200
        assert rows.text_of(rows.cursor)
