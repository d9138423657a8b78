"""The latest records of a SQLite journal, in a file beside it until they are committed.

To append a line to a file costs a tenth of a commit, and what is in the file outlives the process just as
well. Whoever opens the journal next takes in what a process that has ended left there.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic_core import to_json

try:
    import fcntl
except ImportError:  # where a file can't tell whether its process lives, there are no tails
    AVAILABLE = False
else:
    AVAILABLE = True

Entry = tuple[str, Sequence[Any]]
"""A run and its next record: seq, kind, data, at."""
_ours: set[Path] = set()
"""Tails that this process writes: a lock does not keep a process from itself."""


class Tail:
    """The file of one journal in one process; made when it is first written to."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._file: int | None = None
        self._path = journal
        self._size = 0

    def write(self, entries: Sequence[Entry]) -> None:
        """Add the records. Raises OSError if there is no room; then none of them is in the file."""
        if self._file is None:
            self._file = self._make()
        lines = b"".join([to_json((run, *record)) + b"\n" for run, record in entries])
        written = os.write(self._file, lines)
        if written < len(lines):
            os.ftruncate(self._file, self._size)
            raise OSError("no room")
        self._size += written

    def _make(self) -> int:
        name, folder = self._journal.name, self._journal.parent
        file, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".tail", dir=folder)
        self._path = Path(path)
        _ours.add(self._path)
        fcntl.lockf(file, fcntl.LOCK_EX)
        return file

    def clear(self) -> None:
        """Forget what was written: it is committed."""
        if self._file is not None and self._size:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            self._size = 0

    def close(self) -> None:
        """Remove the file, unless there is something in it."""
        if self._file is not None:
            if not self._size:
                self._path.unlink(missing_ok=True)
            _ours.discard(self._path)
            os.close(self._file)
            self._file = None


def take_over(journal: Path, keep: Callable[[Sequence[Entry]], None]) -> set[str]:
    """Have the records kept that ended processes left behind, and remove their files. The runs that living
    ones are writing now, as far as they can be told."""
    elsewhere: set[str] = set()
    for path in sorted(journal.parent.glob("*.tail")):
        if path in _ours or not path.name.startswith(f"{journal.name}-"):
            continue
        with suppress(FileNotFoundError), path.open("r+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                living = False
            except OSError:
                living = True
            whole = [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
            if living:
                with suppress(ValueError):  # it may have written while it was read
                    elsewhere.update(json.loads(line)[0] for line in whole)
                continue
            keep([(run, record) for run, *record in map(json.loads, whole)])
            path.unlink()
    return elsewhere
