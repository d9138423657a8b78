"""What runs were at their stops, kept so that another run can go on from there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from wf_debug.backends.base import Backend
from wf_debug.backends.refusal import Refused
from wf_debug.control.debugger import Debugger
from wf_debug.trace.records import Checkpoint
from wf_debug.wire import SnapshotResult

_KEPT = 50
"""Checkpoints; the oldest go first."""
_SHARE = 20.0
"""After a checkpoint at a stop, the next of that run waits for so many times as long as it took."""


class Checkpoints:
    """One is taken at every stop, as far as that costs little and the run has a JSON form."""

    def __init__(
        self,
        debugger: Debugger,
        backend_of: Callable[[str], Backend],
        keep: Callable[[str], SnapshotResult],
    ) -> None:
        """`keep` gives what a run is now; called on its loop."""
        self._tracer, self._backend_of, self._keep = debugger.tracer, backend_of, keep
        self._kept: dict[str, SnapshotResult] = {}
        self._due: set[str] = set()
        self._not_before: dict[str, float] = {}
        debugger.controller.on_park = self._stopped

    def take(self, run: str) -> str:
        """Keep what the run is now. On its loop.

        Raises:
            Refused: cannot_snapshot, naming what has no JSON form.
        """
        result = self._keep(run)
        name = uuid.uuid4().hex[:12]
        self._tracer.emit(Checkpoint, run, checkpoint=name, restarts=tuple(result.restarts))
        self._kept[name] = result
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return name

    def get(self, name: str) -> SnapshotResult:
        """The run as it was then. Raises: Refused."""
        if name not in self._kept:
            text = "that moment is not kept any more: the host that kept it is gone, or many stops came since"
            raise Refused("not_found", text, hint="fork from a later stop")
        return self._kept[name]

    def _stopped(self, run: str) -> None:
        """Something of the run was parked. Any thread."""
        if run in self._due or time.monotonic() < self._not_before.get(run, 0.0):
            return
        self._due.add(run)
        try:
            self._backend_of(run).on_loop_of(run, partial(self._take_at_stop, run))
        except Refused:
            self._due.discard(run)

    def _take_at_stop(self, run: str) -> None:
        self._due.discard(run)
        began = time.monotonic()
        with suppress(Refused):  # told when the person asks for a fork
            self.take(run)
        took = time.monotonic() - began
        self._not_before[run] = time.monotonic() + _SHARE * took
