"""Exit codes, and the one paragraph that an error prints."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
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
    place = f"{error.where}: " if error.where and str(error.where) not in error.message else ""
    fields = "".join(f"\n  {f.field or 'input'}: {f.message}" for f in error.fields)
    return f"{place}{error.message}{fields}"


def say(text: str) -> None:
    """One line to stderr."""
    print(text, file=sys.stderr, flush=True)


def die(error: CommandError) -> NoReturn:
    """Print the error and end the process with its code."""
    say(f"wf-tui: {error.message}")
    if error.hint:
        say(f"  try: {error.hint}")
    sys.exit(int(error.code))
