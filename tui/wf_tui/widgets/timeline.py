"""The event timeline: a virtual list over the recording, with columns that adapt to the width."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from wf_debug.trace.recording import Recording
from wf_debug.trace.rows import TimelineFilter, TimelineRow
from wf_tui import look
from wf_tui.look import Cell, Line, fit
from wf_tui.widgets.line_list import LineList

FILTER_HINT = "words, type:X, step:Y, kind:Z"


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in cells; 0 leaves a column out."""

    time: int
    type: int
    preview: int
    route: int
    duration: int
    """0: a known duration stands in place of the outcome's word."""
    outcome: int


@lru_cache(maxsize=32)
def columns(width: int) -> Columns:
    """How a row of this width is divided: event and outcome always, the rest as there is room."""
    time = 8 if width >= 72 or 44 <= width < 60 else 6 if width >= 34 else 0
    duration = 6 if width >= 96 else 0
    outcome = 11 if width >= 52 else 1
    kind = max(10, min(24, width // 5 if width >= 60 else width // 4))
    route = min(36, width // 4) if width >= 60 else 0
    used = sum(part + 1 for part in (time, duration, outcome, route) if part) + kind + 3
    preview = width - used
    if preview < 6:
        kind, preview = kind + preview, 0
    return Columns(time, max(kind, 1), preview, route, duration, outcome)


class TimelineList(LineList[TimelineRow]):
    """Rows of the recording that pass the filter, oldest first."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._recording: Recording | None = None
        self._filter = TimelineFilter()
        self.stops: frozenset[str] = frozenset()
        """Event types with a breakpoint."""
        self.ready = False
        """Whether a run can be started, so that an empty list says how."""
        self.held_seq: int | None = None
        """The oldest held event's record: where the cursor rests while the tail is followed."""

    def show(self, recording: Recording, timeline_filter: TimelineFilter) -> None:
        """Show these rows from now on."""
        if self._recording is recording and self._filter == timeline_filter:
            return
        self._recording, self._filter = recording, timeline_filter
        self.restart()

    @property
    def filter(self) -> TimelineFilter:
        """What rows are shown."""
        return self._filter

    def length(self) -> int:
        return self._recording.timeline_count(self._filter) if self._recording else 0

    def fetch(self, start: int, limit: int) -> Sequence[TimelineRow]:
        return self._recording.timeline(self._filter, start, limit) if self._recording else ()

    @property
    def when_empty(self) -> str:
        if not self.ready:
            return ""
        if self._filter.text or self._filter.only_problems:
            return "no row matches: esc clears the filter"
        return "nothing has happened yet: r starts a run"

    @property
    def rests_visibly(self) -> bool:
        """Always: the inspector shows the row under the cursor."""
        return True

    def tail_cursor(self) -> int:
        if self.held_seq is not None and self._recording is not None:
            held = self._recording.position_of(self.held_seq, self._filter)
            if held is not None:
                return held
        return super().tail_cursor()

    def reveal_seq(self, seq: int) -> bool:
        """Put the cursor on the row of this record; False when the filter hides it."""
        position = self._recording.position_of(seq, self._filter) if self._recording else None
        if position is None:
            return False
        self._count = self.length()
        self.go_to(position)
        return True

    def version(self, row: TimelineRow) -> Hashable:
        return (row.seq, row.version, row.type in self.stops)

    def tinted(self, row: TimelineRow) -> bool:
        return row.outcome == "held"

    def draw(self, row: TimelineRow, width: int) -> Line:
        return draw_row(row, columns(width), row.type in self.stops)


def draw_row(row: TimelineRow, cols: Columns, stop: bool) -> Line:
    """One timeline row as a line."""
    cells: list[Cell] = []
    if cols.time:
        cells += [(_time(row.t, cols.time) if row.run else " " * cols.time, "muted"), (" ", "text")]
    cells += [_dot(row, stop), *_what(row, cols)]
    if cols.duration:
        cells += [(look.seconds(row.duration).rjust(cols.duration), "muted"), (" ", "text")]
    return (*cells, _outcome(row, cols))


def _what(row: TimelineRow, cols: Columns) -> list[Cell]:
    """Type, payload and route; what is empty leaves its room to what stands before it."""
    blank: Cell = (" ", "text")
    route = cols.route if row.producer or row.consumers else 0
    room = sum(1 + width for width in (cols.type, cols.preview, cols.route) if width) - 1
    if row.kind == "note" and cols.preview:
        return [(fit(row.preview, room), _type_tone(row)), blank]
    room -= 1 + route if route else 0
    payload = _preview(row) if cols.preview else ""
    cells: list[Cell] = [(fit(row.type, cols.type if payload else room), _type_tone(row)), blank]
    if payload:
        tone: look.Tone = "text" if row.kind != "published" else "muted"
        cells += [(fit(payload, room - cols.type - 1), tone), blank]
    return [*cells, *_route(row, route), blank] if route else cells


def _outcome(row: TimelineRow, cols: Columns) -> Cell:
    """`✓ done`, `✓ 1.2s` where the duration has no column of its own, or the glyph alone."""
    state = look.mark(row.outcome)
    if cols.outcome == 1:
        return (state.sign, state.tone)
    ended = row.outcome in ("done", "failed", "retrying")
    if ended and row.duration is not None and not cols.duration:
        return (fit(f"{state.sign} {look.seconds(row.duration)}", cols.outcome), state.tone)
    return (fit(state.cell()[0], cols.outcome), state.tone)


def _preview(row: TimelineRow) -> str:
    """The payload without the class name, which stands before it."""
    head = row.type + "("
    return (
        row.preview[len(head) : -1]
        if row.preview.startswith(head) and row.preview.endswith(")")
        else row.preview
    )


def _time(t: float, width: int) -> str:
    return look.stamp(t) if width == 8 else f"{t:6.2f}" if t < 1000 else f"{t:6.0f}"


def _dot(row: TimelineRow, stop: bool) -> Cell:
    if stop:
        return (look.BREAKPOINT.sign + " ", look.BREAKPOINT.tone)
    role = look.ROLES.get(row.kind, look.ROLES["event"])
    return (role.sign + " ", role.tone)


def _type_tone(row: TimelineRow) -> look.Tone:
    if row.kind == "error" or row.outcome == "failed":
        return "error"
    if row.kind == "note":
        return {"error": "error", "warning": "warn"}.get(row.type, "text")  # type: ignore[return-value]
    return {"event": "strong", "run": "accent", "published": "muted"}.get(row.kind, "text")  # type: ignore[return-value]


def _route(row: TimelineRow, width: int) -> list[Cell]:
    """`producer → consumer, consumer`, the consumers cut first."""
    to = ", ".join(row.consumers)
    room = width // 2 if to else width
    producer = row.producer if cell_len(row.producer) <= room else fit(row.producer, room)
    rest = f" {look.arrow()} {to}" if to else ""
    return [(producer, "muted"), (fit(rest, width - cell_len(producer)), "muted")]


class Heading(Widget):
    """Names of the timeline's columns."""

    DEFAULT_CSS = "Heading { height: 1; color: $text-disabled; }"

    def render(self) -> Content:
        cols = columns(max(self.size.width - 1, 1))
        parts = [
            ("time".rjust(cols.time), cols.time),
            ("  event", cols.type + 2),
            ("payload", cols.preview),
            (f"from {look.arrow()} to", cols.route),
            ("took".rjust(cols.duration), cols.duration),
            ("  state" if cols.outcome > 1 else "", cols.outcome),
        ]
        return Content(" ".join(fit(text, width) for text, width in parts if width))


class FilterBar(Input):
    """The filter line under the timeline."""

    DEFAULT_CSS = """
    FilterBar { height: 1; border: none; padding: 0 1; background: $boost; display: none;
        &:focus { border: none; }
        &.-open { display: block; }
    }
    """


class Timeline(Vertical):
    """Heading, rows and filter line."""

    DEFAULT_CSS = """
    Timeline { height: 1fr; }
    """

    class Filtered(Message):
        """The filter text changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def compose(self) -> ComposeResult:
        yield Heading()
        yield TimelineList(id="timeline")
        yield FilterBar(placeholder=FILTER_HINT, id="filter", compact=True)

    @property
    def list(self) -> TimelineList:
        return self.query_one(TimelineList)

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    def open_filter(self) -> None:
        """Let the person type a filter."""
        self.bar.add_class("-open")
        self.bar.focus()

    def close_filter(self) -> None:
        """Drop the filter and give the rows the focus."""
        self.bar.remove_class("-open")
        if self.bar.value:
            self.bar.value = ""
        self.list.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Filtered(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value:
            self.close_filter()
        self.list.focus()
