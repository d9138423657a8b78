"""Why nobody takes an event, and who takes something close."""

from __future__ import annotations

from wf_core import Workflow
from wf_core.events import Event, StopEvent
from wf_debug.backends import hints


def accepted_types(workflow: Workflow) -> dict[type[Event], list[str]]:
    """Every event class that some step takes, with the steps."""
    found: dict[type[Event], list[str]] = {}
    for name, config in workflow._step_configs().items():
        for cls in config.accepted_events:
            if isinstance(cls, type):
                found.setdefault(cls, []).append(name)
    return found


def unhandled_hint(workflow: Workflow, event: Event) -> str:
    """One sentence naming the closest types that are taken."""
    return hints.unhandled_hint(accepted_types(workflow), type(event), isinstance(event, StopEvent))


def closest_types(workflow: Workflow, event: Event) -> list[str]:
    """Names of types that some step takes: kin first, then those that look alike, then the rest."""
    return hints.closest_types(accepted_types(workflow), type(event))
