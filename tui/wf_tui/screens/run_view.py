"""One run on the screen: which one, what is selected in it, and all panes kept in step with it."""

from __future__ import annotations

import time
from typing import Any, Literal

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.session import Change, PostMortem, Session
from wf_debug.trace.live import LiveState, RunState
from wf_debug.trace.recording import Recording
from wf_debug.trace.records import Held
from wf_debug.trace.rows import TimelineFilter
from wf_tui.run_clock import RunClock
from wf_tui.screens import reading
from wf_tui.screens.layout import EVERYWHERE, PaneName
from wf_tui.selection import NOTHING, Selection
from wf_tui.widgets.footer import Footer
from wf_tui.widgets.graph_pane import GraphPane
from wf_tui.widgets.header import Banner, Header
from wf_tui.widgets.inspector import Inspector
from wf_tui.widgets.lanes import Lanes
from wf_tui.widgets.line_list import LineList
from wf_tui.widgets.logs import Logs
from wf_tui.widgets.panes import Panes
from wf_tui.widgets.text_lines import TextLines
from wf_tui.widgets.timeline import Timeline

FRAME = 1 / 30
"""Seconds between two looks at what came in."""
CLOCK = 0.25
"""Seconds between two repaints of running clocks, and of counts that nobody can read faster."""
_SHARE = 4.0
"""Keeping up, painting included, takes at most one part in so many of the time: keys and the session need
theirs."""
_LATEST = 0.1
"""Seconds after which it is done in any case, whatever else took the time."""


class RunView(Screen[None]):
    """The panes over a session or recording. What the person does beyond looking is the main screen's."""

    def __init__(self) -> None:
        super().__init__()
        self.selection = NOTHING
        self.run_id: str | None = None
        self.only_problems = False
        self._source: Session | PostMortem | None = None
        self._changed = False
        self._pinned_run: str | None = None
        self._graph_shown: FlowGraph | None = None
        self._clock = RunClock()
        self._clock_due = 0.0
        self._count_due = 0.0
        self._counted = 0
        self._synced_at = 0.0
        self._synced_cpu = 0.0
        self._filter_text = ""

    def compose(self) -> ComposeResult:
        yield Header()
        yield Banner()
        yield Panes(id="panes")
        yield TextLines(id="failure")
        yield Footer()

    def on_mount(self) -> None:
        self.set_interval(FRAME, self._tick)

    # -- what the main screen adds
    def after_sync(self) -> None:
        """The panes are up to date."""

    def after_select(self) -> None:
        """Something else is selected."""

    def tell_fault(self, text: str) -> None:
        """The display failed; it goes on."""
        raise NotImplementedError

    def look_closer(self) -> None:
        """Enter on a row or a step."""
        self.panes.go_to("inspector")

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

    # -- what is shown
    @property
    def has_session(self) -> bool:
        return isinstance(self._source, Session)

    @property
    def recording(self) -> Recording:
        """What is shown; commands that need it are refused before there is any."""
        assert self._source is not None
        return self._source.recording

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
        """Of the shown run's workflow, else of the chosen one."""
        if self._source is None:
            return None
        run = self.run
        if run is not None and self._follows_run() and (found := self._source.graph_of(run.workflow)):
            return found
        return self._source.workflow.graph if self._source.workflow else self._source.recording.meta.graph

    def _follows_run(self) -> bool:
        """Whether the drawing is of what the shown run runs, rather than of what `r` would run."""
        return self._pinned_run is not None or not self.has_session or self.session.is_script

    @property
    def chosen_hold(self) -> Held | None:
        """The selected held event, else the oldest one of the shown run, else the oldest of all."""
        holds = self.live.holds
        if self.selection.hold is not None and self.selection.hold in holds:
            return holds[self.selection.hold]
        return next(iter([*reading.holds_of(self.live, self.run_id), *list(holds.values())]), None)

    def show_workflow(self) -> None:
        """The workflow, or its definition, is another one: draw it anew."""
        if self._source is None:
            return
        self._graph_shown = graph = self.graph
        self.graph_pane.show(graph)
        self.inspector.show(self._source.recording, graph)
        self.logs.show_steps([step.name for step in graph.steps] if graph else [])
        self.breakpoints_changed()

    def breakpoints_changed(self) -> None:
        """Mark the event types and steps that have one."""
        if not self.has_session:
            return
        known = self.session.breakpoints
        self.timeline.list.stops = frozenset(b.event for b in known if b.event and b.enabled)
        self.timeline.list.refresh()
        self.graph_pane.mark_breakpoints(known)
        self._changed = True

    def show_run(self, run: str) -> None:
        """Show this run until another is chosen."""
        self._pinned_run = run
        self._adopt_run()
        self._changed = True

    def show_chosen(self) -> None:
        """Draw the chosen workflow, whatever has run."""
        self._pinned_run = None
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
        if self.graph is not self._graph_shown:
            self.show_workflow()

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
            if self._source is not None:
                self._catch_up()
        except Exception as error:  # what fails here must be seen, and must not end the application
            self.tell_fault(f"the display failed: {type(error).__name__}: {error}")

    def _catch_up(self) -> None:
        now, cpu = time.monotonic(), time.thread_time()
        if self._changed and now - self._synced_at >= min(_SHARE * (cpu - self._synced_cpu), _LATEST):
            self._changed = False
            self._synced_at, self._synced_cpu, self._clock_due = now, cpu, now + CLOCK
            self._sync()
        elif now >= self._clock_due:
            self._clock_due = now + CLOCK
            self._show_clocks()
            self._count()
            self._show_titles()

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
        self._select(self._selected_now())
        self.inspector.sync()
        going = self.has_session and run is not None and run.status == "running"
        if not going or self._synced_at >= self._count_due:
            self._count()
        self._show_titles()
        self.after_sync()

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
        wall = reading.wall_now(self._source, self.run)
        self.lanes.show(reading.lanes_of(self.graph, self.live, self.run_id, wall))
        self.query_one(Header).heads = reading.heads_of(self._source, self.run, now, self.run_id)

    def _count(self) -> None:
        """A title is part of its pane's border, and painting it paints the pane: not at every row."""
        self._counted, self._count_due = self.timeline.list.count, time.monotonic() + CLOCK

    def _show_titles(self) -> None:
        rows, panes = self.timeline.list, self.panes
        asked = " ".join(p for p in (self._filter_text, "problems only" if self.only_problems else "") if p)
        extra = {
            "timeline": f"{self._counted:,}" + (f" match {asked}" if asked else ""),
            "inspector": self.selection.describe(),
        }
        if panes.mode == "tiny":
            extra[panes.focused] = "1-5 other panes"
        for name in EVERYWHERE:
            panes.pane(name).set_title(extra.get(name, ""))
        panes.pane("timeline").set_subtitle("" if rows.tail else "G newest")

    # -- selecting
    def _select(self, chosen: Selection) -> None:
        if chosen == self.selection:
            return
        self.selection = chosen
        self.inspector.choose(chosen)
        self.logs.choose(chosen.step, None if chosen.origin == "graph" else chosen.invocation)
        if chosen.origin in ("timeline", "lanes", "logs") and chosen.step:
            self.graph_pane.select("step", chosen.step)
        self._show_titles()
        self.after_select()

    def _selected_now(self) -> Selection:
        """What the selection points at by now: a step or worker goes on to other events."""
        chosen = self.selection
        if chosen.origin == "auto":
            return self._row_selection("auto")
        if chosen.origin == "graph" and chosen.step:
            return reading.selection_of_step(chosen.step, self.live, self.run_id)
        if chosen.origin == "lanes" and (lane := self.lanes.selected) is not None:
            return reading.selection_of_lane(lane, self.lanes.selected_cell, self.live, self.run_id)
        return chosen

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
            self.look_closer()
        elif event.kind == "event":
            self._select(Selection("graph", self.run_id, type=event.name))
        else:
            self._select(reading.selection_of_step(event.name, self.live, self.run_id))

    def on_line_list_activated(self, event: LineList.Activated) -> None:
        if event.source is not self.inspector.lines:
            self.look_closer()

    def follow(self) -> None:
        """Back to what happens: the newest rows, and the selection that comes with them."""
        self.selection = NOTHING
        self.timeline.list.follow_tail()
        self.logs.list.follow_tail()
        self._changed = True

    # -- filter, size, copying
    def on_timeline_filtered(self, event: Timeline.Filtered) -> None:
        self._filter_text = event.text
        self._refilter()

    def toggle_problems(self) -> None:
        self.only_problems = not self.only_problems
        self._refilter()

    def _refilter(self) -> None:
        """The selected row stays the selected one, among its neighbours, unless the filter hides it."""
        chosen = self.selection
        self._show_rows()
        if chosen.origin != "timeline" or chosen.seq is None:
            return
        if not self.timeline.list.reveal_seq(chosen.seq):
            self.selection = NOTHING

    def on_resize(self, event: events.Resize) -> None:
        self.panes.fit_to(event.size.width, event.size.height)
        self._show_titles()

    def on_panes_focused(self) -> None:
        self._show_titles()

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
