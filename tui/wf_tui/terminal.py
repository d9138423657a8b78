"""The terminal that the application draws on, which may be closed under it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO, cast

from textual.driver import Driver

_LEAVING = 15.0
"""Seconds that leaving in order may take once a signal asked for it."""


class _Lasting:
    """A text file that nobody may read any more. Textual's writer thread would die of the first failed write,
    and the application hang with it instead of ending its host."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def lasting_terminal() -> Iterator[None]:
    """Inside, the terminal that Textual draws on can go away without harm."""
    file = sys.__stderr__
    if file is None:
        yield
        return
    sys.__stderr__ = cast("Any", _Lasting(file))  # type: ignore[misc]
    try:
        yield
    finally:
        sys.__stderr__ = file  # type: ignore[misc]


def resume_only_what_was_suspended(driver: Driver) -> None:
    """A terminal that is closed sends SIGCONT after SIGHUP. Textual would begin anew with the terminal
    and leave the threads that read it behind, for ever."""
    if not hasattr(signal, "SIGCONT"):
        return
    resume = signal.getsignal(signal.SIGCONT)

    def continued(number: int, frame: FrameType | None) -> None:
        if getattr(driver, "_must_signal_resume", True) and callable(resume):
            resume(number, frame)

    with suppress(ValueError):  # not in this thread
        signal.signal(signal.SIGCONT, continued)


def leave_for_certain(code: int) -> None:
    """End the process with `code` should it still be there when leaving in order took far too long. The host
    ends by itself then, as its connection is gone."""
    last = threading.Timer(_LEAVING, os._exit, (code,))
    last.daemon = True
    last.start()
