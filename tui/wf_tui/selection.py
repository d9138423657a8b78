"""What the person points at: one value that every pane shows and every command acts on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Origin = Literal["auto", "graph", "lanes", "timeline", "logs", "inspector"]


@dataclass(frozen=True, slots=True)
class Selection:
    """The most specific thing known about the selected place; None where it says nothing."""

    origin: Origin = "auto"
    run: str | None = None
    seq: int | None = None
    """The record that made the selected row."""
    event: int | None = None
    type: str | None = None
    invocation: int | None = None
    step: str | None = None
    hold: int | None = None

    def describe(self) -> str:
        """For a title: the event with its number, else the invocation, else the step."""
        if self.event is not None:
            return f"{self.type} #{self.event}"
        if self.invocation is not None:
            return f"{self.step} #{self.invocation}"
        return self.step or self.type or ""


NOTHING = Selection()
