"""What a session is at when it is given up."""

from __future__ import annotations

import asyncio

from wf_debug.session import Session, SessionError

_ANSWERS = 1.0
"""Seconds that the host has to say where it stands."""


async def under_way(session: Session) -> str:
    """As the end of a sentence that goes on after "while": the running steps, and the line that blocks."""
    live = session.live
    if prompts := live.prompts:
        return f"{prompts[0].text!r} waited for an answer"
    running = [f"{step} #{number}" for run in live.live_runs for step, number in live.running(run)]
    text = f"{', '.join(running)} {'was' if len(running) == 1 else 'were'} running"
    return (text if running else "no step was running") + await _blocking_line(session)


async def _blocking_line(session: Session) -> str:
    try:
        status = await asyncio.wait_for(session.host_status(), _ANSWERS)
    except (SessionError, TimeoutError):
        return ""
    if status.where is None:
        return ""
    if status.blocked_for:
        return f"; {status.function} blocks its loop at {status.where}"
    return f"; the script was at {status.where}"
