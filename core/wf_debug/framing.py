"""Cuts what arrives on a connection into lines."""

from __future__ import annotations

from collections.abc import Iterator


class LineTooLong(ValueError):
    """A line was longer than allowed; it was skipped."""


class Lines:
    """The lines of one connection, none longer than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes | LineTooLong]:
        """The lines that are complete with these bytes, each without its end."""
        *ended, rest = data.split(b"\n")
        for end in ended:
            line = bytes(self._begun) + end if self._begun else end
            self._begun.clear()
            yield LineTooLong() if self._skipping or len(line) > self._limit else line
            self._skipping = False
        self._begun += rest
        if len(self._begun) > self._limit:
            self._begun.clear()
            self._skipping = True

    def rest(self) -> bytes:
        """What came of a line that has no end."""
        return bytes(self._begun)
