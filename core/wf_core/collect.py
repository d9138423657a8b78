"""When a step that joins a fan-out runs, and with which members.

A `list[E]` parameter makes a step a join; `Annotated[list[E], Collect(...)]` says when it fires:

    async def fastest(self, done: Annotated[list[Done], Collect(Take(1))]) -> StopEvent: ...
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cardinality:
    """How many members release a join; use `All` or `Take`."""


@dataclass(frozen=True)
class All(Cardinality):
    """Once, when no member of the fan-out is on its way any more, with all that arrived."""


@dataclass(frozen=True)
class Take(Cardinality):
    """Once, on the n-th arrival, with the first `n`; with fewer if the fan-out ends before.

    Raises ValueError unless `n` is an integer of at least 1.
    """

    n: int

    def __post_init__(self) -> None:
        if not isinstance(self.n, int) or self.n < 1:
            raise ValueError(f"Take(n) requires an integer n >= 1, got {self.n!r}")


@dataclass(frozen=True)
class Collect:
    """Marks a join's `list[E]` parameter; a bare `list[E]` means `Collect(All())`."""

    cardinality: Cardinality = field(default_factory=All)
