"""A second run that goes on from where another stands, or stood, with the same history."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

from wf_debug.session.errors import SessionError
from wf_debug.session.hosting import Hosting
from wf_debug.session.journal import Journal
from wf_debug.session.link import HostLink
from wf_debug.trace.records import (
    Checkpoint,
    ClockPaused,
    ClockResumed,
    Held,
    Note,
    Record,
    Released,
    RunCancelled,
)
from wf_debug.wire import CheckpointRef, Fork, Pause, ResumeResult, TakeCheckpoint

_NOT_COPIED = (Checkpoint, ClockPaused, ClockResumed, Held, Released)
"""What is held is held in the run that it was held in."""


async def fork_run(hosting: Hosting, link: HostLink, run: str, point: Checkpoint | None) -> str:
    """Fork a run in its own host, from a checkpoint or (None) from where it stands; the id of the new one.

    Raises:
        SessionError: when the run cannot be written down, or the host does not keep the checkpoint any more.
    """
    journal, fork = hosting.journal, uuid.uuid4().hex[:10]
    name = point.checkpoint if point else ""
    if not name:
        name = (await link.request(TakeCheckpoint(run=run), CheckpointRef)).checkpoint
    await asyncio.to_thread(_copy_history, journal, run, fork, name)
    if hosting.parks_all():
        await link.tell(Pause())
    try:
        return (await link.request(Fork(checkpoint=name, run=fork), ResumeResult)).run
    except SessionError:
        journal.write(RunCancelled, fork)  # it has a history, but does not go on
        raise


def _copy_history(journal: Journal, run: str, fork: str, checkpoint: str) -> None:
    """Record for `fork` all that happened in `run` before the checkpoint."""
    for records in journal.recording.batches(run):
        end = next((i for i, r in enumerate(records) if _is(r, checkpoint)), None)
        journal.add(_as_of(fork, records[:end]))
        if end is not None:
            _note(journal, run, fork, records[end])
            return


def _note(journal: Journal, run: str, fork: str, point: Record) -> None:
    again = getattr(point, "restarts", ())
    more = f"; {', '.join(again)} start{'s' * (len(again) == 1)} again from the first line" if again else ""
    journal.write(Note, fork, t=point.t, text=f"forked from run {run}{more}")
    journal.write(Note, run, t=journal.live.runs[run].t, text=f"run {fork} was forked from {point.t:.3f} s")


def _is(record: Record, checkpoint: str) -> bool:
    return isinstance(record, Checkpoint) and record.checkpoint == checkpoint


def _as_of(fork: str, records: Sequence[Record]) -> list[Record]:
    kept = (r for r in records if not isinstance(r, _NOT_COPIED))
    return [r.model_copy(update={"run": fork, "seq": 0}) for r in kept]
