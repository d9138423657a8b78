"""`?`: what every key does, those of the focused pane first, and why some do nothing now."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from wf_tui import look
from wf_tui.commands import COMMANDS, Command, key_names
from wf_tui.describe.parts import EMPTY, heading, remark
from wf_tui.look import Line
from wf_tui.screens.layout import EVERYWHERE, PaneName
from wf_tui.screens.modal import Modal
from wf_tui.situation import Situation
from wf_tui.widgets.text_lines import TextLines

TITLES = {
    "run": "The run",
    "held": "Held events",
    "breakpoints": "Breakpoints",
    "look": "Looking around",
    "program": "The program",
}
PANES: dict[PaneName, tuple[str, ...]] = {
    "graph": (
        "Steps as boxes, event types on the lines between them. Type[] fans out: it leaves in a list.",
        "`all` on a box: it runs once for all that it collects. ×2: workers at work, +3: events queued.",
        "In a one-line box the number of workers at work stands before the name.",
        "Arrows move from step to step.",
    ),
    "lanes": (
        "One row a step, one cell a worker: the event it works on and for how long.",
        "up down choose a step, left right one of its workers.",
    ),
    "timeline": (
        "Every event, oldest first. The newest are followed until the cursor moves; G follows again.",
        "Filter words look in type, payload, producer and consumers.",
    ),
    "inspector": ("The selection: event, step, state, source and why.", "[ ] turn the tabs."),
    "logs": (
        "What the steps wrote, with step#invocation in front.",
        "[ ] turn the tabs: all, the selection, each step.",
    ),
}


class HelpScreen(Modal[None]):
    """Closed by any of the usual keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1", "dismiss", "Close")]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical {
        width: 96%; max-width: 100; height: 92%; background: $surface; padding: 0 1;
        border: round $accent; border-title-color: $text-accent; border-subtitle-color: $text-muted;
    }
    """

    def __init__(self, pane: PaneName, now: Situation) -> None:
        super().__init__()
        self._pane, self._now = pane, now

    def compose(self) -> ComposeResult:
        box = Vertical(TextLines(id="help"))
        box.border_title, box.border_subtitle = "Help", "esc closes"
        yield box

    def on_mount(self) -> None:
        keys = 14 if self.size.width >= 60 else 6
        self.query_one(TextLines).show(help_lines(self._pane, self._now, keys))
        self.query_one(TextLines).focus()

    async def action_dismiss(self, result: None = None) -> None:
        self.dismiss(None)


def help_lines(pane: PaneName, now: Situation, width: int = 14) -> list[Line]:
    """The pane first, then all commands by group; their keys take `width` cells."""
    own = [c for c in COMMANDS if pane in c.panes and c.panes != EVERYWHERE]
    lines: list[Line] = [heading(f"Here: {pane}"), *(remark(text) for text in PANES[pane])]
    lines += _command_lines(own, now, width)
    for group, title in TITLES.items():
        lines += [EMPTY, heading(title)]
        lines += _command_lines([c for c in COMMANDS if c.group == group and c not in own], now, width)
    return [*lines, EMPTY, heading("States"), *_legend()]


def _command_lines(commands: list[Command], now: Situation, width: int) -> list[Line]:
    """A line each; why some cannot act stands once under those for which it is so."""
    lines: list[Line] = []
    for reason, alike in groupby(commands, lambda command: command.why_not(now)):
        for command in alike:
            keys = " ".join(key_names(command))
            lines.append(
                (
                    (f"  {keys:<{width}}", "muted" if reason else "accent"),
                    (command.help, "muted" if reason else "text"),
                )
            )
        if reason:
            lines.append((("  " + " " * width, "text"), (f"not now: {reason}", "warn")))
    return lines


def _legend() -> list[Line]:
    states = (
        "queued",
        "running",
        "held",
        "waiting",
        "retrying",
        "done",
        "failed",
        "dropped",
        "unhandled",
        "cancelled",
    )
    return [(("  ", "text"), look.mark(state).cell()) for state in states]
