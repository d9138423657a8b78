"""Event-driven workflows: steps that are started by typed events and return typed events."""

from wf_core.context import Context
from wf_core.decorators import catch_error, step
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
)
from wf_core.workflow import Workflow

__all__ = [
    "Context",
    "Event",
    "HumanResponseEvent",
    "InputRequiredEvent",
    "StartEvent",
    "StepFailedEvent",
    "StopEvent",
    "Workflow",
    "catch_error",
    "step",
]
