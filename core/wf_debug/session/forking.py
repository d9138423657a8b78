"""A second run that goes on from where another stands, with the same history."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

from wf_debug.session.hosting import Hosting
from wf_debug.session.journal import Journal
from wf_debug.session.link import HostLink
from wf_debug.trace.records import ClockPaused, ClockResumed, Held, Note, Record, Released
from wf_debug.wire import Checkpoint, Pause, ResumeResult, ResumeRun, SnapshotResult

_BATCH = 5_000
_NOT_COPIED = (ClockPaused, ClockResumed, Held, Released)
"""What is held is held in the run that it was held in."""


async def fork_run(hosting: Hosting, link: HostLink, run: str) -> str:
    """Fork a live run in its own host; the id of the new one.

    Raises:
        SessionError: when the run cannot be written down.
    """
    fork = uuid.uuid4().hex[:10]
    note = f"forked: run {fork} goes on from here too"
    point = await link.request(Checkpoint(run=run, note=note), SnapshotResult)
    await asyncio.to_thread(copy_history, hosting.journal, run, fork, note)
    again = f"; {', '.join(point.restarts)} start again from their first line" if point.restarts else ""
    forked = hosting.journal.live.runs[run]
    hosting.journal.write(Note, fork, t=forked.t, text=f"forked from run {run}{again}")
    if hosting.parks_all():
        await link.tell(Pause())
    command = ResumeRun(workflow=forked.workflow, snapshot=point.snapshot, fork=fork)
    return (await link.request(command, ResumeResult)).run


def copy_history(journal: Journal, run: str, fork: str, until: str) -> None:
    """Record for `fork` all that happened in `run` before the note `until`."""
    after = 0
    while records := journal.recording.records(after, _BATCH, run):
        after = records[-1].seq
        at_end = next((i for i, r in enumerate(records) if isinstance(r, Note) and r.text == until), None)
        journal.add(_as_of(fork, records[:at_end]))
        if at_end is not None:
            return


def _as_of(fork: str, records: Sequence[Record]) -> list[Record]:
    kept = (r for r in records if not isinstance(r, _NOT_COPIED))
    return [r.model_copy(update={"run": fork, "seq": 0}) for r in kept]
