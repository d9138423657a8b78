"""How long to wait before the next attempt, in seconds. Combine with `+`.

Retries are counted from 0: the delay before the first retry is `wait(0)`. With a `seed` random delays repeat.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

from wf_core.retry_policy.attempt import (
    FailedOutcome,
    RetryState,
    Seconds,
    in_words,
    is_retry_state,
    takes_retry_state,
    to_seconds,
    words_of_foreign,
)


class WaitStrategy(Protocol):
    """The delay before retry number `attempts`, counted from 0."""

    def __call__(self, attempts: int, /, *, seed: int | None = None) -> float: ...


class Wait:
    """Base of the wait strategies here; a subclass says `delay`."""

    def delay(self, retry: int, seed: int | None) -> float:
        """Seconds before retry number `retry`, counted from 0."""
        raise NotImplementedError

    def words(self) -> str:
        """The delays for a reader."""
        return type(self).__name__

    def __call__(self, attempts: Any, /, *, seed: int | None = None) -> float:
        if is_retry_state(attempts):
            return self.delay(max(attempts.attempt_number - 1, 0), seed)
        return self.delay(attempts, seed)

    def __add__(self, other: WaitStrategy) -> wait_combine:
        return wait_combine(self, other)

    def __radd__(self, other: object) -> object:
        if other == 0:  # what sum() starts with
            return self
        return wait_combine(other, self) if callable(other) else NotImplemented


class StateWait(Wait):
    """A wait strategy in tenacity's style."""

    def __init__(self, strategy: Callable[[Any], float]) -> None:
        self.strategy = strategy

    def delay(self, retry: int, seed: int | None) -> float:
        return self.consult(
            RetryState(attempt_number=retry + 1, outcome=FailedOutcome(RuntimeError()), seed=seed)
        )

    def consult(self, state: RetryState) -> float:
        """Ask the strategy about this attempt."""
        return to_seconds(self.strategy(state))

    def words(self) -> str:
        return f"{words_of_foreign(self.strategy)} apart"


def as_wait(strategy: WaitStrategy) -> WaitStrategy:
    """The strategy in this package's calling style."""
    return StateWait(strategy) if takes_retry_state(strategy) else strategy


def wait_words(strategy: object) -> str:
    """Any wait strategy in words."""
    return strategy.words() if isinstance(strategy, Wait) else words_of_foreign(strategy)


def _uniform(low: float, high: float, seed: int | None) -> float:
    return (random.Random(seed) if seed is not None else random).uniform(low, high)


def _grown(first: float, base: float, retry: int, limit: float) -> float:
    """`first * base ** retry`, at most `limit`, also where the power is beyond a float."""
    try:
        return min(first * base**retry, limit)
    except OverflowError:
        return limit


class wait_fixed(Wait):
    """Always the same."""

    def __init__(self, wait: Seconds) -> None:
        self.wait = to_seconds(wait)

    def delay(self, retry: int, seed: int | None) -> float:
        return self.wait

    def words(self) -> str:
        return f"{in_words(self.wait)} apart" if self.wait else "at once"


class wait_none(wait_fixed):
    """No delay."""

    def __init__(self) -> None:
        super().__init__(0)


class wait_exponential(Wait):
    """`multiplier * exp_base ** retry`, at least `min`, at most `max`."""

    def __init__(
        self,
        multiplier: float = 1.0,
        exp_base: float = 2.0,
        max: Seconds = 60.0,  # noqa: A002
        min: Seconds = 0.0,  # noqa: A002
    ) -> None:
        self.multiplier = float(multiplier)
        self.exp_base = float(exp_base)
        self.max = to_seconds(max)
        self.min = to_seconds(min)

    def upper(self, retry: int) -> float:
        """The delay before any randomness."""
        return max(0.0, self.min, _grown(self.multiplier, self.exp_base, retry, self.max))

    def delay(self, retry: int, seed: int | None) -> float:
        return self.upper(retry)

    def words(self) -> str:
        first, second = in_words(self.upper(0)), in_words(self.upper(1))
        return f"{first}, {second} .. {in_words(max(self.max, self.min))} apart"


class wait_random_exponential(wait_exponential):
    """Anything between `min` and what `wait_exponential` would wait (full jitter)."""

    def delay(self, retry: int, seed: int | None) -> float:
        return _uniform(self.min, self.upper(retry), seed)

    def words(self) -> str:
        return f"random up to {super().words()}"


wait_full_jitter = wait_random_exponential


class wait_incrementing(Wait):
    """`start`, then each time `increment` more, at most `max`."""

    def __init__(
        self,
        start: Seconds = 0.0,
        increment: Seconds = 100.0,
        max: Seconds = float("inf"),  # noqa: A002
    ) -> None:
        self.start = to_seconds(start)
        self.increment = to_seconds(increment)
        self.max = to_seconds(max)

    def delay(self, retry: int, seed: int | None) -> float:
        return max(0.0, min(self.start + self.increment * retry, self.max))

    def words(self) -> str:
        return (
            f"{in_words(self.delay(0, None))}, {in_words(self.delay(1, None))} .. {in_words(self.max)} apart"
        )


class wait_random(Wait):
    """Anything between `min` and `max`."""

    def __init__(self, min: Seconds = 0.0, max: Seconds = 1.0) -> None:  # noqa: A002
        self.min = to_seconds(min)
        self.max = to_seconds(max)

    def delay(self, retry: int, seed: int | None) -> float:
        return _uniform(self.min, self.max, seed)

    def words(self) -> str:
        return f"random {self.min:g} to {in_words(self.max)} apart"


class wait_exponential_jitter(Wait):
    """`initial * exp_base ** retry` plus up to `jitter`, at most `max`."""

    def __init__(
        self,
        initial: float = 1.0,
        exp_base: float = 2.0,
        max: float = 60.0,  # noqa: A002
        jitter: float = 1.0,
    ) -> None:
        self.initial = initial
        self.exp_base = exp_base
        self.max = max
        self.jitter = jitter

    def delay(self, retry: int, seed: int | None) -> float:
        base = _grown(self.initial, self.exp_base, retry, self.max)
        return min(base + _uniform(0, self.jitter, seed), self.max)

    def words(self) -> str:
        second = min(self.initial * self.exp_base, self.max)
        return f"{in_words(self.initial)}, {in_words(second)} .. {in_words(self.max)} with jitter apart"


class wait_chain(Wait):
    """One strategy per retry, in order; the last one for all that follow. ValueError without any."""

    def __init__(self, *strategies: WaitStrategy) -> None:
        if not strategies:
            raise ValueError("wait_chain requires at least one strategy")
        self.strategies = tuple(as_wait(s) for s in strategies)

    def delay(self, retry: int, seed: int | None) -> float:
        return self.strategies[min(retry, len(self.strategies) - 1)](retry, seed=seed)

    def words(self) -> str:
        return ", then ".join(map(wait_words, self.strategies))


class wait_combine(Wait):
    """The sum of the strategies: `a + b`."""

    def __init__(self, *strategies: WaitStrategy) -> None:
        self.strategies = tuple(as_wait(s) for s in strategies)

    def delay(self, retry: int, seed: int | None) -> float:
        return sum(strategy(retry, seed=seed) for strategy in self.strategies)

    def words(self) -> str:
        return " plus ".join(map(wait_words, self.strategies))
