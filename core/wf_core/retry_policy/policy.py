"""The policy a step is given: which failures, how long to wait, when to give up."""

from __future__ import annotations

import warnings
from typing import Protocol, runtime_checkable

from wf_core.retry_policy.attempt import FailedOutcome, RetryState, words_of_foreign
from wf_core.retry_policy.conditions import RetryCondition, StateCondition, as_condition, condition_words
from wf_core.retry_policy.stops import StateStop, StopCondition, as_stop, stop_after_attempt, stop_words
from wf_core.retry_policy.waits import (
    StateWait,
    WaitStrategy,
    as_wait,
    wait_exponential,
    wait_fixed,
    wait_random_exponential,
    wait_words,
)


@runtime_checkable
class RetryPolicy(Protocol):
    """Decides after each failed attempt; anything with such a `next` is a policy."""

    def next(
        self, elapsed_time: float, attempts: int, error: Exception, *, seed: int | None = None
    ) -> float | None:
        """Seconds until the next attempt, None to give up.

        `elapsed_time` is in seconds since the first attempt began, `attempts` counts failures from 1.
        """


class ComposedRetryPolicy:
    """A policy of three parts. The parts may be this package's, tenacity's or your own."""

    def __init__(
        self,
        retry: RetryCondition | None = None,
        wait: WaitStrategy = wait_fixed(5),  # noqa: B008 - immutable
        stop: StopCondition = stop_after_attempt(3),  # noqa: B008 - immutable
    ) -> None:
        self.retry = as_condition(retry) if retry is not None else None
        self.wait = as_wait(wait)
        self.stop = as_stop(stop)

    def next(
        self, elapsed_time: float, attempts: int, error: Exception, *, seed: int | None = None
    ) -> float | None:
        state = RetryState(attempts, FailedOutcome(error), seconds_since_start=elapsed_time, seed=seed)
        if not self._retryable(state, error):
            return None
        state.upcoming_sleep = self._delay(state)
        return None if self._over(state) else state.upcoming_sleep

    def _retryable(self, state: RetryState, error: Exception) -> bool:
        if isinstance(self.retry, StateCondition):
            return self.retry.consult(state)
        return self.retry is None or self.retry(error)

    def _delay(self, state: RetryState) -> float:
        if isinstance(self.wait, StateWait):
            return self.wait.consult(state)
        return self.wait(max(state.attempt_number - 1, 0), seed=state.seed)

    def _over(self, state: RetryState) -> bool:
        if isinstance(self.stop, StateStop):
            return self.stop.consult(state)
        return self.stop(state.attempt_number, state.seconds_since_start, upcoming_sleep=state.upcoming_sleep)


retry_policy = ComposedRetryPolicy
"""`retry_policy()` alone retries after every error, three attempts in all, 5 s apart."""


def describe(policy: object | None) -> str:
    """A policy in words, as `3 attempts, 1 s apart, on TimeoutError`; empty for none."""
    if policy is None:
        return ""
    if not isinstance(policy, ComposedRetryPolicy):
        return words_of_foreign(policy)
    condition = condition_words(policy.retry) if policy.retry is not None else ""
    return ", ".join(filter(None, (stop_words(policy.stop), wait_words(policy.wait), condition)))


def _deprecated(name: str, instead: str) -> None:
    warnings.warn(f"{name} is deprecated, use {instead}", DeprecationWarning, stacklevel=3)


def ConstantDelayRetryPolicy(maximum_attempts: int = 3, delay: float = 5) -> RetryPolicy:
    """Deprecated form of `retry_policy(wait=wait_fixed(delay), stop=stop_after_attempt(n))`."""
    _deprecated(
        "ConstantDelayRetryPolicy", "retry_policy(wait=wait_fixed(delay), stop=stop_after_attempt(n))"
    )
    return retry_policy(wait=wait_fixed(delay), stop=stop_after_attempt(maximum_attempts))


def ExponentialBackoffRetryPolicy(
    maximum_attempts: int = 5,
    initial_delay: float = 1.0,
    multiplier: float = 2.0,
    max_delay: float = 60.0,
    jitter: bool = True,
) -> RetryPolicy:
    """Deprecated form of `retry_policy` with `wait_random_exponential` (jitter) or `wait_exponential`."""
    _deprecated(
        "ExponentialBackoffRetryPolicy",
        "retry_policy(wait=wait_exponential(...), stop=stop_after_attempt(n))",
    )
    growing = wait_random_exponential if jitter else wait_exponential
    wait = growing(multiplier=initial_delay, exp_base=multiplier, max=max_delay)
    return retry_policy(wait=wait, stop=stop_after_attempt(maximum_attempts))
