"""Parallel lanes: one row a step, one cell a worker, with the event it works on and for how long."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from wf_tui import look
from wf_tui.look import Cell, Line, fit
from wf_tui.widgets.line_list import LineList

_SLOTS_IN_STEP = 8
"""Up to so many workers the cells of all lanes stand under each other."""
_HEAD = 3
"""Cells for the mark before the label, and for what parts them."""
_EVENT, _TIME, _SHORT, _MARK = 16, 7, 5, 2
"""Least widths of a worker's cell: with event and time, with mark and time, with the time, with the mark."""
_BESIDE = 26
"""Most that the event's name takes beside the step's."""
_LEAST = 4
"""Cells from which a piece of an event's name says something."""


@dataclass(frozen=True, slots=True)
class WorkerCell:
    """One busy worker of a step."""

    worker: int
    invocation: int
    status: str
    event_type: str
    elapsed: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One step as the lanes show it."""

    step: str
    slots: int
    """Workers the step may use at once."""
    cells: tuple[WorkerCell, ...] = ()
    queued: int = 0
    held: int = 0
    """Deliveries parked before the step."""
    retrying: int = 0
    finished: int = 0
    failed: int = 0
    chosen: int = 0
    """Which of the cells the cursor is on, counted among the busy ones."""

    @property
    def places(self) -> int:
        """Worker cells that the lane has."""
        return max(self.slots, len(self.cells), 1)

    @property
    def state(self) -> str:
        """The step's one state: what needs attention comes first."""
        statuses = {cell.status for cell in self.cells}
        if self.held or "held" in statuses:
            return "held"
        for state in ("running", "waiting"):
            if state in statuses:
                return state
        if self.retrying:
            return "retrying"
        if self.queued:
            return "queued"
        return "failed" if self.failed else "done" if self.finished else "idle"


class Lanes(LineList[Lane]):
    """Rows are given whole with `show`; steps are few, their workers too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "worker(-1)", "Worker before", show=False),
        Binding("right", "worker(1)", "Worker after", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.set_reactive(LineList.tail, False)
        self._lanes: tuple[Lane, ...] = ()
        self._grid = Grid()
        self._chosen = 0
        self._touched = False

    def show(self, lanes: tuple[Lane, ...]) -> None:
        """Show these lanes; repaints only when something differs."""
        if lanes == self._lanes and self.count == len(lanes):
            return
        self._lanes = lanes
        self._grid = grid_of(lanes, self.line_width)
        self.sync()
        if self.cursor < 0 and lanes:
            self.cursor = 0

    @property
    def rests_visibly(self) -> bool:
        return self._touched

    def on_line_list_moved(self) -> None:
        self._touched = True

    @property
    def moving(self) -> bool:
        """Whether an elapsed time is running on screen."""
        return any(cell.status in ("running", "waiting") for lane in self._lanes for cell in lane.cells)

    @property
    def selected_cell(self) -> WorkerCell | None:
        """The busy worker under the cursor."""
        lane = self.selected
        if lane is None or not lane.cells:
            return None
        return lane.cells[min(self._chosen, len(lane.cells) - 1)]

    def action_worker(self, by: int) -> None:
        lane = self.selected
        if lane is not None and lane.cells:
            self._chosen = max(0, min(self._chosen + by, len(lane.cells) - 1))
            self.go_to(self.cursor)

    def action_move(self, by: int) -> None:
        self._chosen = 0
        super().action_move(by)

    def on_resize(self) -> None:
        self._grid = grid_of(self._lanes, self.line_width)

    def length(self) -> int:
        return len(self._lanes)

    def fetch(self, start: int, limit: int) -> Sequence[Lane]:
        return self._lanes[start : start + limit]

    def version(self, row: Lane) -> Hashable:
        return (row, self._grid)

    def tinted(self, row: Lane) -> bool:
        return row.state == "held"

    def draw(self, row: Lane, width: int) -> Line:
        return draw_lane(row, width, self._grid)


@dataclass(frozen=True, slots=True)
class Grid:
    """What all lanes have in common, so that their cells stand under each other: widths in cells."""

    label: int = 8
    counts: int = 0
    slots: int = 1
    """Cells a row is divided into."""
    cell: int = 2


def grid_of(lanes: tuple[Lane, ...], width: int) -> Grid:
    """The grid that suits these lanes: cells with event and time, else with the time, else with the mark."""
    longest = max((cell_len(lane.step) for lane in lanes), default=8)
    counts = max((_length(_counts(lane, width)) for lane in lanes), default=0)
    slots = min(max((lane.places for lane in lanes), default=1), _SLOTS_IN_STEP)
    label, room = min(longest, max(8, width // 3)), width - _HEAD - counts
    if room - label >= slots * _EVENT:
        return Grid(label, counts, slots, min(26, (room - label) // slots))
    cell = next((c for c in (_TIME, _SHORT) if room - slots * c >= label), _MARK)
    label = max(label, min(room - slots * cell, longest + _BESIDE))
    return Grid(label, counts, slots, max(_MARK, min((room - label) // slots, _EVENT - 1)))


def draw_lane(lane: Lane, width: int, grid: Grid) -> Line:
    """`▸ step     ▸ Query 1.2s  ▸ Query 0.3s  ·  ·     2 queued ✓12`."""
    state, counts = look.mark(lane.state), _counts(lane, width)
    room = max(width - grid.label - _HEAD - grid.counts, 0)
    gap = " " * (grid.counts - _length(counts))
    head: Cell = (f"{state.sign} ", state.tone)
    return (head, *_label(lane, grid), *_workers(lane, room, grid.cell), (gap, "text"), *counts)


def _label(lane: Lane, grid: Grid) -> list[Cell]:
    """The step; behind it what its workers are at, when their cells have no room for that."""
    name: look.Tone = "strong" if lane.cells else "text"
    room = grid.label - cell_len(lane.step) - 1
    if grid.cell >= _EVENT or not lane.cells or room < _LEAST:
        return [(fit(lane.step, grid.label) + " ", name)]
    types = ", ".join(dict.fromkeys(cell.event_type for cell in lane.cells))
    return [(f"{lane.step} ", name), (fit(types, room) + " ", "muted")]


def _length(cells: list[Cell]) -> int:
    return sum(cell_len(text) for text, _ in cells)


def _counts(lane: Lane, width: int) -> list[Cell]:
    words = width >= 60
    parts: list[Cell] = []
    if lane.held:
        parts.append((f" {look.mark('held').sign}{lane.held}" + (" held" if words else ""), "warn"))
    if lane.queued:
        parts.append((f" {lane.queued} queued" if words else f" q{lane.queued}", "muted"))
    if lane.retrying:
        parts.append((f" {look.mark('retrying').sign}{lane.retrying}", "warn"))
    if lane.failed:
        parts.append((f" {look.mark('failed').sign}{lane.failed}", "error"))
    if lane.finished:
        parts.append((f" {look.mark('done').sign}{lane.finished}", "ok"))
    return parts


def _workers(lane: Lane, room: int, size: int) -> list[Cell]:
    """One cell for each worker place of the lane; what has no room is counted in the last."""
    size = min(size, room)
    if not size:
        return [(" " * room, "text")]
    shown = min(lane.places, room // size)
    idle = look.mark("idle").sign
    cells = [
        _worker(lane.cells[i], size) if i < len(lane.cells) else (fit(idle, size), "muted")
        for i in range(shown)
    ]
    missing = len(lane.cells) - shown
    if missing > 0:
        cells = _count_rest(cells, missing, size)
    return [*cells, (" " * (room - size * shown), "text")]


def _count_rest(cells: list[Cell], missing: int, size: int) -> list[Cell]:
    """As many cells as the number takes give way to it."""
    given = next(n for n in range(1, 99) if n == len(cells) or n * size > len(f"+{missing + n}"))
    return [*cells[:-given], (fit(f"+{missing + given}", size * given), "accent")]


def _worker(cell: WorkerCell, size: int) -> Cell:
    state = look.mark(cell.status)
    if size >= _EVENT:
        space = size - 4 - cell_len(cell.elapsed)
        name = fit(cell.event_type, min(space, cell_len(cell.event_type)))
        text = f"{state.sign} {name} {cell.elapsed}"
    elif size >= _TIME:
        text = f"{state.sign}{' ' * (size > _TIME)}{cell.elapsed}"
    else:
        text = cell.elapsed if 0 < len(cell.elapsed) < size else state.sign
    return (fit(text, size), state.tone)
