"""A drawing as it looks at the moment. Every setter returns the rows that changed; nothing moves or grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from wf_debug.trace.activity import EdgeKey
from wf_tui.graphview.boxes import PLAIN, BoxFace
from wf_tui.graphview.drawing import Box, Drawing, Item, Label
from wf_tui.graphview.glyphs import UNICODE, Glyphs, StepState, Stroke
from wf_tui.graphview.paint import Canvas, face_rows, label_room

Role = (
    Literal["blank", "label", "terminal", "human", "asked", "breakpoint", "count", "chosen-line"]
    | Stroke
    | StepState
)
"""What a character says; the theme decides how that looks."""
ROLES: tuple[Role, ...] = (
    "blank", "solid", "back", "error", "observed", "label", "terminal", "human", "asked", "breakpoint",
    "count", "chosen-line", "idle", "running", "waiting", "held", "failed", "done", "retrying",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring characters of one role; `selected` when they belong to the selected item."""

    text: str
    role: Role
    selected: bool = False


class Picture:
    """One drawing with faces, counts, breakpoints and a selection on it."""

    def __init__(self, drawing: Drawing, glyphs: Glyphs = UNICODE, spare: int = 0) -> None:
        """`spare` columns on the right of the drawing may be used for counts."""
        self.drawing, self.items, self.spare = drawing, drawing.items(), spare
        self._glyphs = glyphs
        self._nodes = {node.id: node for node in drawing.plan.nodes}
        self._base = Canvas(drawing, glyphs, spare)
        self._faces: dict[str, BoxFace] = {}
        self._counts: dict[Label, str] = {}
        self._marked: frozenset[str] = frozenset()
        self.selected: Item | None = None
        self._room = {label: label_room(drawing, label, spare) for label in drawing.labels}
        self._boxes_at: dict[int, list[Box]] = defaultdict(list)
        self._labels_at: dict[int, list[Label]] = defaultdict(list)
        for box in drawing.boxes.values():
            for y in range(box.y, box.y + box.height):
                self._boxes_at[y].append(box)
        for label in drawing.labels:
            self._labels_at[label.y].append(label)

    # -- what changes ------------------------------
    def set_faces(self, faces: Mapping[str, BoxFace]) -> set[int]:
        """Show these faces, by node id; a box without one is plain."""
        changed: set[int] = set()
        for name, box in self.drawing.boxes.items():
            face = faces.get(name, PLAIN)
            if face != self._faces.get(name, PLAIN):
                self._faces[name] = face
                changed.update(range(box.y, box.y + box.height))
        return changed

    def set_counts(self, counts: Mapping[EdgeKey, int]) -> set[int]:
        """Show how many events passed each label, where there is room."""
        changed: set[int] = set()
        for label, room in self._room.items():
            text = _count(self._passed(label, counts), room)
            if text != self._counts.get(label, ""):
                self._counts[label] = text
                changed.add(label.y)
        return changed

    def _passed(self, label: Label, counts: Mapping[EdgeKey, int]) -> int:
        passed = [0]
        for index in label.wires:
            wire = self.drawing.plan.wires[index]
            source, target = self._nodes[wire.source], self._nodes[wire.target].name
            if source.kind == "failure":
                passed.append(sum(n for (_, e, t), n in counts.items() if e == wire.event and t == target))
            else:
                sender = "you" if source.kind == "human" else source.name
                passed.append(counts.get((sender, wire.event, target), 0))
        return max(passed)

    def set_breakpoints(self, events: Collection[str]) -> set[int]:
        """Mark the labels of these event types."""
        before, self._marked = self._marked, frozenset(events)
        different = before ^ self._marked
        return {label.y for label in self.drawing.labels if label.event in different}

    def select(self, item: Item | None) -> set[int]:
        """Select an item, or nothing."""
        if item == self.selected:
            return set()
        changed = self._rows_of(self.selected) | self._rows_of(item)
        self.selected = item
        return changed

    def _rows_of(self, item: Item | None) -> set[int]:
        """The rows of an item and, of an event, of its lines."""
        if item is None:
            return set()
        rows = set(range(item.y, item.y + item.height))
        wires = self._wires_of(item)
        return rows | {y for (_, y), cell in self.drawing.cells.items() if wires.intersection(cell.wires)}

    def _wires_of(self, item: Item | None) -> frozenset[int]:
        labels = self.drawing.labels if item and item.kind == "event" else ()
        return frozenset(w for la in labels if item and (la.x, la.y) == (item.x, item.y) for w in la.wires)

    # -- what is seen ------------------------------
    def row(self, y: int) -> list[Run]:
        """Row `y` from the drawing's left edge to its right edge."""
        row = _Row(list(self._base.chars[y]), list(self._base.roles[y]))
        self._trace_selection(row, y)
        for label in self._labels_at.get(y, ()):
            self._label(row, label)
        for box in self._boxes_at.get(y, ()):
            self._box(row, box, y)
        return row.runs()

    def text(self) -> list[str]:
        """All rows as plain text."""
        return ["".join(run.text for run in self.row(y)).rstrip() for y in range(self.drawing.height)]

    def _trace_selection(self, row: _Row, y: int) -> None:
        wires = self._wires_of(self.selected)
        for x in range(self.drawing.width) if wires else ():
            cell = self.drawing.cells.get((x, y))
            if cell and wires.intersection(cell.wires):
                row.roles[x] = "chosen-line"

    def _label(self, row: _Row, label: Label) -> None:
        if label.event in self._marked:
            row.write(label.x - 1, self._glyphs.breakpoint, "breakpoint")
        row.write(label.x + label.width, self._counts.get(label, ""), "count")
        item = self.selected
        if item and item.kind == "event" and (item.x, item.y) == (label.x, label.y):
            row.select(label.x, label.width)

    def _box(self, row: _Row, box: Box, y: int) -> None:
        face = self._faces.get(box.node.id, PLAIN)
        chosen = self._is_selected(box)
        rows = face_rows(self.drawing, box, replace(face, selected=chosen), self._glyphs)
        row.write(box.x, rows[y - box.y], _role(box, face))
        if face.breakpoint and y == box.y + (box.height - 1) // 2:
            row.roles[box.x + (box.height > 1)] = "breakpoint"
        if chosen:
            row.select(box.x, box.width)

    def _is_selected(self, box: Box) -> bool:
        item = self.selected
        return bool(item and item.kind == "step" and box.node.kind == "step" and item.name == box.node.id)


def _count(passed: int, room: int) -> str:
    """` 12` or ` 3k`, or nothing if that has no room with a blank after it."""
    text = f" {passed}" if passed < 1000 else f" {passed // 1000}k"
    return text if passed and len(text) < room else ""


def _role(box: Box, face: BoxFace) -> Role:
    if box.node.kind == "human":
        return "asked" if face.asked else "human"
    return face.state if box.node.kind == "step" else "terminal"


class _Row:
    """One row being put together."""

    def __init__(self, chars: list[str], roles: list[Role]) -> None:
        self.chars, self.roles = chars, roles
        self.selected = [False] * len(chars)

    def write(self, x: int, text: str, role: Role) -> None:
        Canvas.write(self.chars, self.roles, x, text, role)

    def select(self, x: int, width: int) -> None:
        self.selected[x : x + width] = [True] * width

    def runs(self) -> list[Run]:
        looks = zip(self.roles, self.selected, self.chars, strict=True)
        return [
            Run("".join(char for _, _, char in group), role, selected)
            for (role, selected), group in groupby(looks, key=lambda look: look[:2])
        ]
