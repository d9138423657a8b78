"""Something at one of the gates, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wf_debug.control.matching import Classes, Scene
from wf_debug.trace.records import Payload, When

Verb = Literal["accept", "edit", "drop", "duplicate", "raise", "cancelled"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a visit. `value` replaces it for "edit", and is the exception for "raise"."""

    verb: Verb
    value: Any = None


@dataclass(slots=True)
class Visit:
    """Something at one of the gates, asking to go on.

    `classes` are those a breakpoint may name (the event's; for "after" those of inputs, results and
    exception). `events` are the numbers of the emitted events it is made of. `decide` lets it go on, from
    any thread.
    """

    run: str
    when: When
    type: str
    classes: Classes
    scene: Scene
    payload: Callable[[], Payload]
    decide: Callable[[Decision], None]
    value: Any = None
    """What "edit" starts from: the event; None for anything but one event."""
    step: str | None = None
    invocation: int | None = None
    attempt: int = 0
    events: tuple[int, ...] = ()
    source: int | None = None
    """For "emit": the invocation that emitted the event."""
    can_raise: bool = False
    """Whether the step can be made to fail here: as it starts or ends, not as an event passes by."""

    @property
    def event(self) -> int | None:
        return self.events[0] if self.events else None

    def actor(self) -> Mapping[str, Any]:
        """The invocation it belongs to, as records name it."""
        return {"step": self.step, "invocation": self.invocation, "attempt": self.attempt}
