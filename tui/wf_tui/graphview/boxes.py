"""Boxes: how large a node is drawn, and what stands in it for a given state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len

from wf_tui.graphview.glyphs import Corners, Glyphs, StepState
from wf_tui.graphview.plan import Node

Density = Literal["cosy", "compact"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One level of detail of a drawing; lengths are in cells."""

    density: Density = "cosy"
    gap: int = 3
    """Free columns between neighbouring boxes."""
    label_limit: int = 24
    """Longest event label; 0 draws none."""
    name_limit: int = 26


@dataclass(frozen=True, slots=True)
class BoxFace:
    """What a box shows besides its name; never changes its size."""

    state: StepState = "idle"
    busy: int = 0
    """Workers occupied; shown from 2 on."""
    queued: int = 0
    breakpoint: bool = False
    selected: bool = False
    asked: bool = False
    """On the human's box: a prompt is waiting for an answer."""


PLAIN = BoxFace()


def box_size(node: Node, rung: Rung, glyphs: Glyphs) -> tuple[int, int]:
    """Width and height of the node's box."""
    name = cell_len(glyphs.elide(node.name, rung.name_limit))
    if node.folded:
        return 1, 1
    if node.kind in ("start", "stop", "failure"):
        return name + 2, 1
    if rung.density == "compact":
        return name + (6 if node.loops else 4), 1
    if node.loops:
        return max(name, cell_len(_loops(node, rung.name_limit, glyphs)) - 2) + 6, 4
    return name + 6, 3


def is_elided(node: Node, rung: Rung, glyphs: Glyphs) -> bool:
    """Whether the box cannot show the node's whole name."""
    return glyphs.elide(node.name, rung.name_limit) != node.name


def box_rows(node: Node, width: int, height: int, rung: Rung, face: BoxFace, glyphs: Glyphs) -> list[str]:
    """The box as text, one string of `width` cells per row."""
    name = glyphs.elide(node.name, rung.name_limit)
    if node.kind in ("start", "stop", "failure"):
        mark = {"start": glyphs.start, "stop": glyphs.stop, "failure": glyphs.failure}[node.kind]
        return [mark if node.folded else _fill(f"{mark} {name}", width)]
    if height == 1:
        return [_bracketed(node, f"{_counting_mark(node, face, glyphs)} {name}", width, face, glyphs)]
    return _framed(node, f"{_mark(node, face, glyphs)} {name}", width, height, rung, face, glyphs)


def badge(count: int, mark: str, room: int) -> str:
    """`×4` for the border, or nothing when it says nothing or has no room."""
    text = f"{mark}{count}"
    return text if count and len(text) <= room else ""


def _fill(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _mark(node: Node, face: BoxFace, glyphs: Glyphs) -> str:
    if node.kind == "human":
        return glyphs.asked if face.asked else glyphs.human
    return glyphs.states[face.state]


def _counting_mark(node: Node, face: BoxFace, glyphs: Glyphs) -> str:
    """Where there is no border for a badge: how many workers run, instead of the sign that some do."""
    if node.kind != "step" or face.state != "running" or face.busy < 2:
        return _mark(node, face, glyphs)
    return str(face.busy) if face.busy < 10 else "+"


def _loops(node: Node, limit: int, glyphs: Glyphs) -> str:
    return f"{glyphs.loop} " + glyphs.elide(", ".join(node.loops), limit)


def _bracketed(node: Node, text: str, width: int, face: BoxFace, glyphs: Glyphs) -> str:
    brackets = glyphs.human_brackets if node.kind == "human" else glyphs.brackets
    if face.selected:
        brackets = glyphs.selected_brackets
    left, right = brackets[0], brackets[1]
    if face.breakpoint:
        left = glyphs.breakpoint
    if node.loops:
        text += f" {glyphs.loop}"
    return left + _fill(text, width - 2) + right


def _framed(
    node: Node, text: str, width: int, height: int, rung: Rung, face: BoxFace, glyphs: Glyphs
) -> list[str]:
    corners = _corners(node, face, glyphs)
    top_left, top_right, bottom_left, bottom_right, across, upright = corners
    room = width // 2 - 2
    busy = badge(face.busy if face.busy > 1 else 0, glyphs.times, room)
    queued = badge(face.queued, "+", room)
    pad = glyphs.breakpoint if face.breakpoint else " "
    rows = [
        top_left + across * (width - 2 - cell_len(busy)) + busy + top_right,
        upright + pad + _fill(text, width - 4) + " " + upright,
    ]
    if height > 3:
        rows.append(f"{upright} {_fill(_loops(node, rung.name_limit, glyphs), width - 4)} {upright}")
    rows.append(bottom_left + across * (width - 2 - len(queued)) + queued + bottom_right)
    return rows


def _corners(node: Node, face: BoxFace, glyphs: Glyphs) -> Corners:
    if face.selected:
        return glyphs.selected_box
    return glyphs.human_box if node.kind == "human" else glyphs.box
