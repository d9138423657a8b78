"""What the inspector says of an invocation that called a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wf_debug.trace.recording import Recording, RecordingMeta
from wf_debug.trace.records import ErrorInfo, InvocationStarted, ModelAnswered, ModelAsked, Payload
from wf_tui.describe.step import invocation_lines

MESSAGES = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Which order?\nThe lamp's."},
]
ANSWER = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"tool_name": "find_order", "tool_kwargs": {"order": "1042"}}],
}


def told(tmp_path: Path, answer: dict[str, Any] | None, asked: Any = MESSAGES) -> list[str]:
    who: dict[str, Any] = {"run": "r", "step": "think", "invocation": 1}
    recording = Recording.create(tmp_path / "a.wfrec", RecordingMeta(flow="flow.py"))
    payload = Payload(type="messages", preview="what was asked", data=asked)
    recording.append(
        [
            InvocationStarted(seq=1, events=(1,), worker=0, **who),
            ModelAsked(seq=2, call=1, model="clerk-1", asked=payload, **who),
        ]
    )
    if answer is not None:
        recording.append([ModelAnswered(seq=3, call=1, model="clerk-1", duration=0.25, **{**who, **answer})])
    lines = invocation_lines(recording, "r", 1)
    recording.close()
    return ["".join(text for text, _ in line) for line in lines]


def test_each_message_has_its_role_and_the_answer_its_tool_calls_and_tokens(tmp_path: Path) -> None:
    answer = {"answer": Payload(type="answer", preview="", data=ANSWER), "tokens_read": 1200}
    lines = told(tmp_path, {**answer, "tokens_written": 8})
    start = lines.index("model clerk-1")
    assert lines[start + 1 : start + 4] == ["system: You are brief.", "user: Which order?", "The lamp's."]
    assert any("calls" in line and '"order": "1042"' in line for line in lines)
    assert "1,200 tokens read, 8 written" in lines[-1]
    assert "250ms" in lines[-1]


def test_a_call_under_way_says_so(tmp_path: Path) -> None:
    assert told(tmp_path, None)[-1] == "no answer yet"


def test_a_call_that_failed_shows_its_error(tmp_path: Path) -> None:
    error = ErrorInfo(type="RateLimited", message="try later")
    assert any("RateLimited" in line for line in told(tmp_path, {"error": error}))


@pytest.mark.parametrize("asked", ["a prompt\nof two lines", None])
def test_a_plain_prompt_is_shown_and_one_too_large_as_its_preview(tmp_path: Path, asked: Any) -> None:
    lines = told(tmp_path, None, asked)
    assert lines[-2] == ("of two lines" if asked else "what was asked")
