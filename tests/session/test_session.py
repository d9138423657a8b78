"""What a session offers over a host that behaves: commands, breakpoints that are remembered, records as they
come."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest
from peers import SERVING, OpenPeer, write_peer

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.session import Change, FlowSpec, PostMortem, Session, SessionError, SessionSettings
from wf_debug.trace.records import Record
from wf_debug.trace.rows import ALL
from wf_debug.trace.rows import ALL_LOGS as LOGS

FLOW = """
import asyncio
from wf_core import Context, Event, StartEvent, StopEvent, Workflow, step

class Topic(StartEvent):
    name: str

class Found(Event):
    what: str

class Flow(Workflow):
    @step
    async def search(self, ev: Topic) -> Found:
        print("looking for", ev.name)
        return Found(what=ev.name.upper())

    @step
    async def tell(self, ctx: Context, ev: Found) -> StopEvent:
        await ctx.store.set("what", ev.what)
        return StopEvent(result=ev.what)
"""
ASKING = """
from wf_core import Context, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent, Workflow, step

class Flow(Workflow):
    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
        answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(prefix="Who?"))
        return StopEvent(result=answer.response)
"""


# -- a run
async def test_a_run_from_start_to_end(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    assert session.status.state == "ready"
    assert session.workflow is not None
    assert [step.name for step in session.workflow.graph.steps] == ["search", "tell"]
    run = await session.start_run({"name": "ada"})
    end = await session.wait_run_end(run, 30)
    assert (end.status, "ADA" in end.result) == ("finished", True)
    assert [row.text for row in session.recording.logs(LOGS, 0, 10)] == ["looking for ada"]
    again = await session.rerun()
    assert again != run
    await session.wait_run_end(again, 30)
    path, rows = session.recording.path, session.recording.timeline(ALL, 0, 100)
    await session.close()

    past = PostMortem(path)
    assert past.recording.timeline(ALL, 0, 100) == rows
    assert past.live.runs[run] == end
    assert past.workflow is not None
    assert session.workflow is not None
    assert past.workflow.graph == session.workflow.graph
    assert not any(past.capabilities.model_dump().values())
    past.recording.close()


async def test_held_events_are_edited_dropped_and_injected(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    (verdict,) = await session.set_breakpoints([Breakpoint(event="Found")])
    assert verdict.ok
    run = await session.start_run({"name": "ada"})
    await session.wait_for(lambda s: len(s.live.holds) == 1, 30)
    (held,) = session.live.holds.values()
    assert (held.type, held.step) == ("Found", "tell")
    await session.release(held.hold, "drop")
    await session.wait_for(lambda s: not s.live.holds, 30)
    answer = await session.inject("Found", {"what": "something else"})
    assert answer.accepted_by == ["tell"]
    await session.wait_for(lambda s: len(s.live.holds) == 1, 30)
    (held,) = session.live.holds.values()
    await session.release(held.hold, "edit", {"what": "EDITED"})
    assert "EDITED" in (await session.wait_run_end(run, 30)).result
    with pytest.raises(SessionError):
        await session.release(held.hold, "accept")


async def test_a_question_is_answered(open_flow: OpenPeer) -> None:
    session = await open_flow(ASKING)
    run = await session.start_run({})
    await session.wait_for(lambda s: any(p.asked for p in s.live.prompts), 30)
    (prompt,) = session.live.prompts
    assert (prompt.text, prompt.answer_type, prompt.step) == ("Who?", "HumanResponseEvent", "ask")
    await session.answer(prompt, {"response": "me"})
    assert "me" in (await session.wait_run_end(run, 30)).result
    assert session.live.prompts == []


async def test_wrong_input_is_told_field_by_field(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    with pytest.raises(SessionError) as raised:
        await session.start_run({"nome": "ada"})
    assert "name" in {field.field for field in raised.value.error.fields}
    assert (await session.validate("Topic", {"name": 3})).errors
    assert session.live.runs == {}


async def test_records_stream_in_order_as_they_come_until_the_session_ends(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    got: list[Record] = []

    async def read() -> None:
        async for record in session.stream():
            got.append(record)  # noqa: PERF401  # looked at while it grows

    reading = asyncio.create_task(read())
    run = await session.start_run({"name": "x"})
    await session.wait_run_end(run, 30)
    recorded = session.recording.records()
    while len(got) < len(recorded):  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert got[: len(recorded)] == recorded
    await session.close()
    await reading


async def test_changes_are_told_with_their_numbers_and_kinds(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    changes: list[Change] = []
    session.on_change.append(changes.append)
    run = await session.start_run({"name": "x"})
    await session.wait_run_end(run, 30)
    told = [change for change in changes if change.last_seq >= change.first_seq]
    assert [c.first_seq for c in told[1:]] == [c.last_seq + 1 for c in told[:-1]]
    assert {"run_started", "run_finished"} <= set().union(*(c.kinds for c in told))


# -- flows that do not load
async def test_a_flow_that_does_not_load_leaves_nothing_running(open_flow: OpenPeer) -> None:
    with pytest.raises(SessionError) as raised:
        await open_flow("import nothing_like_this_exists\n")
    assert "nothing_like_this_exists" in str(raised.value)
    assert raised.value.error.where is not None


async def test_a_session_that_was_started_outlives_a_flow_that_does_not_load(tmp_path: Path) -> None:
    flow = tmp_path / "flow.py"
    flow.write_text("class Broken(\n")
    async with Session(FlowSpec(flow), SessionSettings(watch=False)) as session:
        with pytest.raises(SessionError):
            await session.start()
        assert session.status.state == "error"
        assert not session.hello.capabilities.run
        with pytest.raises(SessionError):
            await session.pause()
        flow.write_text(FLOW)
        report = await session.reload()
        assert (report.outcome, session.status.state) == ("restarted", "ready")
        assert await session.start_run({"name": "x"})


async def test_one_of_several_workflows_is_chosen_by_name(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW + FLOW.replace("class Flow", "class Other"))
    assert [w.name for w in session.workflows] == ["Flow", "Other"]
    assert session.workflow is None
    with pytest.raises(SessionError, match="no workflow is chosen"):
        await session.start_run({})
    with pytest.raises(SessionError, match="no workflow 'Nope'"):
        await session.choose("Nope")
    await session.choose("Other")
    assert session.recording.meta.workflow == "Other"


# -- breakpoints
async def test_breakpoints_are_remembered_for_the_flow_and_verified_anew(open_peer: OpenPeer) -> None:
    session = await open_peer(SERVING)
    await session.set_breakpoints([Breakpoint(event="Query", condition="ev.n > 3"), Breakpoint(event="Nope")])
    assert [(b.id, b.event, b.verified, b.why) for b in session.breakpoints] == [
        (1, "Query", True, "no such event"),
        (2, "Nope", False, "no such event"),
    ]
    await session.close()
    again = await open_peer(SERVING)
    assert [(b.id, b.event, b.condition, b.verified) for b in again.breakpoints] == [
        (1, "Query", "ev.n > 3", True),
        (2, "Nope", None, False),
    ]


async def test_breakpoints_toggle_and_get_numbers_of_their_own(open_peer: OpenPeer) -> None:
    session = await open_peer(SERVING)
    await session.toggle_breakpoint(event="Query")
    await session.toggle_breakpoint(step="rank")
    await session.set_breakpoints([*session.breakpoints, Breakpoint(id=1, event="Other")])
    assert [(b.id, b.event, b.step) for b in session.breakpoints] == [
        (1, "Query", None),
        (2, None, "rank"),
        (3, "Other", None),
    ]
    await session.toggle_breakpoint(event="Query")
    assert [b.id for b in session.breakpoints] == [2, 3]


async def test_rules_stay_when_a_breakpoint_is_toggled_and_are_not_remembered(open_peer: OpenPeer) -> None:
    session = await open_peer(SERVING)
    rule = Breakpoint(id=1, event="Query", action="drop", rules="faults.toml")
    await session.set_breakpoints([rule])
    for shown in (["drop", "hold"], ["drop"]):
        await session.toggle_breakpoint(event="Query")
        assert [b.action for b in session.breakpoints] == shown
    await session.close()
    again = await open_peer(SERVING)
    assert list(again.breakpoints) == []


async def test_unreadable_saved_breakpoints_are_put_aside(open_peer: OpenPeer, own_state: Path) -> None:
    session = await open_peer(SERVING)
    await session.toggle_breakpoint(event="Query")
    await session.close()
    (saved,) = (own_state / "breakpoints").iterdir()
    saved.write_text("{")
    again = await open_peer(SERVING)
    assert again.breakpoints == []
    assert [path.suffix for path in (own_state / "breakpoints").iterdir()] == [".bad"]
    assert "put aside" in again.recording.timeline(ALL, 0, 1)[0].preview


async def test_a_session_that_shall_not_remember_does_not(open_peer: OpenPeer, own_state: Path) -> None:
    session = await open_peer(SERVING, remember_breakpoints=False)
    await session.toggle_breakpoint(event="Query")
    assert not (own_state / "breakpoints").exists()


# -- files and the end
async def test_where_recordings_go(open_peer: OpenPeer, own_state: Path, tmp_path: Path) -> None:
    write = 'records(record("note", text="x"))\n' + SERVING
    session = await open_peer(write)
    assert session.recording.path.parent == own_state / "recordings"
    assert session.recording.path.name.startswith("flow-")
    await session.close()
    assert session.recording.path.exists()

    named = await open_peer(write, recording=tmp_path / "mine.wfrec")
    assert named.recording.path == tmp_path / "mine.wfrec"
    await named.close()
    with pytest.raises(SessionError, match="exists already"):
        await open_peer(write, recording=tmp_path / "mine.wfrec")

    scratch = await open_peer(write, keep=False)
    await scratch.close()
    assert not scratch.recording.path.exists()


async def test_sessions_that_begin_in_the_same_second_record_to_files_of_their_own(
    open_peer: OpenPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "strftime", lambda _: "20260102-030405")
    sessions = await asyncio.gather(*(open_peer(SERVING) for _ in range(3)))
    names = {session.recording.path.name for session in sessions}
    assert names == {f"flow-20260102-030405{n}.wfrec" for n in ("", "-2", "-3")}


async def test_closing_ends_the_host_also_when_the_caller_is_interrupted(tmp_path: Path) -> None:
    python = write_peer(tmp_path, SERVING)
    pids: list[int] = []

    async def debug() -> None:
        async with await Session.open(
            FlowSpec(tmp_path / "flow.py"), SessionSettings(python=python)
        ) as session:
            pids.append(session.hello.pid)
            await asyncio.Event().wait()

    task = asyncio.create_task(debug())
    while not pids and not task.done():  # noqa: ASYNC110
        await asyncio.sleep(0)
    task.cancel()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert not [t for t in threading.enumerate() if t.name.startswith("wf ")]


async def test_opening_that_is_interrupted_leaves_no_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wf_debug.session.link._GOODBYE", 0.1)
    python = write_peer(
        tmp_path, f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    task = asyncio.create_task(Session.open(FlowSpec(tmp_path / "flow.py"), SessionSettings(python=python)))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
