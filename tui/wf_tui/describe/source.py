"""Source code as toned lines with line numbers."""

from __future__ import annotations

import inspect
import keyword
import linecache
import re

from wf_debug.graph import SourceRef
from wf_tui.look import Cell, Line, Tone

_TOKEN = re.compile(
    r"""(?P<comment>\#.*)|(?P<string>[rbfu]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))|(?P<decorator>^\s*@[\w.]+)|(?P<word>[A-Za-z_]\w*)""",
    re.VERBOSE,
)


def definition(place: SourceRef) -> list[Line]:
    """The function or class that begins at this place, with its decorators."""
    lines = _read(place)
    first = max(place.line - 1, 0)
    if first >= len(lines):
        return _missing(place)
    while first > 0 and lines[first - 1].lstrip().startswith("@"):
        first -= 1
    try:
        block = inspect.getblock(lines[first:])
    except (SyntaxError, IndentationError, IndexError):
        block = lines[first : first + 30]
    return [_head(place), *_numbered(block, first + 1, None)]


def excerpt(place: SourceRef, around: int = 4) -> list[Line]:
    """The line in question, marked, with its neighbours."""
    lines = _read(place)
    if not 0 < place.line <= len(lines):
        return _missing(place)
    first = max(place.line - 1 - around, 0)
    return _numbered(lines[first : place.line + around], first + 1, place.line)


def _read(place: SourceRef) -> list[str]:
    linecache.checkcache(place.file)
    return linecache.getlines(place.file)


def _missing(place: SourceRef) -> list[Line]:
    return [_head(place), (("the file has no such line any more", "muted"),)]


def _head(place: SourceRef) -> Line:
    return ((str(place), "muted"),)


def _numbered(lines: list[str], first: int, marked: int | None) -> list[Line]:
    width = len(str(first + len(lines)))
    return [
        _line(text.rstrip("\n"), number, width, number == marked) for number, text in enumerate(lines, first)
    ]


def _line(text: str, number: int, width: int, marked: bool) -> Line:
    gutter: Cell = (f"{'>' if marked else ' '}{number:>{width}} ", "error" if marked else "muted")
    return (gutter, *(((text, "strong"),) if marked else _toned(text)))


def _toned(text: str) -> list[Cell]:
    """A light touch of colour: keywords, texts and comments; nothing else."""
    cells: list[Cell] = []
    at = 0
    for match in _TOKEN.finditer(text):
        tone = _tone(match)
        if tone is not None:
            cells += [(text[at : match.start()], "text"), (match.group(), tone)]
            at = match.end()
    return [cell for cell in (*cells, (text[at:], "text")) if cell[0]] or [("", "text")]


def _tone(match: re.Match[str]) -> Tone | None:
    if match["comment"]:
        return "muted"
    if match["string"]:
        return "ok"
    if match["decorator"] or keyword.iskeyword(match["word"] or ""):
        return "accent"
    return None
