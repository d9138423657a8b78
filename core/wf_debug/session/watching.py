"""Notices that a file of the project was saved."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfiles import Change

_DEBOUNCE, _QUIET = 150, 50
"""Milliseconds: changes are grouped for at most the first, or until nothing changed for the second."""
_EACH_TIME = 3
"""Imports in a row during which a file changed, after which they are taken to write it."""
_LOOK = 500
"""Milliseconds without a change after which a watch is taken to stand."""
_POLL = 300
"""Milliseconds between two looks where the system tells nobody of changes."""


class Watcher:
    """Watches the given files, and the flow's directory for new modules, in a thread of its own.

    `on_save` is called on the loop that made the watcher, and so is `on_begun` once the watch stands: what
    was saved before that is not told. `watch_files` may be called again with other files.
    """

    def __init__(self, directory: Path, on_save: Callable[[], None], on_begun: Callable[[], None]) -> None:
        self._directory, self._on_save, self._on_begun = directory, on_save, on_begun
        self._loop = asyncio.get_running_loop()
        self._files: frozenset[str] = frozenset()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch_files(self, files: Iterable[str]) -> None:
        """From now on these are the files that matter."""
        wanted = frozenset(str(Path(file).resolve()) for file in files)
        if wanted == self._files and self._thread is not None:
            return
        self._files = wanted
        self._end_thread()
        self._stop = threading.Event()
        places = {self._directory.resolve(), *(Path(file).parent for file in wanted)}
        there = sorted(place for place in places if place.is_dir())
        self._thread = threading.Thread(
            target=self._watch, args=(there, self._stop), name="wf file watcher", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop watching; the thread ends within a moment."""
        self._end_thread()
        self._thread = None

    def _end_thread(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def _watch(self, places: list[Path], stop: threading.Event) -> None:
        try:
            self._watch_with(places, stop, force_polling=None)
        except (OSError, RuntimeError):  # no more watches to be had from the system
            with suppress(OSError, RuntimeError):
                self._watch_with(places, stop, force_polling=True)

    def _watch_with(self, places: list[Path], stop: threading.Event, force_polling: bool | None) -> None:
        from watchfiles import watch  # for sessions that watch alone: it takes a moment

        begun = False
        for changes in watch(
            *places,
            watch_filter=self._matters,
            debounce=_DEBOUNCE,
            step=_QUIET,
            stop_event=stop,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
            force_polling=force_polling,
            poll_delay_ms=_POLL,
            recursive=False,
            raise_interrupt=False,
        ):
            if changes:
                self._call(self._on_save)
            elif not begun:
                self._call(self._on_begun)
            begun = True

    def _call(self, listener: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(listener)

    def _matters(self, change: Change, path: str) -> bool:
        new_module = (
            change.name == "added" and path.endswith(".py") and Path(path).parent == self._directory.resolve()
        )
        return path in self._files or str(Path(path).resolve()) in self._files or new_module


class Rewrites:
    """Tells what somebody saves while the flow is imported from what its import writes each time: generated
    code would have it imported for ever."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def saved(self, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
        """The files whose digest is another now, without those that are written each time."""
        changed = [file for file, digest in before.items() if now[file] != digest]
        return [file for file in changed if self._times[file] < _EACH_TIME]

    def give_up(self, files: Iterable[str]) -> None:
        """An import is given up as these were saved during it."""
        self._times.update(files)

    def settle(self, before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
        """An import is over: the digests that count as taken up. Of a file that was saved during it, the one
        before, so that it is taken up again."""
        saved = self.saved({file: before[file] for file in now if file in before}, now)
        self._times.update(saved)
        for file in now:
            if before.get(file, now[file]) == now[file]:
                del self._times[file]
        return {**now, **{file: before[file] for file in saved}}


def fingerprint(files: Iterable[str]) -> dict[str, str]:
    """A digest of each file's content; empty for what cannot be read, or has no end as a device may."""
    return {file: _digest(Path(file)) for file in files}


def _digest(path: Path) -> str:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() if path.is_file() else ""
    except OSError:
        return ""
