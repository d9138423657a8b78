"""Type variables for what a run gives."""

from __future__ import annotations

from typing import Any, TypeVar

from wf_core.events import StopEvent

StopEventT = TypeVar("StopEventT", bound=StopEvent)
"""The workflow's own stop event class."""
RunResultT = StopEventT | Any  # type: ignore[misc]  # as an alias it would need a parameter everywhere
"""What awaiting a run gives: a plain StopEvent's result, or an event of the workflow's own stop class."""
