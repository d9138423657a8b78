"""Run a workflow in a test and look at everything it published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from wf_core.context import Context
from wf_core.events import Event, StartEvent
from wf_core.workflow import Workflow


@dataclass
class WorkflowTestResult:
    """What a finished run left."""

    collected: list[Event]
    """The published events, in order."""
    event_types: dict[type[Event], int]
    """How often each type was published."""
    result: Any
    ctx: Context[Any]


class WorkflowTestRunner:
    """Runs one workflow to its end."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow

    async def run(
        self,
        start_event: StartEvent = StartEvent(),  # noqa: B008 - a run copies nothing from it
        ctx: Context[Any] | None = None,
        expose_internal: bool = True,
        exclude_events: Collection[type[Event]] | None = None,
    ) -> WorkflowTestResult:
        """Run and collect; a failed run raises its error. `exclude_events` are left out of the result."""
        left_out = frozenset(exclude_events or ())
        handler = self._workflow.run(start_event=start_event, ctx=ctx)
        collected = [
            event
            async for event in handler.stream_events(expose_internal=expose_internal)
            if type(event) not in left_out
        ]
        result = await handler
        return WorkflowTestResult(collected, dict(Counter(map(type, collected))), result, handler.ctx)
