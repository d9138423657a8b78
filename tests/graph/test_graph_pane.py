"""The graph pane under a person's hands: what it shows, what it tells, and that it keeps still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from graphs import SAMPLES, branch_loop, fan_out, human, linear, mixed, react, tangle
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph
from wf_debug.trace.activity import StepActivity, WorkerState, WorkerStatus
from wf_tui.graphview.boxes import BoxFace
from wf_tui.graphview.navigate import neighbour
from wf_tui.widgets.graph_pane import GraphPane


class Harness(App[None]):
    """The pane alone, noting what it tells."""

    def __init__(self, graph: FlowGraph | None, ascii_only: bool = False) -> None:
        super().__init__()
        self.graph, self.ascii_only = graph, ascii_only
        self.told: list[tuple[str, str, str]] = []

    def compose(self) -> ComposeResult:
        yield GraphPane(ascii=self.ascii_only)

    def on_mount(self) -> None:
        self.pane.show(self.graph)
        self.pane.focus()

    @property
    def pane(self) -> GraphPane:
        return self.query_one(GraphPane)

    def on_graph_pane_selected(self, message: GraphPane.Selected) -> None:
        self.told.append(("selected", message.kind, message.name))

    def on_graph_pane_chosen(self, message: GraphPane.Chosen) -> None:
        self.told.append(("chosen", message.kind, message.name))


@asynccontextmanager
async def showing(
    graph: FlowGraph | None, width: int = 90, height: int = 40, ascii_only: bool = False
) -> AsyncIterator[tuple[Harness, Pilot[None]]]:
    app = Harness(graph, ascii_only)
    async with app.run_test(size=(width, height)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        yield app, pilot


def screen(app: Harness) -> list[str]:
    return [app.pane.render_line(y).text.rstrip() for y in range(app.pane.size.height)]


def doing(step: str, status: WorkerStatus | None = None, workers: int = 0, **counts: int) -> StepActivity:
    busy = {n: WorkerState(n, n, 0, status or "running", "Event", "", 0.0) for n in range(workers)}
    numbers = {"queued": 0, "finished": 0, "failed": 0, "emitted": 0, "retrying": 0, "held": 0, **counts}
    return StepActivity(step=step, workers=busy, error="", **numbers)


def row_of(app: Harness, text: str) -> str:
    return next(line for line in screen(app) if text in line)


async def test_every_box_and_label_answers_a_click() -> None:
    async with showing(react()) as (app, pilot):
        items = app.pane.picture.items
        left = (app.pane.size.width - app.pane.picture.drawing.width) // 2
        for item in items:
            await pilot.click(GraphPane, offset=(left + item.x + 1, item.y))
        assert app.told == [("selected", item.kind, item.name) for item in items]
        assert {item.name for item in items if item.kind == "step"} == {s.name for s in react().steps}


async def test_enter_and_double_click_choose_the_selected_item() -> None:
    async with showing(linear()) as (app, pilot):
        await pilot.press("down", "enter")
        assert app.told == [("selected", "step", "ingest"), ("chosen", "step", "ingest")]
        await pilot.click(GraphPane, offset=(45, 3), times=2)
        assert app.told[-1] == ("chosen", "step", "ingest")


async def test_keys_walk_along_the_lines_and_to_the_side() -> None:
    async with showing(fan_out()) as (app, pilot):
        await pilot.press("home", "down", "down", "right", "l", "h", "up", "k")
        names = [name for *_, name in app.told]
        assert names[:3] == ["dispatch", "ImageJob", "caption_image"]
        assert names[3:] == ["transcribe_audio", "caption_image", "ImageJob", "dispatch"]


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith("tangle")])
async def test_every_item_can_be_reached_with_the_arrow_keys(name: str) -> None:
    async with showing(SAMPLES[name](), 120, 60) as (app, _pilot):
        items = app.pane.picture.items
        reached, waiting = {items[0]}, [items[0]]
        while waiting:
            here = waiting.pop()
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                there = neighbour(items, here, dx, dy)
                if there and there not in reached:
                    reached.add(there)
                    waiting.append(there)
        assert reached == set(items)


async def test_states_are_told_by_glyph_and_nothing_moves() -> None:
    async with showing(react()) as (app, _pilot):
        before = screen(app)
        app.pane.sync(
            {
                "init_run": doing("init_run", finished=1),
                "setup_agent": doing("setup_agent", retrying=1),
                "run_agent_step": doing("run_agent_step", "running", workers=4, queued=3),
                "parse_agent_output": doing("parse_agent_output", "waiting", workers=1),
                "call_tool": doing("call_tool", "held", workers=1),
                "aggregate_tool_results": doing("aggregate_tool_results", failed=1, finished=2),
            }
        )
        for shown in ("✓ init_run", "↻ setup", "▸ run_", "◔ parse", "◆ call_tool", "✗ aggregate"):
            row_of(app, shown)
        after = screen(app)
        assert [len(line) for line in after] == [len(line) for line in before]
        assert any("×4╮" in line for line in after)
        assert any("+3╯" in line for line in after)
        app.pane.sync({})
        assert screen(app) == before


async def test_a_held_delivery_marks_its_step_before_a_worker_has_it() -> None:
    async with showing(linear()) as (app, _pilot):
        app.pane.sync({"clean": doing("clean", held=1)})
        assert "◆ clean" in row_of(app, "clean")


async def test_breakpoints_mark_steps_and_labels() -> None:
    async with showing(react()) as (app, _pilot):
        width = len(row_of(app, "call_tool"))
        app.pane.mark_breakpoints(
            [
                Breakpoint(step="call_tool"),
                Breakpoint(event="ToolCall"),
                Breakpoint(event="AgentSetup", enabled=False),
            ]
        )
        assert "│●○ call_tool" in row_of(app, "call_tool")
        assert "│●ToolCall" in row_of(app, "●ToolCall")
        assert "│ AgentSetup" in row_of(app, "AgentSetup")
        assert len(row_of(app, "call_tool")) == width
        app.pane.mark_breakpoints([])
        assert "●○" not in "".join(screen(app))


async def test_breakpoints_in_ascii_and_in_compact_boxes() -> None:
    async with showing(react(), 60, 20, ascii_only=True) as (app, _pilot):
        app.pane.mark_breakpoints([Breakpoint(step="call_tool"), Breakpoint(event="ToolCall")])
        assert "*o call_tool]" in row_of(app, "call_tool]")
        assert "v*ToolCall" in row_of(app, "*ToolCall")
        assert all(line.isascii() for line in screen(app))


async def test_a_one_line_box_says_how_many_workers_run() -> None:
    async with showing(react(), 60, 20) as (app, _pilot):
        for workers, shown in ((1, "▸ call_tool]"), (3, "3 call_tool]"), (12, "+ call_tool]")):
            app.pane.sync({"call_tool": doing("call_tool", workers=workers)})
            row_of(app, shown)


async def test_an_open_question_shows_at_the_human() -> None:
    async with showing(human()) as (app, _pilot):
        app.pane.sync({}, asked=True)
        row_of(app, "? human")
        app.pane.sync({})
        row_of(app, "◌ human")


async def test_passed_events_are_counted_at_the_label() -> None:
    async with showing(linear()) as (app, _pilot):
        drawing = app.pane.picture.drawing
        app.pane.sync({}, {("start", "StartEvent", "ingest"): 3})
        assert "StartEvent 3" in row_of(app, "StartEvent")
        assert app.pane.picture.drawing is drawing


async def test_an_edge_seen_only_at_run_time_is_added_dotted_and_the_selection_stays() -> None:
    async with showing(linear()) as (app, pilot):
        assert app.pane.select("step", "embed")
        app.pane.sync({}, {("report", "Again", "clean"): 1, ("you", "Injected", "clean"): 1})
        await pilot.pause()
        picture = "\n".join(screen(app))
        assert "┊ Again" in picture
        assert "┈" in picture
        assert "Injected" not in picture
        assert app.pane.selected
        assert app.pane.selected.name == "embed"
        drawing = app.pane.picture.drawing
        app.pane.sync({}, {("report", "Again", "clean"): 2})
        assert app.pane.picture.drawing is drawing


async def test_the_selected_box_is_told_by_its_border() -> None:
    async with showing(linear()) as (app, pilot):
        await pilot.press("home")
        assert "┃ ○ ingest ┃" in row_of(app, "ingest")
        assert app.told == [("selected", "step", "ingest")]


async def test_selecting_from_outside_tells_nobody() -> None:
    async with showing(linear()) as (app, pilot):
        assert app.pane.select("event", "DocsClean")
        assert not app.pane.select("step", "nowhere")
        await pilot.pause()
        assert app.told == []


async def test_resizing_changes_the_level_of_detail() -> None:
    async with showing(branch_loop(), 60, 30) as (app, pilot):
        assert "╭──────▼──────╮" in "\n".join(screen(app))
        await pilot.resize_terminal(60, 14)
        await pilot.pause()
        assert "[○ judge]" in "\n".join(screen(app))


async def test_a_tiny_pane_shows_a_step_and_follows_the_one_at_work() -> None:
    async with showing(react(), 20, 5) as (app, pilot):
        assert "init_run" in "\n".join(screen(app))
        app.pane.sync({"call_tool": doing("call_tool", "running", workers=1)})
        await pilot.pause()
        row_of(app, "▸ call_tool")


async def test_following_ends_when_the_person_scrolls_and_begins_with_the_next_run() -> None:
    async with showing(react(), 40, 6) as (app, pilot):
        await pilot.press("pagedown")
        seen = app.pane.scroll_offset
        app.pane.sync({"init_run": doing("init_run", "running", workers=1, finished=5)})
        await pilot.pause()
        assert app.pane.scroll_offset == seen
        app.pane.sync({"init_run": doing("init_run", "running", workers=1)})
        await pilot.pause()
        row_of(app, "▸ init_run")


async def test_no_graph_and_no_steps_are_no_fault() -> None:
    async with showing(None) as (app, pilot):
        app.pane.sync({"ghost": doing("ghost", "running", workers=1)}, {("a", "E", "b"): 1})
        app.pane.show(FlowGraph(name="Empty"))
        await pilot.pause()
        assert "no steps" in screen(app)[0]
        await pilot.press("down", "enter", "home")
        assert app.told == []


async def test_a_large_graph_is_laid_out_aside_and_can_be_replaced() -> None:
    async with showing(tangle(30, 7, 3), 100, 30) as (app, pilot):
        assert app.pane.picture
        assert len(app.pane.picture.drawing.boxes) >= 30
        app.pane.show(tangle(40, 3, 2))
        app.pane.show(mixed())
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "grade" in "\n".join(app.pane.picture.text())


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "nord"])
async def test_states_differ_in_colour_on_every_theme(theme: str) -> None:
    async with showing(linear()) as (app, pilot):
        app.theme = theme
        app.pane.sync({"clean": doing("clean", failed=1), "embed": doing("embed", finished=1)})
        await pilot.pause()
        colours = {}
        for y in range(app.pane.size.height):
            for segment in app.pane.render_line(y):
                for name in ("clean", "embed"):
                    if name in segment.text and segment.style:
                        colours[name] = segment.style.color
        assert colours["clean"] != colours["embed"]


async def test_only_what_changed_is_drawn_again() -> None:
    async with showing(linear()) as (app, _pilot):
        picture = app.pane.picture
        assert picture.set_faces(picture_faces(app)) == set()
        changed = picture.set_faces({**picture_faces(app), "clean": BoxFace(state="running")})
        box = picture.drawing.boxes["clean"]
        assert changed == set(range(box.y, box.y + box.height))


def picture_faces(app: Harness) -> dict[str, BoxFace]:
    return {name: BoxFace() for name in app.pane.picture.drawing.boxes}
