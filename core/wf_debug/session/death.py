"""What the recording says when a host dies under its runs: who was running, what they said last."""

from __future__ import annotations

import time

from wf_debug.session.lastwords import telling
from wf_debug.session.link import Ending
from wf_debug.trace.live import LiveState
from wf_debug.trace.recording import Recording
from wf_debug.trace.records import ClockResumed, ErrorInfo, Record, RunFailed
from wf_debug.trace.rows import LogFilter

_LAST_LINES, _NATIVE_LINES = 5, 40


def death_records(ending: Ending, live: LiveState, recording: Recording) -> list[Record]:
    """A `run_failed` for every run that was going on, and the end of a pause."""
    records: list[Record] = []
    if live.paused:
        records.append(ClockResumed(wall=time.time()))
    return [*records, *(_run_failed(ending, live, recording, run) for run in live.live_runs)]


def _run_failed(ending: Ending, live: LiveState, recording: Recording, run: str) -> RunFailed:
    running = live.running(run)
    culprit = running[0] if len(running) == 1 else (None, None)
    return RunFailed(
        run=run,
        t=live.runs[run].t,
        wall=time.time(),
        error=ErrorInfo(
            type="HostDied",
            message=f"the host process {ending.describe()} {_during(running)}",
            traceback=_last_words(ending, recording, run, [invocation for _, invocation in running]),
        ),
        step=culprit[0],
        invocation=culprit[1],
    )


def _during(running: list[tuple[str, int]]) -> str:
    if not running:
        return "while no step was running"
    names = ", ".join(f"{step} #{invocation}" for step, invocation in running)
    return f"while {names} {'was' if len(running) == 1 else 'were'} running"


def _last_words(ending: Ending, recording: Recording, run: str, invocations: list[int]) -> str:
    """The last log lines of what was running, and what the process wrote past the capture."""
    lines: list[str] = []
    for invocation in invocations:
        wanted = LogFilter(run=run, invocation=invocation)
        last = max(recording.logs_count(wanted) - _LAST_LINES, 0)
        lines.extend(
            f"{row.step} #{invocation}: {row.text}" for row in recording.logs(wanted, last, _LAST_LINES)
        )
    return "\n".join([*lines, *telling(ending.tail, _NATIVE_LINES)])
