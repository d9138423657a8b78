"""When to give up. Combine with `|` and `&`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

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


class StopCondition(Protocol):
    """Whether to give up after `attempts` failures (counted from 1) and `elapsed_time` seconds."""

    def __call__(self, attempts: int, elapsed_time: float, /, *, upcoming_sleep: float = 0.0) -> bool: ...


class Stop:
    """Base of the stop conditions here; a subclass says `is_over`."""

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        """Whether this was the last attempt. Times in seconds."""
        raise NotImplementedError

    def words(self) -> str:
        """The limit for a reader."""
        return type(self).__name__

    def __call__(self, attempts: Any, elapsed_time: float = 0.0, /, *, upcoming_sleep: float = 0.0) -> bool:
        if is_retry_state(attempts):
            elapsed_time, upcoming_sleep = attempts.seconds_since_start or 0.0, attempts.upcoming_sleep
            attempts = attempts.attempt_number
        return self.is_over(attempts, elapsed_time, upcoming_sleep)

    def __and__(self, other: StopCondition) -> stop_all:
        return stop_all(self, other)

    def __rand__(self, other: StopCondition) -> stop_all:
        return stop_all(other, self)

    def __or__(self, other: StopCondition) -> stop_any:
        return stop_any(self, other)

    def __ror__(self, other: StopCondition) -> stop_any:
        return stop_any(other, self)


class StateStop(Stop):
    """A stop condition in tenacity's style."""

    def __init__(self, strategy: Callable[[Any], bool]) -> None:
        self.strategy = strategy

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        outcome = FailedOutcome(RuntimeError())
        return self.consult(
            RetryState(attempts, outcome, seconds_since_start=elapsed, upcoming_sleep=upcoming_sleep)
        )

    def consult(self, state: RetryState) -> bool:
        """Ask the strategy about this attempt."""
        return bool(self.strategy(state))

    def words(self) -> str:
        return words_of_foreign(self.strategy)


def as_stop(strategy: StopCondition) -> StopCondition:
    """The strategy in this package's calling style."""
    return StateStop(cast("Callable[[Any], bool]", strategy)) if takes_retry_state(strategy) else strategy


def stop_words(strategy: object) -> str:
    """Any stop condition in words."""
    return strategy.words() if isinstance(strategy, Stop) else words_of_foreign(strategy)


class stop_after_attempt(Stop):
    """After this many attempts, the first one included."""

    def __init__(self, max_attempt_number: int) -> None:
        self.max_attempt_number = max_attempt_number

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        return attempts >= self.max_attempt_number

    def words(self) -> str:
        return f"{self.max_attempt_number} attempt{'' if self.max_attempt_number == 1 else 's'}"


class stop_after_delay(Stop):
    """Once this much time has passed."""

    def __init__(self, max_delay: Seconds) -> None:
        self.max_delay = to_seconds(max_delay)

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        return elapsed >= self.max_delay

    def words(self) -> str:
        return f"for {in_words(self.max_delay)}"


class stop_before_delay(stop_after_delay):
    """Once the next delay would lead past this much time."""

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        return elapsed + upcoming_sleep >= self.max_delay

    def words(self) -> str:
        return f"within {in_words(self.max_delay)}"


class _Combined(Stop):
    joint = ""

    def __init__(self, *stops: StopCondition) -> None:
        self.stops = tuple(as_stop(stop) for stop in stops)

    def words(self) -> str:
        return self.joint.join(map(stop_words, self.stops))


class stop_any(_Combined):
    """As soon as any of the conditions says so: `a | b`."""

    joint = " or "

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        return any(stop(attempts, elapsed, upcoming_sleep=upcoming_sleep) for stop in self.stops)


class stop_all(_Combined):
    """When all of the conditions say so: `a & b`."""

    joint = " and "

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        return all(stop(attempts, elapsed, upcoming_sleep=upcoming_sleep) for stop in self.stops)


class stop_never(Stop):
    """Never."""

    def is_over(self, attempts: int, elapsed: float, upcoming_sleep: float) -> bool:
        return False

    def words(self) -> str:
        return "any number of attempts"
