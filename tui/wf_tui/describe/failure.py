"""A flow that does not load: what is wrong, where, and what to try."""

from __future__ import annotations

import os

from wf_debug.graph import SourceRef
from wf_debug.trace.records import ScriptEnded
from wf_debug.wire import Problem, WireError
from wf_tui import look
from wf_tui.describe.parts import EMPTY, heading, remark
from wf_tui.describe.source import excerpt
from wf_tui.look import Line

RETRY = "Save the file to try again, or press ctrl+r. q leaves."


def failure_lines(error: WireError) -> list[Line]:
    """The whole of an error, the place with its source first."""
    head, *more = error.message.rstrip().splitlines() or [error.code]
    lines: list[Line] = [((f"{look.mark('failed').sign} {head}", "error"),)]
    lines += [((f"  {text}", "error"),) for text in more]
    if error.where is not None:
        lines += [remark(str(error.where)), EMPTY, *excerpt(error.where)]
    lines += [((f"{f.field or 'input'}: {f.message}", "text"),) for f in error.fields]
    if error.hint:
        lines += [EMPTY, (("try: ", "accent"), (error.hint, "text"))]
    if error.traceback:
        lines += [
            EMPTY,
            heading("traceback"),
            *(((text, "muted"),) for text in error.traceback.rstrip().splitlines()),
        ]
    return [*lines, EMPTY, remark(RETRY)]


def in_one_line(error: WireError) -> str:
    """For a banner or a toast: place, what is wrong, hint; without the source that a message may quote."""
    place = f"{error.where}: " if error.where and not _names(error.message, error.where) else ""
    fields = "; ".join(f"{f.field or 'input'}: {f.message}" for f in error.fields)
    message = next(iter(error.message.strip().splitlines()), error.code)
    parts = [place + message, fields, error.hint]
    return " - ".join(part for part in parts if part)


def problem_line(problem: Problem) -> str:
    place = f"{problem.where}: " if problem.where and not _names(problem.message, problem.where) else ""
    return place + problem.message


def _names(message: str, place: SourceRef) -> bool:
    """Whether the message says the place already, by its path or by its file name."""
    return f"{os.path.basename(place.file)}:{place.line}" in message


def script_end(end: ScriptEnded) -> str:
    """How a script ended that did not end well."""
    if end.error is None:
        return f"the script ended with exit code {end.code}"
    place = f" at {end.error.where}" if end.error.where else ""
    return f"the script raised {end.error}{place}"
