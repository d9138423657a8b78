"""Writing to stdout and stderr, which may be closed, full, or read by somebody who leaves."""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

from wf_tui.cli.exits import CommandError, Exit


class ReaderGone(Exception):
    """The reader of our output went away (`| head`): nothing is left to say."""


def put(text: str) -> None:
    """A line of output to stdout.

    Raises:
        ReaderGone: when nobody reads any more.
        CommandError: when it cannot be written.
    """
    if sys.stdout is None:
        raise CommandError("stdout is closed, and the output goes there", Exit.FAILED, hint="> result.json")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        silence(sys.stdout)
        raise ReaderGone from None
    except OSError as error:
        silence(sys.stdout)
        raise CommandError(f"cannot write to stdout: {error.strerror}", Exit.FAILED) from None


def say(text: str) -> None:
    """Lines to stderr. What user code put into them can't colour, clear or retitle the terminal."""
    if sys.stderr is None:
        return
    if not text.isprintable():
        text = _CONTROL.sub(lambda found: _VISIBLE.get(found[0], ""), _COLOUR.sub("", text))
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # what is told aside may be lost; the result still counts
        silence(sys.stderr)


def die(error: CommandError) -> int:
    """Print the error; the exit code."""
    say(f"wf-tui: {error.message}")
    if error.hint:
        say(f"  try: {error.hint}")
    return int(error.code)


def silence(stream: TextIO) -> None:
    """From now on it goes nowhere, and nothing fails at shutdown."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_VISIBLE = {chr(code): chr(0x2400 + code) for code in range(32)} | {"\x7f": "\u2421"}
