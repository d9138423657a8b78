"""What is asked for once a second: whether the host's loop turns, and the state of the shown run."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import Any

from wf_debug.session import PostMortem, Session, SessionError
from wf_debug.trace.live import RunState
from wf_debug.trace.recording import Recording
from wf_debug.trace.records import StateChanged

BLOCKED = 1.0
"""Seconds without a turn of the loop from which it is called blocked."""


async def blocked_text(source: Session | PostMortem, run: RunState | None) -> str:
    """For the banner: how long the loop stands still and where; empty while it turns."""
    if not isinstance(source, Session) or run is None or run.status != "running":
        return ""
    try:
        status = await source.host_status()
    except SessionError:
        return ""
    if status.blocked_for < BLOCKED:
        return ""
    at = f" at {status.where}" if status.where else ""
    inside = f" in {status.function}" if status.function else ""
    return f"blocked {status.blocked_for:.1f} s{at}{inside}"


async def state_of(
    source: Session | PostMortem, run: RunState | None, moment: int | None = None
) -> dict[str, Any] | str:
    """The run's state: as it was when the record `moment` was made; without one, of a live run as it is, of
    another as it was recorded last. In words why there is none."""
    if run is None:
        return "no run is shown"
    try:
        if isinstance(source, Session) and run.status == "running" and moment is None:
            return await source.state(run.run)
    except SessionError as error:
        return error.error.message
    recorded = await asyncio.to_thread(recorded_state, source.recording, run.run, moment)
    until = "" if moment is None else " up to there"
    return recorded or f"nothing was recorded of this run's state{until}"


def recorded_state(recording: Recording, run: str, moment: int | None = None) -> dict[str, Any]:
    """The last value that was recorded of each place in the state, by its path; up to that record, if one is
    given."""
    state: dict[str, Any] = {}
    for record in chain.from_iterable(recording.batches(run)):
        if moment is not None and record.seq > moment:
            break
        if isinstance(record, StateChanged):
            value = record.value
            state[record.path] = value.preview if value.data is None else value.data
    return state
