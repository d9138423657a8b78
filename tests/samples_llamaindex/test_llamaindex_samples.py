"""The samples on LlamaIndex, unmodified, under the debugger: what is held, what an edit changes, what the
models were asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from wf_debug.control.breakpoints import parse_breakpoint
from wf_debug.session import FlowSpec, Session, SessionSettings
from wf_debug.trace.records import EventEmitted, Held, Log, ModelAnswered, ModelAsked, RunFinished

SAMPLES = Path(__file__).parents[2] / "sample_flows" / "llamaindex"
OpenSample = Callable[..., Awaitable[Session]]


@pytest.fixture
async def open_sample() -> AsyncIterator[OpenSample]:
    """Opens a session on a sample with these breakpoints."""
    opened: list[Session] = []

    async def open_(name: str, *breaks: str) -> Session:
        settings = SessionSettings(
            python=Path(sys.executable), watch=False, keep=False, remember_breakpoints=False
        )
        session = await Session.open(FlowSpec(SAMPLES / name), settings)
        opened.append(session)
        items = await session.set_breakpoints([parse_breakpoint(spec) for spec in breaks])
        assert all(item.ok for item in items)
        return session

    yield open_
    for session in opened:
        await session.close()


async def held(session: Session, count: int = 1) -> list[Held]:
    await session.wait_for(lambda s: len(s.live.holds) >= count, 30)
    return list(session.live.holds.values())


async def result(session: Session) -> Any:
    """The finished run's result."""
    (run,) = session.live.runs
    state = await session.wait_run_end(run, 30)
    assert state.status == "finished", state.error
    (finished,) = [r for r in session.recording.records() if isinstance(r, RunFinished)]
    return finished.result.data


def text_of(answer: dict[str, Any]) -> str:
    return "".join(block["text"] for block in answer["response"]["blocks"])


@pytest.mark.parametrize(
    ("sample", "said"),
    [("rag.py", "[cool-roofs]"), ("agent.py", "89.00 EUR"), ("approval.py", "signed by M. Ferrer")],
)
def test_each_runs_without_a_debugger(sample: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SAMPLES / sample)], capture_output=True, text=True, timeout=50, check=True
    )
    assert said in done.stdout.splitlines()[-1]


async def test_tool_calls_are_held_before_the_tools_run_and_take_edited_arguments(
    open_sample: OpenSample,
) -> None:
    session = await open_sample("agent.py", "ToolCall")
    await session.start_run({"user_msg": "Lamp 1042 arrived broken."})
    holds = await held(session, 2)
    by_tool = {hold.payload.data["tool_name"]: hold for hold in holds}
    assert set(by_tool) == {"find_order", "find_policy"}
    await session.release(by_tool["find_order"].hold, "edit", {"tool_kwargs": {"order": "1043"}})
    await session.release(by_tool["find_policy"].hold, "accept")
    await session.wait_for(lambda s: bool(s.live.holds), 30)
    (refund,) = session.live.holds.values()
    assert refund.payload.data["tool_kwargs"] == {"order": "1043", "amount": 349.0}
    await session.release(refund.hold, "edit", {"tool_kwargs": {"order": "1043", "amount": 400}})
    assert "400 is not between 0 and the price 349" in text_of(await result(session))


async def test_what_a_tool_gave_can_be_changed_before_the_model_sees_it(open_sample: OpenSample) -> None:
    session = await open_sample("agent.py", "ToolCallResult if ev.tool_name == 'find_policy'")
    await session.start_run({"user_msg": "Lamp 1042 arrived broken."})
    (hold,) = await held(session)
    changed = hold.payload.data["tool_output"]
    changed["blocks"][0]["text"] = '{"topic": "damage", "refund": "after an inspection"}'
    await session.release(hold.hold, "edit", {"tool_output": changed})
    assert text_of(await result(session)).endswith("no refund in this case: after an inspection.")
    tools = [r.payload.data["tool_name"] for r in session.recording.records() if _is_call(r)]
    assert sorted(tools) == ["find_order", "find_policy"]


def _is_call(record: object) -> bool:
    return isinstance(record, EventEmitted) and record.type == "ToolCall"


async def test_an_agent_is_forked_with_its_memory_and_the_original_keeps_its_own(
    open_sample: OpenSample,
) -> None:
    session = await open_sample("agent.py", "ToolCallResult if ev.tool_name == 'find_policy'")
    run = await session.start_run({"user_msg": "Lamp 1042 arrived broken."})
    (hold,) = await held(session)
    fork = await session.fork(run)
    _, again = await held(session, 2)
    assert (again.run, again.payload.data["tool_id"]) == (fork, hold.payload.data["tool_id"])
    changed = again.payload.data["tool_output"]
    changed["blocks"][0]["text"] = '{"topic": "damage", "refund": "after an inspection"}'
    await session.release(again.hold, "edit", {"tool_output": changed})
    await session.release(hold.hold, "accept")
    for one in (run, fork):
        assert (await session.wait_run_end(one, 30)).status == "finished"
    ends = {r.run: text_of(r.result.data) for r in session.recording.records() if isinstance(r, RunFinished)}
    assert ends[fork].endswith("no refund in this case: after an inspection.")
    assert not ends[run].endswith("after an inspection.")


async def test_each_model_call_is_told_with_its_invocation_and_tokens(open_sample: OpenSample) -> None:
    session = await open_sample("agent.py")
    run = await session.start_run({"user_msg": "Lamp 1042 arrived broken."})
    await result(session)
    records = session.recording.records()
    asked = [r for r in records if isinstance(r, ModelAsked)]
    answered = [r for r in records if isinstance(r, ModelAnswered)]
    assert [r.step for r in asked] == ["run_agent_step"] * 3
    assert [(r.call, r.invocation) for r in asked] == [(r.call, r.invocation) for r in answered]
    assert len({r.invocation for r in asked}) == 3
    assert [m["role"] for m in asked[0].asked.data] == ["system", "user"]
    assert [call["tool_name"] for call in answered[0].answer.data["tool_calls"]] == [
        "find_order",
        "find_policy",
    ]
    assert all(r.tokens_read and r.tokens_written and r.model == "clerk-1" for r in answered)
    lines = [r for r in records if isinstance(r, Log) and r.source == "model"]
    assert [line.text[0] for line in lines] == ["→", "←"] * 3
    detail = session.recording.invocation(run, asked[0].invocation or 0)
    assert detail is not None
    assert asked[0] in detail.records


async def test_the_answer_follows_what_was_retrieved(open_sample: OpenSample) -> None:
    session = await open_sample("rag.py", "Retrieved")
    await session.start_run({"pace": 0})
    (hold,) = await held(session)
    nodes = hold.payload.data["nodes"]
    assert nodes[0]["node"]["extra_info"] == {"name": "cool-roofs"}
    nodes[2]["node"]["text"] = "Flats below a cooler roof have cooler nights."
    await session.release(hold.hold, "edit", {"nodes": nodes[1:]})
    answer = await result(session)
    assert "cool-roofs" not in answer["sources"]
    assert "Flats below a cooler roof have cooler nights." in answer["answer"]


async def test_a_prompt_of_a_predicting_model_counts_once(open_sample: OpenSample) -> None:
    session = await open_sample("rag.py")
    await session.start_run({"pace": 0, "question": "Do street trees need water?"})
    await result(session)
    (asked,) = [r for r in session.recording.records() if isinstance(r, ModelAsked)]
    assert asked.step == "answer"
    assert "Question: Do street trees need water?" in asked.asked.data


async def test_a_person_asks_for_a_change_and_signs(open_sample: OpenSample) -> None:
    session = await open_sample("approval.py")
    await session.start_run({"pace": 0})
    for turn, given in ((1, {"verdict": "change", "remark": "price"}), (2, {"verdict": "refuse"})):
        await session.wait_for(lambda s, turn=turn: _waits_for(s, turn), 30)
        (prompt,) = session.live.prompts
        await session.answer(prompt, {**prompt.requirements, **given})
    assert await result(session) == {"number": "C-318", "outcome": "refused", "turns": 2}


def _waits_for(session: Session, turn: int) -> bool:
    return [p.requirements for p in session.live.prompts] == [{"turn": turn}]
