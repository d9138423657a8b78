"""The terminal that the application draws on, which may be closed under it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


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
