"""The main thread: it owns the user's event loop, and imports user code with no loop running."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from types import FrameType

from wf_debug.host.pulse import Pulse

Job = Callable[[], None]


class MainThread:
    """Runs jobs given from other threads, on the loop or beside it."""

    def __init__(self, pulse: Pulse) -> None:
        self.loop = asyncio.new_event_loop()
        self.ident = threading.main_thread().ident
        self.pulse = pulse
        self._beside: deque[Job] = deque()
        self.importing = False
        self._ending = self._forked = False

    def on_loop(self, job: Job) -> None:
        """Call `job` inside the loop. Any thread."""
        self.loop.call_soon_threadsafe(self._run_and_beat, job)

    def beside_loop(self, job: Job) -> None:
        """Stop the loop for a moment and call `job` with no loop running. Any thread."""
        self._put_beside(partial(self._import_job, job))

    def in_place_of_loop(self, job: Job) -> None:
        """Stop the loop and call `job`, which may take its time, as the main program of a fresh python: there
        is no loop, and it may run its own. Any thread."""
        self._put_beside(partial(self._with_no_loop, job))

    def _put_beside(self, job: Job) -> None:
        self._beside.append(job)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def end(self) -> None:
        """Leave `serve`. Any thread."""
        self._ending = True
        self.loop.call_soon_threadsafe(self.loop.stop)

    def forked(self) -> None:
        """In a forked child: it may go on to its own end, but the loop is the parent's."""
        self._ending = self._forked = True
        self.loop.stop()

    def serve(self, failed: Callable[[BaseException], None]) -> None:
        """Run until `end`. `failed` is told of what user code throws through the loop, such as sys.exit; in a
        forked child that is what ends it."""
        asyncio.set_event_loop(self.loop)
        while not self._ending:
            try:
                self.loop.run_forever()
                while self._beside:
                    self._beside.popleft()()
            except BaseException as error:
                if self._forked:
                    raise
                failed(error)

    def stack(self, thread: int | None = None) -> FrameType | None:
        """The current frame of the thread, None: of the main thread. Any thread."""
        return sys._current_frames().get(thread or self.ident or 0)

    def _import_job(self, job: Job) -> None:
        self.importing = True
        try:
            job()
        finally:
            self.importing = False
            self.pulse.excuse(self.loop)

    def _with_no_loop(self, job: Job) -> None:
        _forget_event_loop()
        try:
            job()
        finally:
            asyncio.set_event_loop(self.loop)

    def _run_and_beat(self, job: Job) -> None:
        job()
        self.pulse.begin()


def _forget_event_loop() -> None:
    """Before 3.14, `get_event_loop` then makes a new one."""
    if sys.version_info >= (3, 14):
        asyncio.set_event_loop(None)
    else:
        asyncio.set_event_loop_policy(None)
