"""Retry policies of this engine in words."""

from __future__ import annotations

from typing import Any

from wf_core.retry_policy.attempt import in_words, words_of_foreign


def describe(policy: Any) -> str:
    """A policy in words, as `3 attempts, 1 s apart`; empty for none. What is unknown goes by its name."""
    if policy is None:
        return ""
    stop, wait = getattr(policy, "stop", policy), getattr(policy, "wait", policy)
    parts = [_attempts(stop), _delay(wait), _condition(getattr(policy, "retry", None))]
    if stop is wait:  # an older policy, which is all three in one
        parts = [p for p in parts if p != words_of_foreign(policy)] or [words_of_foreign(policy)]
    return ", ".join(p for p in parts if p)


def _attempts(stop: Any) -> str:
    most = getattr(stop, "max_attempt_number", None) or getattr(stop, "maximum_attempts", None)
    if most is None:
        return words_of_foreign(stop)
    return f"{most} attempt{'' if most == 1 else 's'}"


def _delay(wait: Any) -> str:
    seconds = getattr(wait, "wait", getattr(wait, "delay", None))
    return f"{in_words(seconds)} apart" if isinstance(seconds, int | float) else words_of_foreign(wait)


def _condition(retry: Any) -> str:
    if retry is None:
        return ""
    types = getattr(retry, "exception_types", None)
    if not types:
        return words_of_foreign(retry)
    return "on " + " or ".join(t.__name__ for t in (types if isinstance(types, tuple) else (types,)))
