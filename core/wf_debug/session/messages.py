"""What a host says, read from its lines; what can't be read is told, and costs nothing else."""

from __future__ import annotations

import json
import time

from pydantic import ValidationError

from wf_debug.framing import LineTooLong
from wf_debug.trace.records import Note, Record, record_adapter
from wf_debug.wire import MAX_LINE, HostMessage, Records, host_message_adapter


def message_of(line: bytes | LineTooLong) -> HostMessage | str:
    """The message, or what is wrong with the line."""
    if isinstance(line, LineTooLong):
        return f"a message of the host is longer than {MAX_LINE} bytes and was skipped"
    try:
        return host_message_adapter.validate_json(line)
    except ValidationError as error:
        return _readable(line) or f"a message of the host cannot be read and was skipped: {_brief(error)}"


def _readable(line: bytes) -> Records | None:
    """Of a message with records, those that can be read, and a note for each that can't."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != "records":
        return None
    found = message.get("records")
    return Records(records=[_record(r) for r in found]) if isinstance(found, list) else None


def _record(found: object) -> Record:
    try:
        return record_adapter.validate_python(found)
    except ValidationError as error:
        text = f"a record of the host cannot be read ({_brief(error)}): {found!r}"
        return Note(wall=time.time(), level="error", text=text[:1_000])


def _brief(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}"
