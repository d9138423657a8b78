"""The top line: flow, state of the run, its clock, what is held; and a banner for what needs attention."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from wf_tui import look
from wf_tui.look import Tone

STYLE: dict[Tone, str] = {
    "text": "$foreground",
    "muted": "$text-muted",
    "accent": "$text-accent",
    "ok": "$text-success",
    "warn": "$text-warning bold",
    "error": "$text-error bold",
    "strong": "$foreground bold",
}


@dataclass(frozen=True, slots=True)
class Heads:
    """What the header shows."""

    flow: str = ""
    state: str = "loading"
    """A word of look.MARKS: of the run if there is one, else of the session."""
    clock: str = ""
    wall: str = ""
    """Wall time since the run began, when it differs from the run clock."""
    held: int = 0
    paused: bool = False
    prompts: int = 0
    run: str = ""
    """Which of several runs is shown, e.g. `run 2/3`."""
    detail: str = ""
    """Engine and interpreter; shown where there is room."""


_LEAST_NAME = 16
"""Cells that the flow's name keeps when all the rest is to be told."""


class Header(Widget):
    """One row. For want of room the flow's name is cut, then parts are left out from the right."""

    DEFAULT_CSS = """
    Header { height: 1; dock: top; background: $panel; color: $foreground; padding: 0 1; }
    """
    heads: reactive[Heads] = reactive(Heads())

    def render(self) -> Content:
        (name, tone), *rest = header_parts(self.heads)
        width, used = self.size.width, 0
        room = max(_LEAST_NAME, width - sum(cell_len(text) + 2 for text, _ in rest) - 2)
        parts = [(name if cell_len(name) <= room else look.fit(name, room), tone), *rest]
        shown: list[tuple[str, str]] = []
        for text, tone in parts:
            if shown and used + cell_len(text) + 2 > width:
                break
            shown.append((text + "  ", STYLE[tone]))
            used += cell_len(text) + 2
        if self.heads.detail and used + len(self.heads.detail) <= width:
            shown.append((self.heads.detail.rjust(width - used), STYLE["muted"]))
        return Content.assemble(*shown)


def header_parts(heads: Heads) -> list[look.Cell]:
    """The header's parts, most important first."""
    parts: list[look.Cell] = [(heads.flow or "wf-tui", "strong"), look.mark(heads.state).cell()]
    if heads.clock:
        parts.append((heads.clock, "text"))
    if heads.paused:
        parts.append(look.mark("paused").cell())
    if heads.held:
        parts.append((f"{look.mark('held').sign} {heads.held} held", "warn"))
    if heads.prompts:
        parts.append(("? answer: H", "warn"))
    if heads.wall:
        parts.append((f"wall {heads.wall}", "muted"))
    if heads.run:
        parts.append((heads.run, "muted"))
    return parts


class Banner(Static):
    """A pinned message under the header; gone when there is none."""

    DEFAULT_CSS = """
    Banner {
        display: none; height: auto; max-height: 3; dock: top; margin-top: 1; padding: 0 1;
        background: $warning-muted; color: $text-warning;
        &.-error { background: $error-muted; color: $text-error; }
        &.-open { display: block; }
    }
    """

    def show(self, text: str, *, error: bool = False) -> None:
        """Pin a message; an empty one takes the banner away."""
        if (text, error) == getattr(self, "_shown", None):
            return
        self._shown = (text, error)
        self.set_class(bool(text), "-open")
        self.set_class(error, "-error")
        self.update(Content(text))
