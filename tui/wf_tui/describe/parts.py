"""The building blocks of a description: headings, labelled facts, errors."""

from __future__ import annotations

from wf_debug.trace.records import ErrorInfo
from wf_tui import look
from wf_tui.describe.source import excerpt
from wf_tui.look import Line, Tone

EMPTY: Line = (("", "text"),)


def heading(text: str) -> Line:
    return ((text, "strong"),)


def remark(text: str) -> Line:
    return ((text, "muted"),)


def fact(label: str, text: str, tone: Tone = "text") -> Line:
    """`label     text`, labels aligned."""
    return ((f"{label:<10}", "muted"), (text, tone))


def state_fact(label: str, state: str, more: str = "") -> Line:
    return ((f"{label:<10}", "muted"), look.mark(state).cell(), (f"  {more}" if more else "", "muted"))


def error_lines(error: ErrorInfo) -> list[Line]:
    """What was raised and where, with the source around the line, then the traceback."""
    lines: list[Line] = [((str(error), "error"),)]
    if error.where is not None:
        lines += [remark(f"at {error.where}"), *excerpt(error.where)]
    if error.traceback:
        lines += [
            EMPTY,
            heading("traceback"),
            *(((text, "muted"),) for text in error.traceback.rstrip().splitlines()),
        ]
    return lines
