"""A session over a script: workflows are met as they run, and everything that works on a run works on
these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from scripts import ANSWERED_OUTSIDE, IN_A_THREAD, TWO_CLASSES

from wf_debug.control.breakpoints import parse_breakpoint
from wf_debug.session import FlowSpec, PostMortem, Session, SessionError, SessionSettings
from wf_debug.trace.records import RunStarted, ScriptEnded

OpenScript = Callable[..., Awaitable[Session]]


@pytest.fixture
async def open_script(tmp_path: Path) -> AsyncIterator[OpenScript]:
    """Opens a session on a script, given as source text; nothing of it runs yet."""
    opened: list[Session] = []

    async def open_(source: str, *arguments: str) -> Session:
        path = tmp_path / "script.py"
        path.write_text(source)
        settings = SessionSettings(watch=False, recording=tmp_path / f"{len(opened)}.wfrec")
        session = await Session.open(FlowSpec(path, argv=("script.py", *arguments)), settings)
        opened.append(session)
        return session

    yield open_
    for session in opened:
        await session.close()


def ended(session: Session) -> bool:
    return isinstance(session.live.script, ScriptEnded)


async def test_nothing_runs_before_it_is_asked_for(open_script: OpenScript) -> None:
    session = await open_script(TWO_CLASSES, "4")
    assert session.recording.last_seq == 0
    assert session.workflows == []
    assert not session.hello.capabilities.run


async def test_each_class_is_met_as_it_first_runs(open_script: OpenScript, tmp_path: Path) -> None:
    session = await open_script(TWO_CLASSES, "4")
    await session.execute()
    await session.wait_for(ended, 20)
    assert [w.name for w in session.workflows] == ["Doubling", "Outer"]
    runs = list(session.live.runs.values())
    assert [run.workflow for run in runs] == ["Doubling", "Outer", "Doubling"]
    assert runs[2].parent_run == runs[1].run
    for run in runs:
        graph = session.graph_of(run.workflow)
        assert graph is not None
        assert set(session.live.steps(run.run)) == {step.name for step in graph.steps}
    await session.close()
    past = PostMortem(tmp_path / "0.wfrec")
    assert [past.graph_of(run.workflow) is not None for run in past.live.runs.values()] == [True] * 3
    past.recording.close()


async def test_a_breakpoint_is_verified_when_its_workflow_is_met(open_script: OpenScript) -> None:
    session = await open_script(TWO_CLASSES, "4")
    (before,) = await session.set_breakpoints([parse_breakpoint("Number@double")])
    assert not before.ok
    await session.execute()
    await session.wait_for(lambda s: bool(s.live.holds), 20)
    assert session.breakpoints[0].verified
    (hold,) = session.live.holds.values()
    await session.release(hold.hold, "edit", {"n": 50})
    await session.wait_for(lambda s: "100" in [run.result for run in s.live.runs.values()], 20)


async def test_a_run_on_a_loop_of_its_own_thread_is_held_and_let_go(open_script: OpenScript) -> None:
    session = await open_script(IN_A_THREAD)
    await session.set_breakpoints([parse_breakpoint("Number")])
    await session.execute()
    await session.wait_for(lambda s: bool(s.live.holds), 20)
    assert (await session.host_status()).live_runs == list(session.live.live_runs)
    await session.resume()
    await session.wait_for(ended, 20)
    assert [run.result for run in session.live.runs.values()] == ["8"]


async def test_a_person_may_answer_in_place_of_the_script(open_script: OpenScript) -> None:
    session = await open_script(ANSWERED_OUTSIDE)
    await session.execute()
    await session.wait_for(lambda s: bool(s.live.prompts), 20)
    (prompt,) = session.live.prompts
    assert prompt.text == "how are you?"
    await session.answer(prompt, {**prompt.requirements, "text": "fine"})
    await session.wait_for(ended, 20)
    assert [run.result for run in session.live.runs.values()] == ["'fine'"]


async def test_another_execution_gets_a_fresh_process_and_the_changed_code(
    open_script: OpenScript, tmp_path: Path
) -> None:
    session = await open_script(TWO_CLASSES, "4")
    await session.execute()
    await session.wait_for(ended, 20)
    first = session.hello.pid
    (tmp_path / "script.py").write_text(TWO_CLASSES.replace("ev.n * 2", "ev.n * 3"))
    await session.execute()
    await session.wait_for(lambda s: len(s.live.runs) == 6 and not s.live.live_runs, 20)
    assert session.hello.pid != first
    results = [run.result for run in session.live.runs.values() if run.workflow == "Doubling"]
    assert results == ["8", "40", "12", "60"]
    started = [r.workflow for r in session.recording.records() if isinstance(r, RunStarted)]
    assert len(started) == 6


async def test_what_a_script_cannot_be_asked_is_refused(open_script: OpenScript) -> None:
    session = await open_script(ANSWERED_OUTSIDE)
    await session.execute()
    await session.wait_for(lambda s: bool(s.live.prompts), 20)
    with pytest.raises(SessionError, match="a script is being executed"):
        await session.start_run({})


BLOCKING = """
import asyncio, pathlib, time
from wf_core import StartEvent, StopEvent, Workflow, step

class Blocking(Workflow):
    @step
    async def block(self, ev: StartEvent) -> StopEvent:
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
        return StopEvent()

async def main():
    await Blocking(timeout=None).run()

asyncio.run(main())
"""


async def test_a_step_that_blocks_the_scripts_own_loop_is_found(
    open_script: OpenScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = await open_script(BLOCKING)
    await session.execute()
    while not (status := await session.host_status()).blocked_for:
        pass
    assert (status.function, status.where and status.where.line) == ("block", 9)
    (tmp_path / "go").touch()
    await session.wait_for(ended, 20)
    assert (await session.host_status()).blocked_for == 0.0


async def test_a_script_that_leaves_in_its_first_line_has_been_executed(open_script: OpenScript) -> None:
    session = await open_script("import os; os._exit(9)")
    await session.execute()
    await session.wait_for(ended, 20)
    assert isinstance(end := session.live.script, ScriptEnded)
    assert end.code == 9
