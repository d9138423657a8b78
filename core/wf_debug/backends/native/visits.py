"""What of the native engine comes to a gate, as the controller wants to see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wf_core.engine.instrument import Invocation, Outcome, Raised, RunHandle
from wf_core.events import Event
from wf_debug.control.matching import Scene
from wf_debug.control.visit import Decision, Visit
from wf_debug.trace.records import Payload, When

Encode = Callable[[Any], Payload]
Actor = tuple[str | None, int | None, int]
"""Step, invocation and attempt."""


def of_event(
    run: RunHandle,
    when: When,
    event: Event,
    actor: Actor,
    encode: Encode,
    *,
    number: int | None,
    source: int | None = None,
) -> Visit:
    """A single event, where no invocation has it as its input."""
    step, invocation, attempt = actor
    return Visit(
        run=run.run_id,
        when=when,
        type=type(event).__name__,
        classes=(type(event),),
        scene=Scene(event, step, attempt, run.state),
        payload=lambda: encode(event),
        decide=_undecided,
        value=event,
        step=step,
        invocation=invocation,
        attempt=attempt,
        events=() if number is None else (number,),
        source=source,
    )


def of_delivery(run: RunHandle, invocation: Invocation, encode: Encode) -> Visit:
    """The input of an invocation, before it starts."""
    events = invocation.events
    whole = events[0] if len(events) == 1 else list(events)
    scene = Scene(_first(events), invocation.step, invocation.attempt, run.state)
    return _of_invocation(run, invocation, "deliver", whole, input_classes(invocation), scene, encode)


def of_outcome(run: RunHandle, invocation: Invocation, outcome: Outcome, encode: Encode) -> Visit:
    """What an invocation returned or raised."""
    error = outcome.error if isinstance(outcome, Raised) else None
    value = None if isinstance(outcome, Raised) else outcome.value
    shown = value if error is None else error
    scene = Scene(
        _first(invocation.events), invocation.step, invocation.attempt, run.state, shown, value, error
    )
    classes = outcome_classes(invocation, outcome)
    return _of_invocation(run, invocation, "after", shown, classes, scene, encode)


def _of_invocation(
    run: RunHandle,
    invocation: Invocation,
    when: When,
    whole: Any,
    classes: tuple[type, ...],
    scene: Scene,
    encode: Encode,
) -> Visit:
    return Visit(
        run=run.run_id,
        when=when,
        type=type_of(whole),
        classes=classes,
        scene=scene,
        payload=lambda: encode(whole),
        decide=_undecided,
        value=whole if isinstance(whole, Event) else None,
        step=invocation.step,
        invocation=invocation.id,
        attempt=invocation.attempt,
        events=invocation.emissions,
        can_raise=True,
    )


def input_classes(invocation: Invocation) -> tuple[type, ...]:
    """Classes by which a breakpoint may name the input."""
    return tuple(map(type, invocation.events))


def outcome_classes(invocation: Invocation, outcome: Outcome) -> tuple[type, ...]:
    """Classes by which a breakpoint may name the outcome: input, results, exception."""
    if isinstance(outcome, Raised):
        came_out = [outcome.error]
    else:
        value = outcome.value
        came_out = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(dict.fromkeys(map(type, (*invocation.events, *came_out))))


def type_of(value: Any) -> str:
    """`Result`, `None`, or for a list `list[Result]`, `list[A | B]`."""
    if value is None:
        return "None"
    if isinstance(value, list):
        names = dict.fromkeys(type(v).__name__ for v in value)
        return f"list[{' | '.join(names)}]"
    return type(value).__name__


def _first(events: tuple[Event, ...]) -> Event | None:
    return events[0] if events else None


def _undecided(decision: Decision) -> None:
    """Stands until the gate has something to tell."""
