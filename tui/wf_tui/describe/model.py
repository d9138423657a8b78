"""What an invocation asked language models, and what they answered."""

from __future__ import annotations

import json
from typing import Any

from wf_debug.trace import records as r
from wf_debug.trace.rows import InvocationDetail
from wf_tui import look
from wf_tui.describe.parts import EMPTY, error_lines, fact, heading, remark
from wf_tui.look import Line


def model_lines(detail: InvocationDetail) -> list[Line]:
    """Each call of a language model: what it was asked, what it answered, what it took."""
    answers = {one.call: one for one in detail.records if isinstance(one, r.ModelAnswered)}
    lines: list[Line] = []
    for asked in detail.records:
        if isinstance(asked, r.ModelAsked):
            lines += [EMPTY, *_model_call(asked, answers.get(asked.call))]
    return lines


def _model_call(asked: r.ModelAsked, answered: r.ModelAnswered | None) -> list[Line]:
    lines = [heading(f"model {asked.model}"), *_said(asked.asked)]
    if answered is None:
        return [*lines, remark("no answer yet")]
    if answered.error is not None:
        return [*lines, *error_lines(answered.error)]
    lines += _said(answered.answer) if answered.answer is not None else []
    read, written = answered.tokens_read, answered.tokens_written
    counts = f"{read or 0:,} tokens read, {written or 0:,} written  " if read or written else ""
    return [*lines, fact("took", f"{counts}{look.seconds(answered.duration)}")]


def _said(payload: r.Payload) -> list[Line]:
    """One message a paragraph; what is too large to be shown, as its preview."""
    data = payload.data
    messages = data if isinstance(data, list) else [data]
    lines: list[Line] = []
    for message in messages:
        if not isinstance(message, dict) or "content" not in message:
            text = data if isinstance(data, str) else payload.preview
            return [*lines, *(((line, "text"),) for line in text.splitlines())]
        lines += _message(message)
    return lines


def _message(message: dict[str, Any]) -> list[Line]:
    role = f"{message.get('role', '')}: "
    first, *more = str(message["content"]).splitlines() or [""]
    lines: list[Line] = [((role, "accent"), (first, "text")), *(((line, "text"),) for line in more)]
    calls = message.get("tool_calls") or ()
    return [
        *lines,
        *(((f"  calls {json.dumps(call, ensure_ascii=False, default=str)}", "text"),) for call in calls),
    ]
