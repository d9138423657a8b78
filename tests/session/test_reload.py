"""A saved flow is taken up: idle, under a live run, into a fresh host; what does not load or fit changes
nothing."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from peers import OpenPeer

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.session import FlowSpec, ReloadReport, Session
from wf_debug.session.watching import Watcher
from wf_debug.trace.records import CodeReloaded, RunStarted
from wf_debug.trace.rows import ALL, TimelineFilter

FLOW = """
from wf_core import Event, StartEvent, StopEvent, Workflow, step

class Draft(Event):
    text: str

class Flow(Workflow):
    @step
    async def write(self, ev: StartEvent) -> Draft:
        return Draft(text="draft")

    @step
    async def check(self, ev: Draft) -> StopEvent:
        return StopEvent(result="first: " + ev.text)
"""
OTHER_BODY = FLOW.replace('"first: "', '"second: "')
NEW_STEP = FLOW.replace("-> StopEvent:", "-> Checked:").replace("StopEvent(result=", "Checked(text=").replace(
    "class Flow", "class Checked(Event):\n    text: str\n\nclass Flow"
) + """
    @step
    async def publish(self, ev: Checked) -> StopEvent:
        return StopEvent(result="published " + ev.text)
"""  # fmt: skip
NEW_REQUIRED_FIELD = FLOW.replace("text: str", "text: str\n    author: str").replace(
    'Draft(text="draft")', 'Draft(text="draft", author="me")'
)
SYNTAX_ERROR = FLOW.replace("return Draft(", "return Draft((")


def save(session: Session, source: str) -> None:
    """As an editor does it: a new file in place of the old."""
    path = session.flow.path
    new = path.with_suffix(".new")
    new.write_text(source)
    new.replace(path)


async def held_before_check(session: Session) -> str:
    """A run that is held before `check`; its id."""
    await session.set_breakpoints([Breakpoint(step="check")])
    run = await session.start_run({})
    await session.wait_for(lambda s: len(s.live.holds) == 1, 30)
    return run


def reloads(session: Session) -> list[tuple[str, tuple[str, ...]]]:
    return [(r.outcome, r.files) for r in session.recording.records() if isinstance(r, CodeReloaded)]


async def finish(session: Session, run: str) -> str:
    await session.set_breakpoints([])
    await session.accept_all()
    end = await session.wait_run_end(run, 30)
    assert end.status == "finished", end
    return end.result


# -- no run
async def test_an_idle_session_moves_to_a_fresh_host_with_its_history(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    await session.set_breakpoints([Breakpoint(event="Checked")])
    assert [b.verified for b in session.breakpoints] == [False]
    first = await session.start_run({})
    await session.wait_run_end(first, 30)
    pid = session.hello.pid
    assert (await session.reload()).outcome == "unchanged"

    save(session, NEW_STEP)
    report = await session.reload()
    assert (report.outcome, report.files, report.error) == ("restarted", ["flow.py"], None)
    assert session.workflow is not None
    assert [step.name for step in session.workflow.graph.steps] == ["write", "check", "publish"]
    assert session.recording.meta.graph == session.workflow.graph
    assert [b.verified for b in session.breakpoints] == [True]
    assert session.hello.pid != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    second = await session.rerun()
    assert "published first: draft" in await finish(session, second)
    assert list(session.live.runs) == [first, second]
    assert reloads(session) == [("restarted", ("flow.py",))]
    seqs = [record.seq for record in session.recording.records()]
    assert seqs == sorted(set(seqs))


async def test_a_save_that_does_not_load_keeps_the_old_code_and_names_the_line(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    pid = session.hello.pid
    save(session, SYNTAX_ERROR)
    report = await session.reload()
    assert report.outcome == "failed"
    assert report.error is not None
    assert report.error.where is not None
    assert Path(report.error.where.file).name == "flow.py"
    assert (session.hello.pid, session.status.state) == (pid, "ready")
    run = await session.start_run({})
    assert "first: draft" in await finish(session, run)
    save(session, FLOW)
    assert (await session.reload()).outcome == "unchanged"
    assert reloads(session) == [("failed", ("flow.py",))]


# -- a live run
async def test_new_bodies_are_used_by_the_run_that_goes_on(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    pid = session.hello.pid
    save(session, OTHER_BODY)
    report = await session.reload()
    assert (report.outcome, report.files) == ("swapped", ["flow.py"])
    assert session.hello.pid == pid
    assert (await session.reload()).outcome == "unchanged"
    assert "second: draft" in await finish(session, run)
    assert reloads(session) == [("swapped", ("flow.py",))]


async def test_a_run_is_carried_into_a_fresh_host_when_the_steps_changed(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    pid = session.hello.pid
    save(session, NEW_STEP)
    report = await session.reload()
    assert (report.outcome, report.lost) == ("restarted", [])
    assert session.hello.pid != pid
    assert session.live.live_runs == [run]
    await session.wait_for(lambda s: len(s.live.holds) == 1, 30)
    (held,) = session.live.holds.values()
    assert (held.run, held.step, held.type) == (run, "check", "Draft")
    assert "published first: draft" in await finish(session, run)
    records = session.recording.records()
    assert [r.resumed for r in records if isinstance(r, RunStarted)] == [False, True]
    assert [r.kind for r in records].count("run_finished") == 1
    assert "run_cancelled" not in {r.kind for r in records}
    draft = session.recording.timeline(TimelineFilter(type="Draft"), 0, 10)
    assert [(row.outcome, row.consumers) for row in draft] == [("done", ("check",))]


async def test_a_paused_run_stays_paused_in_the_fresh_host(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    await session.pause()
    run = await session.start_run({})
    await session.wait_for(lambda s: len(s.live.holds) == 1, 30)
    save(session, NEW_STEP)
    assert (await session.reload()).outcome == "restarted"
    await session.wait_for(lambda s: len(s.live.holds) == 1, 30)
    assert (await session.host_status()).paused
    assert session.live.paused
    await session.resume()
    assert (await session.wait_run_end(run, 30)).status == "finished"


async def test_what_cannot_carry_over_is_asked_about(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    pid = session.hello.pid
    save(session, NEW_REQUIRED_FIELD)
    report = await session.reload()
    assert report.outcome == "ask"
    assert len(report.lost) == 1
    assert "author" in report.lost[0]
    assert (session.hello.pid, session.live.live_runs) == (pid, [run])

    save(session, NEW_STEP)
    assert (await session.reload()).outcome == "restarted"
    await session.wait_for(lambda s: len(s.live.holds) == 1, 30)
    assert "published first: draft" in await finish(session, run)


@pytest.mark.parametrize("how", ["decline", "save the old code"])
async def test_a_declined_loss_leaves_the_run_as_it_was(open_flow: OpenPeer, how: str) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    save(session, NEW_REQUIRED_FIELD)
    assert (await session.reload()).outcome == "ask"
    if how == "decline":
        await session.decline_loss()
    else:
        save(session, FLOW)
        assert (await session.reload()).outcome == "unchanged"
    assert [h.reason for h in session.live.holds.values()] == ["breakpoint"]
    assert "first: draft" in await finish(session, run)
    await session.wait_for(lambda s: not s.live.paused, 30)
    after = await session.start_run({})
    assert "first: draft" in (await session.wait_run_end(after, 30)).result


async def test_an_accepted_loss_goes_on_without(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    save(session, NEW_REQUIRED_FIELD)
    assert (await session.reload()).outcome == "ask"
    report = await session.accept_loss()
    assert report.outcome == "restarted"
    assert "author" in report.lost[0]
    answer = await session.inject("Draft", {"text": "new", "author": "you"}, run=run)
    assert answer.accepted_by == ["check"]
    assert "first: new" in await finish(session, run)
    assert (await session.accept_loss()).outcome == "unchanged"


async def test_a_refused_reload_under_a_run_changes_nothing(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    save(session, SYNTAX_ERROR)
    assert (await session.reload()).outcome == "failed"
    save(session, NEW_STEP.replace("class Checked", "import nothing_like_it\n\nclass Checked"))
    report = await session.reload()
    assert report.outcome == "failed"
    assert report.error is not None
    assert "nothing_like_it" in report.error.message
    assert "first: draft" in await finish(session, run)


async def test_an_open_question_survives_the_move(open_flow: OpenPeer) -> None:
    asking = """
from wf_core import Context, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent, Workflow, step

class Flow(Workflow):
    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
        answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(prefix="Who?"))
        return StopEvent(result="%s " + answer.response)
"""
    session = await open_flow(asking % "old")
    run = await session.start_run({})
    await session.wait_for(lambda s: any(p.asked for p in s.live.prompts), 30)
    save(
        session,
        asking % "new"
        + """
    @step
    async def more(self, ev: StartEvent) -> None:
        pass
""",
    )
    assert (await session.reload()).outcome == "restarted"
    await session.wait_for(lambda s: len(s.live.prompts) == 1, 30)
    (prompt,) = session.live.prompts
    await session.answer(prompt, {"response": "me"})
    assert "new me" in (await session.wait_run_end(run, 30)).result


# -- watching
async def reported(session: Session, act: Any) -> ReloadReport:
    """What the session reports by itself after `act`."""
    reports: asyncio.Queue[ReloadReport] = asyncio.Queue()
    session.on_reload.append(reports.put_nowait)
    act()
    return await asyncio.wait_for(reports.get(), 30)


async def test_saved_files_are_taken_up_by_themselves(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW, watch=True)
    report = await reported(session, lambda: save(session, SYNTAX_ERROR))
    assert report.outcome == "failed"
    report = await reported(session, lambda: save(session, OTHER_BODY))
    assert report.outcome == "restarted"
    assert "second: draft" in (await session.wait_run_end(await session.start_run({}), 30)).result


async def test_a_module_that_a_live_run_came_to_import_is_watched_too(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    new = session.flow.path.with_name("words.py")
    new.write_text('WORD = "second: "\n')
    save(
        session,
        FLOW.replace('"first: "', "WORD").replace("class Draft", "from words import WORD\n\nclass Draft"),
    )
    assert (await session.reload()).outcome == "swapped"
    new.write_text('WORD = "third: "\n')
    report = await session.reload()
    assert (report.outcome, report.files) == ("swapped", ["words.py"])
    assert await finish(session, run) == "'third: draft'"


@pytest.mark.parametrize("live", [False, True], ids=["idle", "under a run"])
async def test_a_module_that_the_import_writes_is_not_taken_up_for_ever(
    open_flow: OpenPeer, live: bool
) -> None:
    stamp = "import time\nfrom pathlib import Path\n"
    stamp += "Path(__file__).with_name('stamp.py').write_text(f'AT = {time.time_ns()}')\nimport stamp\n"
    session = await open_flow(stamp + FLOW)
    run = await held_before_check(session) if live else ""
    save(session, stamp + OTHER_BODY)
    outcomes = [(await session.reload()).outcome for _ in range(6)]
    assert outcomes[0] == ("swapped" if live else "restarted")
    assert outcomes[-1] == "unchanged"
    assert not live or await finish(session, run) == "'second: draft'"


async def test_a_watch_says_when_it_stands(tmp_path: Path) -> None:
    begun = asyncio.Event()
    watcher = Watcher(tmp_path, lambda: None, begun.set)
    watcher.watch_files([str(tmp_path / "flow.py")])
    await asyncio.wait_for(begun.wait(), 30)
    watcher.close()


async def test_a_module_that_was_missing_is_noticed_when_it_comes(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW, watch=True)
    with_module = FLOW.replace("from wf_core", "from words import WORD\nfrom wf_core", 1).replace(
        '"first: "', "WORD"
    )
    assert (await reported(session, lambda: save(session, with_module))).outcome == "failed"
    module = session.flow.path.with_name("words.py")
    assert (await reported(session, lambda: module.write_text('WORD = "a: "\n'))).outcome == "restarted"
    report = await reported(session, lambda: module.write_text('WORD = "b: "\n'))
    assert (report.outcome, report.files) == ("restarted", ["words.py"])
    assert "b: draft" in (await session.wait_run_end(await session.start_run({}), 30)).result


HANGING = """
import pathlib
pathlib.Path(__file__).with_name("importing").touch()
while True:
    pass
"""


async def test_a_save_ends_an_import_that_hangs(tmp_path: Path) -> None:
    importing, flow = tmp_path / "importing", tmp_path / "flow.py"
    flow.write_text(HANGING)
    session = Session(FlowSpec(flow))
    try:
        started = asyncio.ensure_future(session.start())
        await appears(importing)
        save(session, FLOW)
        await asyncio.wait_for(started, 30)
        assert "first: draft" in (await session.wait_run_end(await session.start_run({}), 30)).result

        importing.unlink()
        hanging = asyncio.ensure_future(reported(session, lambda: save(session, FLOW + HANGING)))
        await appears(importing)
        save(session, OTHER_BODY)
        assert (await hanging).outcome == "restarted"
        assert "second: draft" in (await session.wait_run_end(await session.start_run({}), 30)).result
    finally:
        await session.close()


async def appears(path: Path) -> None:
    while not path.exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)


async def test_restarting_the_host_cancels_what_runs(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await held_before_check(session)
    await session.restart_host()
    assert session.live.runs[run].status == "cancelled"
    assert session.live.holds == {}
    assert "run cancelled" in [row.type for row in session.recording.timeline(ALL, 0, 100)]
    assert [b.verified for b in session.breakpoints] == [True]
