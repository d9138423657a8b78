"""Says in words why nothing happens: an event that nobody takes, a run that can't go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wf_core.engine.plan import FlowPlan
from wf_core.engine.state import Pending
from wf_core.events import Event, HumanResponseEvent, StopEvent
from wf_core.matching import is_subclass

if TYPE_CHECKING:
    from wf_core.engine.broker import Broker

logger = logging.getLogger("wf_core")


def unhandled(plan: FlowPlan, pending: Pending) -> str:
    """Why nobody took the event, and what comes closest."""
    kind = type(pending.event)
    name = kind.__name__
    if isinstance(pending.event, StopEvent):
        return f"{name} was sent, not returned: only a StopEvent that a step returns ends a run. It goes on."
    for step in plan.steps.values():
        for accepted in step.accepts:
            if accepted is not Event and is_subclass(kind, accepted):
                return (
                    f"No step took {name}. Step {step.name!r} takes {accepted.__name__}, but events are "
                    "matched "
                    f"by exact class; send {accepted.__name__} itself, or give the step "
                    "accept_event_subclasses=True."
                )
            if kind is not Event and is_subclass(accepted, kind):
                return f"No step took {name}. Step {step.name!r} takes {accepted.__name__}, a kind of {name}."
    accepted_by = {
        a.__name__: s.name for s in plan.steps.values() for a in s.accepts if is_subclass(a, object)
    }
    import difflib  # only now: it is slow to import

    close = difflib.get_close_matches(name, accepted_by, n=1)
    if not close:
        return f"No step and no waiting step took {name}."
    same = " (another class of the same name)" if close[0] == name else ""
    return (
        f"No step took {name}. The closest is step {accepted_by[close[0]]!r}, which takes {close[0]}{same}."
    )


def stuck(broker: Broker) -> str | None:
    """What an idle run lacks; None while somebody outside may still answer it."""
    if broker.waits or any(
        is_subclass(kind, HumanResponseEvent) for step in broker.plan.steps.values() for kind in step.accepts
    ):
        return None
    lacks = [*_missing_in_buffers(broker), *_missing_in_slots(broker)]
    return "; ".join(lacks) or "every step has finished and none returned a StopEvent."


def _missing_in_buffers(broker: Broker) -> list[str]:
    return [
        f"step {name!r} has collected {', '.join(type(e).__name__ for e in buffer.events)} and still waits "
        "for more "
        "in collect_events"
        for name, state in broker.steps.items()
        for buffer in state.buffers.values()
        if buffer.events
    ]


def _missing_in_slots(broker: Broker) -> list[str]:
    found = []
    for name, state in broker.steps.items():
        if state.slots:
            have = [type(p.event).__name__ for p in state.slots]
            lacking = [kind.__name__ for _, kind in state.plan.slots if kind.__name__ not in have]
            found.append(
                f"step {name!r} has {', '.join(have)} and still waits for {', '.join(lacking) or 'partners'}"
            )
    return found
