"""How states look: a glyph, a word and a tone each, in Unicode or in plain ASCII. Never colour alone."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

Tone = Literal["text", "muted", "accent", "ok", "warn", "error", "strong"]
TONES: tuple[Tone, ...] = ("text", "muted", "accent", "ok", "warn", "error", "strong")
"""What a piece of text means for the eye; the theme decides the colour."""

Cell = tuple[str, Tone]
"""A piece of a line and its tone."""
Line = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """How one state is shown."""

    glyph: str
    ascii: str
    word: str
    tone: Tone

    @property
    def sign(self) -> str:
        """The glyph in the character set in use."""
        return self.ascii if plain_glyphs() else self.glyph

    def cell(self) -> Cell:
        """Glyph and word, e.g. `✓ done`."""
        return (f"{self.sign} {self.word}" if self.word else self.sign, self.tone)


MARKS: dict[str, Mark] = {
    "": Mark(" ", " ", "", "muted"),
    "queued": Mark("◌", ".", "queued", "muted"),
    "running": Mark("▸", ">", "running", "accent"),
    "held": Mark("◆", "#", "held", "warn"),
    "paused": Mark("‖", "=", "paused", "warn"),
    "waiting": Mark("◔", "?", "waiting", "accent"),
    "done": Mark("✓", "+", "done", "ok"),
    "finished": Mark("✓", "+", "finished", "ok"),
    "failed": Mark("✗", "x", "failed", "error"),
    "retrying": Mark("↻", "~", "retrying", "warn"),
    "dropped": Mark("⊘", "/", "dropped", "warn"),
    "unhandled": Mark("!", "!", "unhandled", "warn"),
    "cancelled": Mark("⊗", "%", "cancelled", "muted"),
    "timed_out": Mark("✗", "x", "timed out", "error"),
    "unfinished": Mark("◌", ".", "unfinished", "warn"),
    "stuck": Mark("!", "!", "stuck", "error"),
    "loading": Mark("◌", ".", "loading", "muted"),
    "ready": Mark("○", "o", "ready", "muted"),
    "error": Mark("✗", "x", "does not load", "error"),
    "crashed": Mark("✗", "x", "host crashed", "error"),
    "closed": Mark("○", "o", "closed", "muted"),
    "recording": Mark("○", "o", "recording", "muted"),
    "idle": Mark("·", ".", "", "muted"),
}

BREAKPOINT, BREAKPOINT_OFF = Mark("●", "*", "breakpoint", "error"), Mark("○", "o", "not verified", "muted")
LEVELS: dict[str, Mark] = {
    "critical": Mark("✗", "C", "", "error"),
    "error": Mark("✗", "E", "", "error"),
    "warning": Mark("!", "W", "", "warn"),
    "info": Mark("·", "i", "", "text"),
    "debug": Mark("·", "d", "", "muted"),
    "stderr": Mark("▪", "e", "", "warn"),
    "stdout": Mark(" ", " ", "", "text"),
}
ROLES: dict[str, Mark] = {
    "published": Mark("↗", "^", "published", "muted"),
    "run": Mark("▶", ">", "", "accent"),
    "error": Mark("✗", "x", "", "error"),
    "reload": Mark("⟳", "@", "", "accent"),
    "note": Mark("·", "-", "", "muted"),
    "clock": Mark("‖", "=", "", "muted"),
    "event": Mark(" ", " ", "", "text"),
}


def plain_glyphs() -> bool:
    """Whether to draw with ASCII only: by `WF_TUI_ASCII=1`, or because the encoding has no more."""
    return _PLAIN


def _detect_plain() -> bool:
    asked = os.environ.get("WF_TUI_ASCII", "")
    if asked:
        return asked != "0"
    encoding = (getattr(sys.__stdout__, "encoding", None) or "utf-8").lower()
    return "utf" not in encoding


_PLAIN = _detect_plain()


def mark(state: str) -> Mark:
    """The look of a state; an unknown one is shown by its own name."""
    return MARKS.get(state) or Mark("?", "?", state, "muted")


def arrow() -> str:
    return "->" if plain_glyphs() else "→"


def ellipsis() -> str:
    return "~" if plain_glyphs() else "…"


def bar() -> str:
    """Stands before each line of a longer text."""
    return "|" if plain_glyphs() else "│"


def clean(text: str) -> str:
    """One printable line: control characters become visible, line breaks become `⏎`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _visible(c) for c in text)


def _visible(char: str) -> str:
    if char == "\n":
        return " " if plain_glyphs() else "⏎"
    if char == "\t":
        return "  "
    return "?" if plain_glyphs() or ord(char) >= 32 else chr(0x2400 + ord(char))


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    text = clean(text)
    length = len(text) if text.isascii() else cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    return set_cell_size(text, width - 1) + ellipsis()


def seconds(value: float | None) -> str:
    """A duration in at most six characters: `12ms`, `3.4s`, `5m02`, `2h07`."""
    if value is None:
        return ""
    if value < 0.9995:
        return f"{value * 1000:.0f}ms"
    if value < 59.95:
        return f"{value:.1f}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}"


def stamp(t: float) -> str:
    """A moment on the run clock, right-aligned in eight characters: `  12.345`."""
    return f"{t:8.3f}" if t < 1000 else f"{t:8.1f}"
