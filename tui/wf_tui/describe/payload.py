"""A value as indented lines; long texts inside it are shown as texts, with their line breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wf_debug.trace.records import Payload
from wf_tui import look
from wf_tui.look import Cell, Line

MAX_LINES = 5_000
"""Past this the rest of a value is left out and said so."""
MAX_SPILLED = 8 * 1024 * 1024
"""Bytes of a spilled value that are read for showing."""


def payload_lines(payload: Payload) -> list[Line]:
    """The payload in full where it was recorded in full, else its preview and where the rest is."""
    if payload.data is not None:
        return value_lines(payload.data)
    if payload.handle:
        return _spilled(payload)
    return [((payload.preview, "text"),)] if payload.preview else [(("(empty)", "muted"),)]


def _spilled(payload: Payload) -> list[Line]:
    path = Path(str(payload.handle))
    try:
        if path.stat().st_size <= MAX_SPILLED:
            return value_lines(json.loads(path.read_text("utf-8")))
        note = f"{payload.size:,} bytes, kept in {path}"
    except (OSError, ValueError) as error:
        note = f"{payload.size:,} bytes; the file {path} cannot be read: {error}"
    return [((payload.preview, "text"),), ((note, "muted"),)]


def value_lines(value: Any) -> list[Line]:
    """Any JSON value, indented by two."""
    lines: list[Line] = []
    _add(lines, value, "", ())
    if len(lines) > MAX_LINES:
        rest = len(lines) - MAX_LINES
        return [*lines[:MAX_LINES], ((f"... {rest:,} more lines; y copies all of it", "muted"),)]
    return lines


def _add(lines: list[Line], value: Any, indent: str, head: tuple[Cell, ...]) -> None:
    if len(lines) > 4 * MAX_LINES:
        return
    if isinstance(value, dict) and value:
        if head:
            lines.append(((indent, "text"), *head))
            indent += "  "
        for key, item in value.items():
            _add(lines, item, indent, ((f"{key}", "accent"), (": ", "muted")))
    elif isinstance(value, list) and value:
        if head:
            lines.append(((indent, "text"), *head, (f"[{len(value)}]", "muted")))
            indent += "  "
        for item in value:
            _add_item(lines, item, indent)
    elif isinstance(value, str) and "\n" in value:
        lines.append(((indent, "text"), *head))
        lines += [((f"{indent}  {look.bar()} ", "muted"), (text, "text")) for text in value.splitlines()]
    else:
        text = (
            value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
        )
        lines.append(((indent, "text"), *head, (text, "text" if isinstance(value, str) else "strong")))


def _add_item(lines: list[Line], item: Any, indent: str) -> None:
    """A list's item: its first line begins with a dash, what follows is indented under it."""
    if not (isinstance(item, dict | list) and item):
        _add(lines, item, indent, (("- ", "muted"),))
        return
    first = len(lines)
    _add(lines, item, indent + "  ", ())
    if len(lines) > first:
        (text, tone), *rest = lines[first]
        lines[first] = ((text[: len(indent)], tone), ("- ", "muted"), (text[len(indent) + 2 :], tone), *rest)
