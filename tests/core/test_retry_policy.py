"""Retry policies: the familiar names give the delays of the reference, and other makings fit in."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflows import retry_policy as reference

from wf_core import retry_policy as ours
from wf_core.retry_policy import (
    RetryPolicy,
    describe,
    retry_if_exception,
    retry_if_exception_cause_type,
    retry_if_exception_message,
    retry_if_exception_type,
    retry_if_not_exception_type,
    retry_never,
    retry_policy,
    stop_after_attempt,
    stop_after_delay,
    stop_before_delay,
    stop_never,
    wait_chain,
    wait_exponential,
    wait_fixed,
    wait_none,
    wait_random,
)


def test_every_public_name_of_the_reference_is_here():
    names = {n for n, v in vars(reference).items() if getattr(v, "__module__", "") == reference.__name__}
    assert {n for n in names if not n.startswith("_")} <= set(ours.__all__)


def test_without_arguments_three_attempts_five_seconds_apart():
    policy = retry_policy()
    assert [policy.next(0, n, ValueError()) for n in (1, 2, 3)] == [5, 5, None]
    assert isinstance(policy, RetryPolicy)


# -- any policy, built from the same recipe on both packages
ERROR_TYPES = (ValueError, KeyError, OSError, TimeoutError)
Recipe = tuple[Any, ...]
durations = st.floats(0, 50, allow_nan=False) | st.integers(0, 50)
types = st.sampled_from(ERROR_TYPES) | st.tuples(st.sampled_from(ERROR_TYPES), st.sampled_from(ERROR_TYPES))
texts = st.sampled_from(["", "busy", "busy now", "x+"])


def recipe(
    name: str, *arguments: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]
) -> st.SearchStrategy[Recipe]:
    return st.tuples(st.just(name), st.tuples(*arguments), st.fixed_dictionaries({}, optional=named))


def combined(base: st.SearchStrategy[Recipe], *names: str) -> st.SearchStrategy[Recipe]:
    def one_level(inner: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
        return st.tuples(
            st.sampled_from(names), st.lists(inner, min_size=1, max_size=3).map(tuple), st.just({})
        )

    return st.recursive(base, one_level, max_leaves=4)


conditions = combined(
    st.one_of(
        recipe("retry_if_exception_type", types),
        recipe("retry_if_not_exception_type", types),
        recipe("retry_unless_exception_type", types),
        recipe("retry_if_exception_cause_type", types),
        recipe("retry_if_exception_message", message=texts).filter(lambda r: bool(r[2])),
        recipe("retry_if_not_exception_message", match=texts).filter(lambda r: bool(r[2])),
        recipe("retry_always"),
        recipe("retry_never"),
    ),
    "retry_any",
    "retry_all",
    "&",
    "|",
)
waits = combined(
    st.one_of(
        recipe("wait_fixed", durations | st.just(timedelta(minutes=1))),
        recipe("wait_none"),
        recipe(
            "wait_exponential", multiplier=durations, exp_base=st.floats(0, 4), max=durations, min=durations
        ),
        recipe("wait_incrementing", start=durations, increment=st.floats(-10, 10), max=durations),
        recipe("wait_random", min=st.floats(0, 1), max=st.floats(1, 2)),
        recipe("wait_exponential_jitter", initial=st.floats(0, 3), max=durations, jitter=st.floats(0, 2)),
        recipe("wait_random_exponential", multiplier=durations, max=durations, min=durations),
        recipe("wait_full_jitter", multiplier=durations),
    ),
    "wait_chain",
    "wait_combine",
    "+",
)
stops = combined(
    st.one_of(
        recipe("stop_after_attempt", st.integers(0, 6)),
        recipe("stop_after_delay", durations),
        recipe("stop_before_delay", durations | st.just(timedelta(seconds=9))),
        recipe("stop_never"),
    ),
    "stop_any",
    "stop_all",
    "&",
    "|",
)


def build(package: ModuleType, made: Recipe) -> Any:
    name, arguments, named = made
    parts = [build(package, a) if is_recipe(a) else a for a in arguments]
    if name in ("&", "|", "+"):
        first, *rest = parts
        for part in rest:
            first = first & part if name == "&" else first | part if name == "|" else first + part
        return first
    return getattr(package, name)(*parts, **named)


def is_recipe(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], str)


@st.composite
def errors(draw: st.DrawFn) -> Exception:
    error = draw(st.sampled_from(ERROR_TYPES))(draw(texts))
    if draw(st.booleans()):
        error.__cause__ = draw(st.sampled_from(ERROR_TYPES))()
    return error


@given(
    st.fixed_dictionaries({}, optional={"retry": conditions, "wait": waits, "stop": stops}),
    errors(),
    st.integers(0, 8),
    st.floats(0, 60),
    st.integers(0, 9),
)
def test_any_policy_decides_as_the_reference_does(
    parts: dict[str, Recipe], error: Exception, attempts: int, elapsed: float, seed: int
):
    def decision(package: Any) -> float | None:
        policy = package.retry_policy(**{part: build(package, made) for part, made in parts.items()})
        decided: float | None = policy.next(elapsed, attempts, error, seed=seed)
        return decided

    assert decision(ours) == decision(reference)


@given(st.booleans(), st.integers(1, 6), st.floats(0.1, 9), st.integers(0, 9))
def test_the_deprecated_policies_decide_as_the_reference_does(
    jitter: bool, attempts: int, first: float, seed: int
):
    def decisions(package: Any) -> list[float | None]:
        with pytest.warns(DeprecationWarning, match="is deprecated, use"):
            constant = package.ConstantDelayRetryPolicy(4, first)
        with pytest.warns(DeprecationWarning, match="is deprecated, use"):
            growing = package.ExponentialBackoffRetryPolicy(4, first, 3, 30, jitter)
        return [policy.next(1.5, attempts, OSError(), seed=seed) for policy in (constant, growing)]

    assert decisions(ours) == decisions(reference)


# -- where the reference is silent
def test_a_growing_delay_stays_at_its_limit_beyond_the_range_of_numbers():
    policy = retry_policy(wait=wait_exponential(max=60), stop=stop_never())
    assert policy.next(0, 10_000, OSError()) == 60


def test_causes_that_go_in_a_circle_come_to_an_end():
    error, other = ValueError(), KeyError()
    error.__cause__, other.__cause__ = other, error
    assert retry_if_exception_cause_type(KeyError)(error)
    assert not retry_if_exception_cause_type(OSError)(error)


@pytest.mark.parametrize("arguments", [{}, {"message": "a", "match": "b"}])
def test_a_message_condition_takes_exactly_one_criterion(arguments: dict[str, str]):
    with pytest.raises(TypeError, match="'message' or 'match'"):
        retry_if_exception_message(**arguments)


def test_a_chain_needs_a_strategy():
    with pytest.raises(ValueError, match="at least one"):
        wait_chain()


def test_waits_can_be_summed():
    assert sum([wait_fixed(1), wait_fixed(2), lambda n, seed=None: 10 * n])(3) == 33


# -- strategies written for tenacity: called with one `retry_state`
class AfterThisMany:
    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, retry_state: Any) -> bool:
        return bool(retry_state.attempt_number >= self.n and retry_state.seconds_since_start >= 0)


def linear(retry_state: Any) -> float:
    return float(retry_state.attempt_number * 10)


def on_timeout(retry_state: Any) -> bool:
    return retry_state.outcome.failed and isinstance(retry_state.outcome.exception(), TimeoutError)


def short_sleep_left(retry_state: Any) -> bool:
    return bool(retry_state.upcoming_sleep > 15)


def test_tenacity_strategies_are_taken_as_they_are():
    policy = retry_policy(retry=on_timeout, wait=linear, stop=AfterThisMany(4))
    assert [policy.next(0, n, TimeoutError()) for n in (1, 2, 3, 4)] == [10, 20, 30, None]
    assert policy.next(0, 1, ValueError()) is None
    assert retry_policy(stop=short_sleep_left, wait=linear).next(0, 2, ValueError()) is None


def test_tenacity_strategies_combine_with_ours():
    policy = retry_policy(
        retry=retry_if_exception_type(KeyError) | on_timeout,
        wait=linear + wait_fixed(1) + linear,
        stop=stop_after_attempt(9) | AfterThisMany(3),
    )
    assert [policy.next(0, n, TimeoutError()) for n in (1, 2, 3)] == [21, 41, None]
    assert policy.next(0, 1, KeyError()) == 21
    assert policy.next(0, 1, OSError()) is None


def test_ours_can_be_called_from_within_a_tenacity_combination():
    class Both:
        def __init__(self, *parts: Any) -> None:
            self.parts = parts

        def __call__(self, retry_state: Any) -> Any:
            return sum(part(retry_state) for part in self.parts)

    policy = retry_policy(
        retry=Both(retry_if_exception_type(OSError), retry_never()),
        wait=Both(linear, wait_exponential(multiplier=3)),
        stop=Both(stop_after_delay(20), stop_before_delay(30)),
    )
    assert [policy.next(1, n, OSError()) for n in (1, 2)] == [13, 26]
    assert policy.next(20, 1, OSError()) is None
    assert policy.next(0, 1, KeyError()) is None


# -- in words
class HandMade:
    def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
        return None


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (None, ""),
        (retry_policy(), "3 attempts, 5 s apart"),
        (retry_policy(wait=wait_fixed(1), stop=stop_after_attempt(1)), "1 attempt, 1 s apart"),
        (
            retry_policy(retry_if_exception_type((OSError, KeyError)), wait_none(), stop_after_delay(30)),
            "for 30 s, at once, on OSError or KeyError",
        ),
        (
            retry_policy(
                retry_if_exception(on_timeout) & retry_if_not_exception_type(KeyError),
                wait_exponential(max=10) + wait_random(0, 0.5),
                stop_after_attempt(5) | stop_before_delay(60),
            ),
            "5 attempts or within 60 s, 1 s, 2 s .. 10 s apart plus random 0 to 0.5 s apart, "
            "if on_timeout and unless KeyError",
        ),
        (retry_policy(wait=linear, stop=stop_never()), "any number of attempts, linear apart"),
        (HandMade(), "HandMade"),
    ],
)
def test_a_policy_is_described_in_words(policy: Any, words: str):
    assert describe(policy) == words
