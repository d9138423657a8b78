"""Exit codes, and what an error says."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wf_debug.graph import SourceRef
    from wf_debug.wire import WireError


class Exit(IntEnum):
    """What the process says to whoever started it."""

    DONE = 0
    FAILED = 1
    """The workflow failed, or is stuck."""
    USAGE = 2
    """Wrong usage, or a flow that does not load."""
    STOPPED = 3
    """Stopped with nobody to go on: a held event, or a person asked and no answer left."""
    TIMED_OUT = 4
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends a command: a message for people and the exit code."""

    def __init__(self, message: str, code: Exit = Exit.USAGE, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.hint = message, code, hint

    @classmethod
    def of(cls, error: WireError, code: Exit = Exit.USAGE) -> CommandError:
        """The same as a wire error says."""
        return cls(describe(error), code, error.hint)


def describe(error: WireError) -> str:
    """The place first, then what is wrong, then each field."""
    fields = "".join(f"\n  {f.field or 'input'}: {f.message}" for f in error.fields)
    return f"{_placed(error.message, error.where)}{fields}"


def _placed(message: str, where: SourceRef | None) -> str:
    """The whole path in front, also of a message that begins with the file's name alone."""
    if where is None or str(where) in message:
        return message
    short = f"{Path(where.file).name}:{where.line}"
    if message.startswith(short):
        return f"{where}{message[len(short) :]}"
    return f"{where}: {message}"
