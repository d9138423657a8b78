"""Log lines of the whole session, of one step, or of the selected invocation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from wf_debug.trace.recording import Recording
from wf_debug.trace.rows import LogFilter, LogRow
from wf_tui import look
from wf_tui.look import Cell, Line, fit
from wf_tui.widgets.line_list import LineList
from wf_tui.widgets.tab_strip import TabStrip

ALL, CHOSEN = "all", "selection"


class LogList(LineList[LogRow]):
    """Rows of the recording's log, oldest first."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._recording: Recording | None = None
        self._filter = LogFilter()

    def show(self, recording: Recording, log_filter: LogFilter) -> None:
        """Show these lines from now on."""
        if self._recording is recording and self._filter == log_filter:
            return
        self._recording, self._filter = recording, log_filter
        self.restart()

    @property
    def filter(self) -> LogFilter:
        return self._filter

    def length(self) -> int:
        return self._recording.logs_count(self._filter) if self._recording else 0

    def fetch(self, start: int, limit: int) -> Sequence[LogRow]:
        return self._recording.logs(self._filter, start, limit) if self._recording else ()

    @property
    def when_empty(self) -> str:
        return "no log lines yet" if self._recording else ""

    def version(self, row: LogRow) -> Hashable:
        return row.seq

    def draw(self, row: LogRow, width: int) -> Line:
        return draw_log(row, width)


def draw_log(row: LogRow, width: int) -> Line:
    """`  12.345 ! rank#7    text`: moment, level, who wrote it, what."""
    level = look.LEVELS.get(row.level.lower()) or look.LEVELS.get(row.source) or look.LEVELS["info"]
    who = min(24, max(10, width // 4))
    cells: list[Cell] = [(look.stamp(row.t) + " ", "muted")] if width >= 56 else []
    cells += [(level.sign + " ", level.tone), (_author(row, who) + " ", "accent")]
    room = width - sum(len(text) for text, _ in cells)
    return (*cells, (fit(row.text, max(room, 1)), level.tone))


def _author(row: LogRow, width: int) -> str:
    """The step is cut before the number of its invocation."""
    if row.step is None:
        return fit(row.source, width)
    number = f"#{row.invocation}" if row.invocation is not None else ""
    number += f".{row.attempt}" if row.attempt else ""
    name = row.step if cell_len(row.step) + len(number) <= width else fit(row.step, width - len(number))
    return fit(name + number, width)


class Logs(Vertical):
    """Tabs (all, the selection, each step) above the lines."""

    DEFAULT_CSS = """
    Logs { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "turn(-1)", "Tab before", show=False),
        Binding("right_square_bracket", "turn(1)", "Tab after", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._recording: Recording | None = None
        self._run: str | None = None
        self._chosen: tuple[str | None, int | None] = (None, None)

    def compose(self) -> ComposeResult:
        yield TabStrip([ALL, CHOSEN])
        yield LogList(id="logs")

    @property
    def list(self) -> LogList:
        return self.query_one(LogList)

    @property
    def tabs(self) -> TabStrip:
        return self.query_one(TabStrip)

    def show(self, recording: Recording, run: str | None) -> None:
        """Lines of this run from now on (None: of all)."""
        self._recording, self._run = recording, run
        self._apply()

    def show_steps(self, steps: Sequence[str]) -> None:
        """A tab for each of these."""
        self.tabs.names = (ALL, CHOSEN, *steps)
        if self.tabs.active not in self.tabs.names:
            self.tabs.choose(ALL)

    def choose(self, step: str | None, invocation: int | None) -> None:
        """What the tab of the selection shows."""
        if (step, invocation) != self._chosen:
            self._chosen = (step, invocation)
            if self.tabs.active == CHOSEN:
                self._apply()

    def action_turn(self, by: int) -> None:
        self.tabs.turn(by)

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        event.stop()
        self._apply()

    def _apply(self) -> None:
        if self._recording is None:
            return
        tab = self.tabs.active
        if tab == ALL:
            wanted = LogFilter(run=self._run)
        elif tab == CHOSEN:
            wanted = LogFilter(step=self._chosen[0], invocation=self._chosen[1], run=self._run)
        else:
            wanted = LogFilter(step=tab, run=self._run)
        self.list.show(self._recording, wanted)
