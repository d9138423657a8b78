"""The main screen: five panes over one session or recording, and the timer that keeps them up to date."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen, Screen

from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.session import Change, PostMortem, ReloadReport, Session, SessionError
from wf_debug.trace.live import LiveState, RunState
from wf_debug.trace.records import Held
from wf_debug.trace.rows import TimelineFilter
from wf_debug.wire import WireError
from wf_tui.commands import BY_ID, COMMANDS, Command, footer, key_names
from wf_tui.describe.failure import failure_lines, in_one_line, problem_line
from wf_tui.run_clock import RunClock
from wf_tui.screens import polling, reading
from wf_tui.screens.layout import PaneName
from wf_tui.selection import NOTHING, Selection
from wf_tui.situation import Situation
from wf_tui.widgets.footer import Footer
from wf_tui.widgets.graph_pane import GraphPane
from wf_tui.widgets.header import Banner, Header, Heads
from wf_tui.widgets.inspector import Inspector
from wf_tui.widgets.lanes import Lanes
from wf_tui.widgets.line_list import LineList
from wf_tui.widgets.logs import Logs
from wf_tui.widgets.panes import Panes
from wf_tui.widgets.text_lines import TextLines
from wf_tui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from wf_tui.app import WfApp

Result = TypeVar("Result")
FRAME = 1 / 30
"""Seconds between two looks at what came in."""
CLOCK = 0.25
"""Seconds between two repaints of running clocks."""
_RELOADED = {"swapped": "later steps run the new code", "restarted": "in a fresh host"}
POLL = 1.0
"""Seconds between two questions to the host: does its loop turn, what is the state."""


class MainScreen(Screen[None]):
    """Knows which run is shown and what is selected; keeps the panes in step; carries out commands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(c.keys, f"command({c.id!r})", c.label, show=False, id=c.id, tooltip=c.help) for c in COMMANDS
    ]
    AUTO_FOCUS = "#timeline"

    class Loaded(Message):
        """The flow, or the recording, can be worked with."""

    def __init__(self, target: Path) -> None:
        super().__init__()
        self.selection = NOTHING
        self.run_id: str | None = None
        self.only_problems = False
        self._target = target
        self._source: Session | PostMortem | None = None
        self._changed = False
        self._pinned_run: str | None = None
        self._clock = RunClock()
        self._clock_due = 0.0
        self._filter_text = ""
        self._failure: WireError | None = None
        self._reload_error = ""
        self._blocked = ""
        self._fault = ""
        self._asked: set[int] = set()
        self._state_shown: tuple[str | None, float] | None = None

    def compose(self) -> ComposeResult:
        yield Header()
        yield Banner()
        yield Panes(id="panes")
        yield TextLines(id="failure")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Header).heads = Heads(flow=self._target.name, state="loading")
        self._show_footer()
        self.set_interval(FRAME, self._tick)
        self.set_interval(POLL, self._poll)

    # -- parts
    @property
    def panes(self) -> Panes:
        return self.query_one(Panes)

    @property
    def timeline(self) -> Timeline:
        return self.query_one(Timeline)

    @property
    def inspector(self) -> Inspector:
        return self.query_one(Inspector)

    @property
    def lanes(self) -> Lanes:
        return self.query_one(Lanes)

    @property
    def logs(self) -> Logs:
        return self.query_one(Logs)

    @property
    def graph_pane(self) -> GraphPane:
        return self.query_one(GraphPane)

    @property
    def zoomed(self) -> bool:
        return self.panes.zoomed

    @property
    def focused_pane(self) -> PaneName:
        return self.panes.focused

    # -- what is debugged
    @property
    def has_session(self) -> bool:
        return isinstance(self._source, Session)

    @property
    def session(self) -> Session:
        """The session; commands that need one are refused before when there is none."""
        assert isinstance(self._source, Session)
        return self._source

    @property
    def live(self) -> LiveState:
        assert self._source is not None
        return self._source.live

    @property
    def run(self) -> RunState | None:
        """The run that is shown."""
        return self._source.live.runs.get(self.run_id) if self._source is not None and self.run_id else None

    @property
    def graph(self) -> FlowGraph | None:
        if self._source is None:
            return None
        return self._source.workflow.graph if self._source.workflow else self._source.recording.meta.graph

    @property
    def chosen_hold(self) -> Held | None:
        """The selected held event, else the oldest one of the shown run, else the oldest of all."""
        holds = self.live.holds
        if self.selection.hold is not None and self.selection.hold in holds:
            return holds[self.selection.hold]
        return next(iter([*reading.holds_of(self.live, self.run_id), *list(holds.values())]), None)

    def attach(self, source: Session | PostMortem) -> None:
        """Show this session or recording."""
        self._source = source
        if isinstance(source, Session):
            source.on_change.append(self._on_change)
            source.on_reload.append(self._on_reload)
        self._show_rows()

    def loaded(self) -> None:
        """The flow is there: show its workflow in place of what was wrong before."""
        if self._failure is not None:
            self._failure = None
            self.remove_class("-failed")
            self.panes.go_to("timeline")
        self.timeline.list.ready = True
        self.show_workflow()
        self.post_message(self.Loaded())

    def fail(self, error: WireError) -> None:
        """The flow does not load: say all about it in place of the panes."""
        self._failure = error
        self.add_class("-failed")
        self.query_one("#failure", TextLines).show(failure_lines(error))
        self.query_one("#failure").focus()
        self.query_one(Header).heads = Heads(flow=self._target.name, state="error")
        self._show_footer()

    def reopen(self) -> None:
        """Try again to open what could not even be begun."""
        self.query_one(Header).heads = Heads(flow=self._target.name, state="loading")
        cast("WfApp", self.app).open_flow()

    def show_workflow(self) -> None:
        """The workflow, or its definition, is another one: draw it anew."""
        if self._source is None:
            return
        graph = self.graph
        self.graph_pane.show(graph)
        self.inspector.show(self._source.recording, graph)
        self.logs.show_steps([step.name for step in graph.steps] if graph else [])
        self.breakpoints_changed()

    def show_run(self, run: str) -> None:
        """Show this run until another is chosen."""
        self._pinned_run = run
        self._adopt_run()
        self._changed = True

    def _adopt_run(self) -> None:
        live = self.live
        wanted = self._pinned_run if self._pinned_run in live.runs else reading.newest_run(live)
        if wanted != self.run_id:
            self.run_id = wanted
            self.follow()
            self._show_rows()
        elif (self._rows_filter().run is None) != (self.timeline.list.filter.run is None):
            self._show_rows()

    def _rows_filter(self) -> TimelineFilter:
        """With one run everything is shown, with several the chosen one."""
        run = self.run_id if len(self.live.runs) > 1 else None
        return TimelineFilter(text=self._filter_text, run=run, only_problems=self.only_problems)

    def _show_rows(self) -> None:
        if self._source is None:
            return
        wanted = self._rows_filter()
        self.timeline.list.show(self._source.recording, wanted)
        self.logs.show(self._source.recording, wanted.run)
        self._changed = True

    # -- keeping the panes in step
    def _on_change(self, _change: Change) -> None:
        """Called in the session's reader thread."""
        self._changed = True

    def _tick(self) -> None:
        try:
            if self._source is not None and self._failure is None:
                self._catch_up()
        except Exception as error:  # what fails here must be seen, and must not end the application
            self._fault = f"the display failed: {type(error).__name__}: {error}"
            self.log.error(self._fault)
            self._show_banner()

    def _catch_up(self) -> None:
        now = time.monotonic()
        if self._changed:
            self._changed = False
            self._sync()
            self._clock_due = now + CLOCK
        elif now >= self._clock_due:
            self._clock_due = now + CLOCK
            self._show_clocks()

    def _sync(self) -> None:
        """Something was recorded."""
        self._adopt_run()
        run, live = self.run, self.live
        if run is not None:
            self._clock.heard(run.run, run.t, live.paused or run.status != "running")
        holds = reading.holds_of(live, self.run_id)
        self.timeline.list.held_seq = holds[0].seq if holds else None
        self._mark_held_row(holds)
        self.timeline.list.sync()
        self.logs.list.sync()
        self._show_clocks()
        if self.run_id is not None:
            counts = live.edge_counts(self.run_id)
            self.graph_pane.sync(live.steps(self.run_id), counts, bool(live.prompts))
        if self.selection.origin == "auto":
            self._select(self._row_selection("auto"))
        self.inspector.sync()
        self._show_titles()
        self._show_footer()
        self._show_banner()
        self._ask_person()

    def _mark_held_row(self, holds: list[Held]) -> None:
        """The row of the oldest held event, found by the event's own record."""
        rows = self.timeline.list
        rows.held_seq = None
        if holds and holds[0].event is not None and self._source is not None:
            detail = self._source.recording.event(holds[0].run, holds[0].event)
            rows.held_seq = detail.emitted.seq if detail else None

    def _show_clocks(self) -> None:
        if self._source is None:
            return
        now = self._clock.now()
        self.lanes.show(reading.lanes_of(self.graph, self.live, self.run_id, now))
        self.query_one(Header).heads = reading.heads_of(self._source, self.run, now, self.run_id)

    def _show_titles(self) -> None:
        rows, panes = self.timeline.list, self.panes
        asked = " ".join(p for p in (self._filter_text, "problems only" if self.only_problems else "") if p)
        panes.pane("timeline").set_title(f"{rows.count:,}" + (f" match {asked}" if asked else ""))
        panes.pane("timeline").set_subtitle("" if rows.tail else "G newest")
        panes.pane("inspector").set_title(self.selection.describe())
        if panes.mode == "tiny":
            panes.pane(panes.focused).set_title("1-5: other panes")

    def _show_footer(self) -> None:
        self.query_one(Footer).commands = tuple(footer(self.situation()))

    def _show_banner(self) -> None:
        """What needs attention most."""
        error = self._fault or self._reload_error
        self.query_one(Banner).show(error or self._blocked or self._problem(), error=bool(error))

    def _problem(self) -> str:
        source = self._source
        if not isinstance(source, Session):
            return ""
        if source.status.state in ("crashed", "closed", "error"):
            return f"{source.status.message} (ctrl+shift+r starts a new host)"
        info = source.workflow
        return next((problem_line(p) for p in info.problems if p.fatal), "") if info else ""

    def _ask_person(self) -> None:
        """A new question opens its dialog, unless the person is in another."""
        new = [p for p in list(self.live.prompts) if p.id not in self._asked]
        if new and self.app.screen is self and self.has_session:
            self._asked.update(p.id for p in new)
            self.action_command("answer")

    # -- asking the host
    def _poll(self) -> None:
        if self._source is not None and self._failure is None:
            self.run_worker(self._ask(self._source), group="poll", exclusive=True, exit_on_error=False)

    async def _ask(self, source: Session | PostMortem) -> None:
        self._blocked = await polling.blocked_text(source, self.run)
        self._show_banner()
        if self.inspector.tabs.active == "state" and self._state_shown != (now := self._state_key()):
            self.inspector.show_state(await polling.state_of(source, self.run))
            self._state_shown = now

    def _state_key(self) -> tuple[str | None, float]:
        """The run and where it stands: asked for again only when something happened since."""
        run = self.run
        return (run.run, run.t + len(run.status)) if run else (None, 0.0)

    def _on_reload(self, report: ReloadReport) -> None:
        self.run_worker(self.take_report(report, asked=False), exit_on_error=False)

    async def take_report(self, report: ReloadReport, *, asked: bool = True) -> None:
        """Tell how a reload went; ask before anything is lost."""
        if report.outcome == "failed" and self._failure is not None and report.error is not None:
            self.fail(report.error)
        elif report.outcome == "failed":
            self._reload_error = "not reloaded: " + (
                in_one_line(report.error) if report.error else report.detail
            )
        elif report.outcome == "ask":
            from wf_tui.screens.loss import LossDialog

            self._reload_error = ""
            if await self.ask(LossDialog(report)):
                await self.take_report(await self.session.accept_loss())
            return
        elif report.outcome != "unchanged":
            self._reload_error = ""
            self.loaded()
            files = ", ".join(report.files) or "the flow"
            self.say(f"reloaded {files}: {report.detail or _RELOADED[report.outcome]}")
        elif asked:
            self.say("nothing changed since the last load")
        self._show_banner()

    # -- selecting
    def _select(self, chosen: Selection) -> None:
        if chosen == self.selection:
            return
        self.selection = chosen
        self.inspector.choose(chosen)
        self.logs.choose(chosen.step, chosen.invocation)
        if chosen.origin in ("timeline", "lanes", "logs") and chosen.step:
            self.graph_pane.select("step", chosen.step)
        self._show_titles()
        self._show_footer()

    def _row_selection(self, origin: Literal["auto", "timeline"]) -> Selection:
        row = self.timeline.list.selected
        if row is None or self._source is None:
            return NOTHING
        detail = self._source.recording.event(row.run, row.event) if row.event is not None else None
        return reading.selection_of_row(row, self.live, detail.invocations if detail else (), origin)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        source: LineList[Any] = event.source
        if source is self.timeline.list:
            self._select(self._row_selection("timeline"))
        elif source is self.lanes and (lane := self.lanes.selected) is not None:
            self._select(reading.selection_of_lane(lane, self.lanes.selected_cell, self.live, self.run_id))
        elif source is self.logs.list and (row := self.logs.list.selected) is not None:
            self._select(Selection("logs", row.run or None, row.seq, None, None, row.invocation, row.step))

    def on_graph_pane_selected(self, event: GraphPane.Selected) -> None:
        """A step or event type of the drawing; with a step, its oldest unfinished invocation."""
        if isinstance(event, GraphPane.Chosen):
            self._look_closer()
        elif event.kind == "event":
            self._select(Selection("graph", self.run_id, type=event.name))
        else:
            self._select(reading.selection_of_step(event.name, self.live, self.run_id))

    def on_line_list_activated(self, event: LineList.Activated) -> None:
        if event.source is not self.inspector.lines:
            self._look_closer()

    def _look_closer(self) -> None:
        """Enter: an open question first, else the inspector."""
        if self._source is not None and self.live.prompts and self.has_session:
            self.action_command("answer")
        else:
            self.panes.go_to("inspector")

    def follow(self) -> None:
        """Back to what happens: the newest rows, and the selection that comes with them."""
        self.selection = NOTHING
        self.timeline.list.follow_tail()
        self.logs.list.follow_tail()
        self._changed = True

    # -- filter, zoom, size
    def on_timeline_filtered(self, event: Timeline.Filtered) -> None:
        self._filter_text = event.text
        self._show_rows()

    def toggle_problems(self) -> None:
        self.only_problems = not self.only_problems
        self._show_rows()

    def on_resize(self, event: events.Resize) -> None:
        self.panes.fit_to(event.size.width, event.size.height)

    # -- commands
    def situation(self) -> Situation:
        return reading.situation_of(self._source, self.run, self.selection, self._failure is not None)

    def action_command(self, name: str) -> None:
        """Carry out a command, or say why not."""
        command = BY_ID[name]
        reason = command.why_not(self.situation())
        if reason is not None:
            self.say(f"{key_names(command)[0]} {command.label}: {reason}", "warning")
            return
        self.run_worker(self._carry_out(command), group=f"command-{name}", exit_on_error=False)

    async def _carry_out(self, command: Command) -> None:
        try:
            await command.act(self)
        except SessionError as error:
            self.say(in_one_line(error.error), "error")
        except Exception as error:
            self._fault = f"{command.label} failed: {type(error).__name__}: {error}"
            self.log.error(self._fault)
            self._show_banner()
        self._changed = True

    def on_footer_clicked(self, event: Footer.Clicked) -> None:
        self.action_command(event.command.id)

    async def ask(self, dialog: ModalScreen[Result]) -> Result | None:
        """Show a dialog and wait for its answer; None when it was dismissed."""
        return await self.app.push_screen_wait(dialog)

    async def confirm(self, question: str, detail: str, yes: str) -> bool:
        from wf_tui.screens.confirm import ConfirmDialog

        answer: bool | None = await self.ask(ConfirmDialog(question, detail, yes, "No"))
        return answer is True

    def say(self, text: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        """A passing remark."""
        self.notify(text, severity=severity, timeout=4 if severity != "error" else 8, markup=False)

    def breakpoints_changed(self) -> None:
        """Mark the event types and steps that have one."""
        if not self.has_session:
            return
        known = self.session.breakpoints
        self.timeline.list.stops = frozenset(b.event for b in known if b.event and b.enabled)
        self.timeline.list.refresh()
        self.graph_pane.mark_breakpoints(known)
        self._changed = True

    # -- copying and leaving
    def source_place(self) -> SourceRef | None:
        return self.inspector.source_place()

    def copyable(self) -> tuple[str, str]:
        """The text that `y` copies in this pane, and what it is."""
        if self.focused_pane == "logs":
            row = self.logs.list.selected
            return (row.text, "the log line") if row else ("", "")
        if self.focused_pane in ("graph", "lanes") and (place := self.source_place()) is not None:
            return str(place), "the source place"
        return self.inspector.copy_text, f"the inspector's {self.inspector.tabs.active} tab"

    def exit_code(self) -> int:
        """2 for a flow that never loaded, as the command line says it."""
        return 2 if self._failure is not None else 0
