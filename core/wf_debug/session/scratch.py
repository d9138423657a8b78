"""Directories for as long as a session lives, also when it is killed: the next session removes what a dead
one left.

A lock that the kernel gives free with its process tells the living from the dead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # no such locks on Windows: nothing is swept there
    fcntl = None  # type: ignore[assignment]

_PREFIX, _LOCK = "wf-tui-", "lock"


class ScratchDirectory:
    """A new private directory (0700).

    Raises:
        OSError: when none can be made.
    """

    def __init__(self, what: str = "") -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX + what))
        self._lock = self._take_lock()

    def _take_lock(self) -> int | None:
        """Locked before it has the name that others look at."""
        if fcntl is None:
            return None
        unseen = self.path / "new-lock"
        lock = os.open(unseen, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        unseen.rename(self.path / _LOCK)
        return lock

    def remove(self) -> None:
        """May be called again."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _sweep() -> None:
    if fcntl is None:
        return
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError):  # another user's, or of a session that lives
            descriptor = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(descriptor)
