"""Everything about the selection, in five tabs: event, step, state, source, why."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal, get_args

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.trace.recording import Recording
from wf_debug.trace.rows import ALL
from wf_tui.describe.parts import EMPTY, heading, remark
from wf_tui.describe.payload import value_lines
from wf_tui.look import Line
from wf_tui.selection import NOTHING, Selection
from wf_tui.widgets.tab_strip import TabStrip
from wf_tui.widgets.text_lines import TextLines

Tab = Literal["event", "step", "state", "source", "why"]


class Inspector(Vertical):
    """Describes the selection out of the recording; the state comes from the host by `show_state`."""

    DEFAULT_CSS = """
    Inspector { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "turn(-1)", "Tab before", show=False),
        Binding("right_square_bracket", "turn(1)", "Tab after", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._recording: Recording | None = None
        self._graph: FlowGraph | None = None
        self._chosen = NOTHING
        self._turned = False
        """Whether the step tab is open only because no event was selected."""
        self._past = False
        self._state: dict[str, Any] | str = "the state is read when this tab is open and a run is going"

    def compose(self) -> ComposeResult:
        yield TabStrip(get_args(Tab))
        yield TextLines(id="inspected")

    @property
    def lines(self) -> TextLines:
        return self.query_one(TextLines)

    @property
    def tabs(self) -> TabStrip:
        return self.query_one(TabStrip)

    def show(self, recording: Recording, graph: FlowGraph | None) -> None:
        """Where things are looked up from now on."""
        self._recording, self._graph = recording, graph
        self.sync()

    def choose(self, chosen: Selection) -> None:
        """Describe this from now on; the tab follows when it would be empty."""
        if chosen == self._chosen:
            return
        self._chosen = chosen
        tab, row = self.tabs.active, chosen.event is not None or chosen.seq is not None
        if tab == "event" and not row and chosen.step:
            self.tabs.active, self._turned = "step", True
        elif tab == "step" and row and (self._turned or chosen.step is None):
            self.tabs.active, self._turned = "event", False
        self._fill(keep_place=False)

    def show_tab(self, tab: Tab) -> None:
        self.tabs.active = tab
        self._fill(keep_place=False)

    def show_state(self, state: dict[str, Any] | str, *, past: bool = False) -> None:
        """The run's state, or why it cannot be had; `past`: as it was at the selected moment."""
        if (state, past) != (self._state, self._past):
            self._state, self._past = state, past
            if self.tabs.active == "state":
                self._fill(keep_place=True)

    def sync(self) -> None:
        """Something was recorded: describe again, in the same place."""
        self._fill(keep_place=True)

    def action_turn(self, by: int) -> None:
        self.tabs.turn(by)

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        event.stop()
        self._turned = False
        self._fill(keep_place=False)

    def _fill(self, *, keep_place: bool) -> None:
        if self._recording is not None:
            self.lines.show(self._describe(self._recording), keep_place=keep_place)

    def _describe(self, recording: Recording) -> list[Line]:
        match self.tabs.active:
            case "event":
                return self._event(recording)
            case "step":
                return self._step(recording)
            case "state":
                return self._state_lines()
            case "source":
                return self._source()
            case _:
                from wf_tui.describe.cause import why_lines

                return why_lines(recording, self._graph, self._chosen)

    def _event(self, recording: Recording) -> list[Line]:
        from wf_tui.describe.event import event_lines, log_lines, row_lines

        chosen = self._chosen
        if chosen.run is not None and chosen.event is not None:
            return event_lines(recording, chosen.run, chosen.event)
        if chosen.origin == "logs" and chosen.seq is not None:
            return log_lines(recording, chosen.seq)
        place = recording.position_of(chosen.seq, ALL) if chosen.seq is not None else None
        if place is not None:
            return row_lines(recording, recording.timeline(ALL, place, 1)[0])
        if chosen.type and self._graph is not None and (kind := self._graph.event(chosen.type)):
            fields = value_lines(kind.fields) if kind.fields else [remark("no fields")]
            return [heading(kind.name), *([remark(kind.doc)] if kind.doc else []), EMPTY, *fields]
        return [remark("no event is selected: choose one in the timeline (3)")]

    def _step(self, recording: Recording) -> list[Line]:
        from wf_tui.describe.step import invocation_lines, step_lines

        chosen, lines = self._chosen, []
        if chosen.run is not None and chosen.invocation is not None:
            lines = [*invocation_lines(recording, chosen.run, chosen.invocation), EMPTY]
        if chosen.step and self._graph is not None:
            lines += step_lines(self._graph, chosen.step)
        return lines or [remark("no step is selected: choose one in the graph (1) or the lanes (2)")]

    def _state_lines(self) -> list[Line]:
        if isinstance(self._state, str):
            return [remark(self._state)]
        lines = value_lines(self._state) if self._state else [remark("the state is empty")]
        then = [remark("as it was at the selected moment; G goes back to now"), EMPTY] if self._past else []
        return [*then, *lines]

    def _source(self) -> list[Line]:
        from wf_tui.describe.source import definition

        place = self.source_place()
        if place is None:
            return [remark("select a step or an event to see its source; o opens it in $EDITOR")]
        return definition(place)

    def source_place(self) -> SourceRef | None:
        """Where the selected step, else the selected event class, is written."""
        if self._graph is None:
            return None
        step = self._graph.step(self._chosen.step) if self._chosen.step else None
        kind = self._graph.event(self._chosen.type) if self._chosen.type else None
        return (step.source if step else None) or (kind.source if kind else None)

    @property
    def copy_text(self) -> str:
        """What the open tab says, as text; a state as JSON."""
        if self.tabs.active == "state" and isinstance(self._state, dict):
            return json.dumps(self._state, indent=2, ensure_ascii=False, default=str)
        return self.lines.text
