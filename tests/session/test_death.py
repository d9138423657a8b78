"""A host that dies takes no knowledge with it: the recording names who was running and what was said last."""

from __future__ import annotations

import os
import signal

import pytest
from peers import SERVING, OpenPeer

from wf_debug.session import Session, SessionError
from wf_debug.trace.live import RunState
from wf_debug.trace.records import RunFailed

HEAD = """
import asyncio, ctypes, os, signal, sys, time
from wf_core import Event, StartEvent, StopEvent, Workflow, step

class Flow(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        print("about to do it")
"""


async def run_to_its_death(session: Session) -> tuple[RunState, RunFailed]:
    run = await session.start_run({})
    state = await session.wait_run_end(run, 30)
    await session.wait_for(lambda s: s.status.state == "crashed", 30)
    failed = [record for record in session.recording.records() if isinstance(record, RunFailed)]
    assert len(failed) == 1
    return state, failed[0]


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("os._exit(3)", "ended with exit code 3"),
        ("ctypes.string_at(0)", "was killed by signal 11 (SIGSEGV)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by signal 9 (SIGKILL)"),
        (
            "os.fork() or time.sleep(60); os.kill(os.getpid(), signal.SIGKILL)",
            "was killed by signal 9 (SIGKILL)",
        ),
    ],
    ids=["exit", "segfault", "kill", "kill with a child that keeps the socket"],
)
async def test_the_step_that_killed_the_host_is_named(open_flow: OpenPeer, deed: str, how: str) -> None:
    session = await open_flow(f"{HEAD}        {deed}\n")
    state, failed = await run_to_its_death(session)
    assert state.status == "failed"
    assert failed.error.message == f"the host process {how} while work #1 was running"
    assert (failed.step, failed.invocation, failed.error.type) == ("work", 1, "HostDied")
    assert "work #1: about to do it" in failed.error.traceback
    assert session.status.message == f"the host {how}"
    with pytest.raises(SessionError, match=r"the host .* before it answered Pause"):
        await session.pause()


async def test_a_segfault_leaves_the_interpreters_last_words(open_flow: OpenPeer) -> None:
    session = await open_flow(f"{HEAD}        ctypes.string_at(0)\n")
    _, failed = await run_to_its_death(session)
    assert "Fatal Python error: Segmentation fault" in failed.error.traceback


async def test_after_a_crash_a_fresh_host_goes_on_with_the_same_history(open_flow: OpenPeer) -> None:
    session = await open_flow(
        f"""{HEAD}        mark = __file__ + ".died"
        if not os.path.exists(mark):
            open(mark, "w").close()
            os._exit(7)
        return StopEvent(result="survived")
"""
    )
    dead, _ = await run_to_its_death(session)
    await session.restart_host()
    assert session.status.state == "ready"
    run = await session.rerun()
    assert "survived" in (await session.wait_run_end(run, 30)).result
    assert [state.status for state in session.live.runs.values()] == ["failed", "finished"]
    assert session.live.runs[dead.run] == dead
    seqs = [record.seq for record in session.recording.records()]
    assert seqs == sorted(set(seqs))


async def test_a_pause_ends_with_the_host_and_idle_hosts_are_missed_too(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
given = dict(type="StartEvent", preview="StartEvent()")
records(record("run_started", run="r", workflow="Flow", input=given), record("clock_paused"))
"""
        + SERVING
    )
    await session.wait_for(lambda s: s.live.paused, 10)
    os.kill(session.hello.pid, signal.SIGKILL)
    await session.wait_for(lambda s: s.status.state == "crashed", 10)
    assert not session.live.paused
    assert session.live.runs["r"].error.endswith("(SIGKILL) while no step was running")


async def test_the_stream_of_a_session_ends_with_its_host(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
records(record("note", text="last words"))
answer(next(commands()))
answer(next(commands()))
sys.exit(4)
"""
    )
    assert [record.kind async for record in session.stream()] == ["note"]
    assert session.status.message == "the host ended with exit code 4"
