"""Which failures are worth another attempt. Combine with `|` and `&`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from wf_core.retry_policy.attempt import (
    FailedOutcome,
    RetryState,
    is_retry_state,
    takes_retry_state,
    words_of_foreign,
)

ErrorTypes = type[BaseException] | tuple[type[BaseException], ...]


class RetryCondition(Protocol):
    """Whether the step may be tried again after this error."""

    def __call__(self, error: BaseException, /) -> bool: ...


class Condition:
    """Base of the conditions here; a subclass says `matches`."""

    def matches(self, error: BaseException) -> bool:
        """Whether this error is worth another attempt."""
        raise NotImplementedError

    def words(self) -> str:
        """The condition for a reader; empty if it lets everything through."""
        return type(self).__name__

    def __call__(self, error: Any, /) -> bool:
        if not isinstance(error, BaseException) and is_retry_state(error):
            failure = error.outcome.exception()
            return failure is not None and self.matches(failure)
        return self.matches(error)

    def __and__(self, other: RetryCondition) -> retry_all:
        return retry_all(self, other)

    def __rand__(self, other: RetryCondition) -> retry_all:
        return retry_all(other, self)

    def __or__(self, other: RetryCondition) -> retry_any:
        return retry_any(self, other)

    def __ror__(self, other: RetryCondition) -> retry_any:
        return retry_any(other, self)


class StateCondition(Condition):
    """A condition in tenacity's style."""

    def __init__(self, strategy: Callable[[Any], bool]) -> None:
        self.strategy = strategy

    def matches(self, error: BaseException) -> bool:
        return self.consult(RetryState(attempt_number=1, outcome=FailedOutcome(error)))

    def consult(self, state: RetryState) -> bool:
        """Ask the strategy about this attempt."""
        return bool(self.strategy(state))

    def words(self) -> str:
        return words_of_foreign(self.strategy)


def as_condition(strategy: RetryCondition) -> RetryCondition:
    """The strategy in this package's calling style."""
    return StateCondition(strategy) if takes_retry_state(strategy) else strategy


def condition_words(strategy: object) -> str:
    """Any condition in words."""
    return strategy.words() if isinstance(strategy, Condition) else words_of_foreign(strategy)


def _names(types: ErrorTypes) -> str:
    return " or ".join(t.__name__ for t in (types if isinstance(types, tuple) else (types,)))


class retry_if_exception(Condition):
    """If a predicate says so."""

    def __init__(self, predicate: Callable[[BaseException], bool]) -> None:
        self.predicate = predicate

    def matches(self, error: BaseException) -> bool:
        return self.predicate(error)

    def words(self) -> str:
        return f"if {words_of_foreign(self.predicate)}"


class retry_if_exception_type(Condition):
    """If the error is of one of these types."""

    def __init__(self, exception_types: ErrorTypes = Exception) -> None:
        self.exception_types = exception_types

    def matches(self, error: BaseException) -> bool:
        return isinstance(error, self.exception_types)

    def words(self) -> str:
        return f"on {_names(self.exception_types)}"


class retry_if_not_exception_type(retry_if_exception_type):
    """Unless the error is of one of these types."""

    def matches(self, error: BaseException) -> bool:
        return not super().matches(error)

    def words(self) -> str:
        return f"unless {_names(self.exception_types)}"


class retry_unless_exception_type(retry_if_not_exception_type):
    """Tenacity's name for `retry_if_not_exception_type`."""


class retry_if_exception_message(Condition):
    """If the error's text equals `message`, or if the regular expression `match` is found in it.

    Raises TypeError unless exactly one of the two is given.
    """

    def __init__(self, message: str | None = None, match: str | re.Pattern[str] | None = None) -> None:
        if message is None and match is None:
            raise TypeError(f"{type(self).__name__}() missing 1 required argument 'message' or 'match'")
        if message is not None and match is not None:
            raise TypeError(f"{type(self).__name__}() takes either 'message' or 'match', not both")
        self.message = message
        self.match = match
        self._pattern = re.compile(match) if match is not None else None

    def matches(self, error: BaseException) -> bool:
        text = str(error)
        return bool(self._pattern.search(text)) if self._pattern else text == self.message

    def words(self) -> str:
        return f"if the message {self._criterion()}"

    def _criterion(self) -> str:
        return f"matches {self._pattern.pattern!r}" if self._pattern else f"is {self.message!r}"


class retry_if_not_exception_message(retry_if_exception_message):
    """Unless the error's text equals `message` or `match` is found in it."""

    def matches(self, error: BaseException) -> bool:
        return not super().matches(error)

    def words(self) -> str:
        return f"unless the message {self._criterion()}"


class retry_if_exception_cause_type(Condition):
    """If an error of one of these types is among the causes (`raise .. from ..`, not mere context)."""

    def __init__(self, exception_types: ErrorTypes = Exception) -> None:
        self.exception_types = exception_types

    def matches(self, error: BaseException) -> bool:
        return any(isinstance(cause, self.exception_types) for cause in _causes(error))

    def words(self) -> str:
        return f"if caused by {_names(self.exception_types)}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    cause = error.__cause__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__


class _Combined(Condition):
    joint = ""

    def __init__(self, *retries: RetryCondition) -> None:
        self.retries = tuple(as_condition(retry) for retry in retries)

    def words(self) -> str:
        return self.joint.join(filter(None, map(condition_words, self.retries)))


class retry_any(_Combined):
    """If any of the conditions holds: `a | b`."""

    joint = " or "

    def matches(self, error: BaseException) -> bool:
        return any(retry(error) for retry in self.retries)


class retry_all(_Combined):
    """If all of the conditions hold: `a & b`."""

    joint = " and "

    def matches(self, error: BaseException) -> bool:
        return all(retry(error) for retry in self.retries)


class retry_always(Condition):
    """After every error."""

    def matches(self, error: BaseException) -> bool:
        return True

    def words(self) -> str:
        return ""


class retry_never(Condition):
    """After no error."""

    def matches(self, error: BaseException) -> bool:
        return False

    def words(self) -> str:
        return "never"
