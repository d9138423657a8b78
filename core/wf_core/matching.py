"""The one rule of who takes which event: exactly the declared class, or a subclass where the step asks for
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def is_subclass(candidate: Any, parents: type | tuple[type, ...]) -> bool:
    """`issubclass` that says False for annotations that are no classes."""
    return isinstance(candidate, type) and issubclass(candidate, parents)


def type_matches(produced: Any, accepted: Any, *, allow_subclasses: bool) -> bool:
    """Whether a produced type goes to a parameter declared as `accepted`."""
    return is_subclass(produced, accepted) if allow_subclasses else produced is accepted


def step_accepts_type(produced: Any, accepted: Iterable[Any], *, allow_subclasses: bool) -> bool:
    """Whether a produced type goes to a step that declares these."""
    return any(type_matches(produced, each, allow_subclasses=allow_subclasses) for each in accepted)
