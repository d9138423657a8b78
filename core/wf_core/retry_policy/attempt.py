"""A failed attempt as strategies see it, whichever of the two calling styles they have.

This package's strategies take plain arguments. Those of tenacity take one `retry_state`; they are recognised
by that parameter name, so any strategy written in that style is accepted as it is.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Seconds = int | float | timedelta


def to_seconds(value: Seconds) -> float:
    """A duration in seconds, from a number or a timedelta."""
    return float(value.total_seconds() if isinstance(value, timedelta) else value)


@dataclass(frozen=True)
class RetryInfo:
    """Where the running step stands in its attempts.

    `retry_number` is 0 on the first attempt; `elapsed_seconds` counts from the start of the first attempt;
    the last failure and its time (aware, UTC) are None on the first attempt.
    """

    retry_number: int
    elapsed_seconds: float
    last_exception: Exception | None
    last_failed_at: datetime | None


@dataclass(frozen=True)
class FailedOutcome:
    """What tenacity's strategies read from `retry_state.outcome`."""

    error: BaseException
    failed: bool = True

    def exception(self, timeout: float | None = None) -> BaseException:
        """The error of the attempt."""
        return self.error

    def result(self, timeout: float | None = None) -> Any:
        """Raises the error of the attempt: there is no result."""
        raise self.error


@dataclass
class RetryState:
    """One failed attempt in tenacity's terms: `attempt_number` counts from 1, times are monotonic seconds."""

    attempt_number: int
    outcome: FailedOutcome
    seconds_since_start: float = 0.0
    upcoming_sleep: float = 0.0
    seed: int | None = None
    outcome_timestamp: float = field(default_factory=time.monotonic)
    idle_for: float = 0.0
    next_action: object | None = None
    fn: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    retry_object: object | None = None

    @property
    def start_time(self) -> float:
        """When the first attempt began."""
        return self.outcome_timestamp - self.seconds_since_start


def takes_retry_state(strategy: object) -> bool:
    """Whether a strategy is called with one `retry_state`, as tenacity's are."""
    try:
        parameters = list(inspect.signature(strategy).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return parameters[:1] == ["retry_state"]


def is_retry_state(value: object) -> bool:
    """Whether a strategy of this package was called in tenacity's style, from within one of tenacity's."""
    return hasattr(value, "attempt_number") and hasattr(value, "outcome")


def words_of_foreign(strategy: object) -> str:
    """A strategy or policy of unknown making, in words."""
    return getattr(strategy, "__name__", None) or type(strategy).__name__.lstrip("_")


def in_words(seconds: float) -> str:
    """A duration as `90 s`, `0.5 s`."""
    return f"{seconds:g} s"
