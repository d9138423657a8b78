"""Calls of language models, each with the invocation that made it: what was asked, what came, tokens."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from wf_debug.control.debugger import Debugger
from wf_debug.control.origin import Origin, current_origin
from wf_debug.control.payload import safe_str
from wf_debug.trace.records import Log, ModelAnswered, ModelAsked

_ASKING = {"LLMChatStartEvent": "messages", "LLMCompletionStartEvent": "prompt"}
_ANSWERING = frozenset({"LLMChatEndEvent", "LLMCompletionEndEvent"})
OF_MODELS = _ANSWERING | _ASKING.keys()
"""Names of the events that tell of a model."""
_READ = ("prompt_tokens", "input_tokens", "prompt_token_count")
_WRITTEN = ("completion_tokens", "output_tokens", "candidates_token_count")
_SHORT = 160
"""Characters of a message in the log."""


@dataclass(frozen=True, slots=True)
class _Call:
    number: int
    model: str
    origin: Origin
    began: float


class ModelCalls:
    """Turns the events of instrumented models into records. Any thread."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._numbers = itertools.count(1)
        self._open: dict[str, _Call] = {}
        """By the span of the call."""
        self._inside: ContextVar[str] = ContextVar("wf_debug_model_call", default="")

    def take(self, event: Any) -> None:
        """Something happened in an instrumented library."""
        name, span = type(event).__name__, event.span_id or ""
        if name in _ASKING:
            self._asked(span, event, _ASKING[name])
        elif name in _ANSWERING and span in self._open:
            self._answered(span, event.response)

    def dropped(self, span: str, error: BaseException | None) -> None:
        """A span ended with an exception."""
        call = self._open.pop(span, None)
        if call is not None and error is not None:
            info = self._debugger.user_code.describe(error)
            self._log(call, f"{call.model} failed: {info.type}: {info.message}", "ERROR")
            self._debugger.tracer.emit(ModelAnswered, **self._of(call), error=info)

    def _asked(self, span: str, event: Any, kind: str) -> None:
        """A model that is built on another one's call counts once."""
        if self._inside.get() in self._open:
            return
        model = _model_name(event.model_dict)
        call = _Call(next(self._numbers), model, current_origin.get(), self._debugger.clock.now())
        self._open[span] = call
        self._inside.set(span)
        said = event.prompt if kind == "prompt" else [_message(m) for m in event.messages]
        payload = self._debugger.payloads.encode(said, kind)
        last = said if isinstance(said, str) else _last(said)
        self._log(call, f"→ {model}: {_short(last)}")
        tracer, origin = self._debugger.tracer, call.origin
        tracer.emit(ModelAsked, **_who(origin), call=call.number, model=model, asked=payload)

    def _answered(self, span: str, response: Any) -> None:
        call = self._open.pop(span)
        said = _answer(response)
        read, written = tokens(response)
        counts = f" ({read or 0}+{written or 0} tokens)" if read or written else ""
        self._log(call, f"← {call.model}{counts}: {_short(_last([said]))}")
        payload = self._debugger.payloads.encode(said, "answer")
        self._debugger.tracer.emit(
            ModelAnswered, **self._of(call), answer=payload, tokens_read=read, tokens_written=written
        )

    def _of(self, call: _Call) -> dict[str, Any]:
        duration = self._debugger.clock.now() - call.began
        return {**_who(call.origin), "call": call.number, "model": call.model, "duration": duration}

    def _log(self, call: _Call, text: str, level: str = "") -> None:
        fields = {**_who(call.origin), "source": "model", "level": level, "logger": call.model, "text": text}
        self._debugger.tracer.emit(Log, **fields)


def tokens(response: Any) -> tuple[int | None, int | None]:
    """Tokens read and written, under the names that the providers give them; None where nobody says."""
    raw = getattr(response, "raw", None)
    places = [_part(raw, "usage"), _part(raw, "usage_metadata"), getattr(response, "additional_kwargs", None)]
    read = next((n for p in places for name in _READ if (n := _count(p, name)) is not None), None)
    written = next((n for p in places for name in _WRITTEN if (n := _count(p, name)) is not None), None)
    return read, written


def _part(whole: Any, name: str) -> Any:
    return whole.get(name) if isinstance(whole, Mapping) else getattr(whole, name, None)


def _count(place: Any, name: str) -> int | None:
    found = _part(place, name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _model_name(described: Mapping[str, Any]) -> str:
    names = (described.get(key) for key in ("model", "model_name", "class_name"))
    return next((name for name in names if isinstance(name, str) and name), "model")


def _message(message: Any) -> dict[str, Any]:
    """Who says what, and which tools it calls."""
    role = getattr(message.role, "value", message.role)
    calls = (getattr(message, "additional_kwargs", None) or {}).get("tool_calls")
    said: dict[str, Any] = {"role": str(role), "content": message.content or ""}
    return {**said, "tool_calls": calls} if calls else said


def _answer(response: Any) -> dict[str, Any]:
    message = getattr(response, "message", None)
    if message is not None:
        return _message(message)
    return {"role": "assistant", "content": safe_str(getattr(response, "text", None) or "")}


def _last(messages: list[dict[str, Any]]) -> str:
    """The last message in words; one that only calls tools names them."""
    last = messages[-1] if messages else {"content": ""}
    calls = last.get("tool_calls")
    named = f" calls {', '.join(map(_tool_name, calls))}" if isinstance(calls, list) else ""
    return f"{last['content']}{named}"


def _tool_name(call: Any) -> str:
    function = _part(call, "function") or call
    return str(_part(function, "tool_name") or _part(function, "name") or "a tool")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"


def _who(origin: Origin) -> dict[str, Any]:
    return {
        "run": origin.run,
        "step": origin.step,
        "invocation": origin.invocation,
        "attempt": origin.attempt,
    }
