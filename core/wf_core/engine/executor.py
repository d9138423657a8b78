"""Runs a step's body: a coroutine in the invocation's own task, a plain function in a thread of the loop's
default executor.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wf_core.engine.plan import StepPlan
    from wf_core.engine.state import Work
    from wf_core.workflow import Workflow


def execute(workflow: Workflow, plan: StepPlan, arguments: dict[str, Any]) -> Coroutine[Any, Any, Any]:
    """What the body returns; raises what it raises. A thread sees a copy of the task's context variables."""
    function = plan.function if plan.free else getattr(workflow, plan.name)
    if plan.direct:
        body: Coroutine[Any, Any, Any] = function(**arguments)
        return body
    return _indirect(workflow, plan, function, arguments)


async def _indirect(
    workflow: Workflow, plan: StepPlan, function: Callable[..., Any], arguments: dict[str, Any]
) -> Any:
    if plan.resources:
        arguments.update(await workflow._resource_manager.resolve_all(plan.resources))
    if plan.is_async:
        return await function(**arguments)
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: context.run(_in_thread, function, arguments))


def _in_thread(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        return function(**arguments)
    except StopIteration as error:  # no future can carry it
        raise RuntimeError("step raised StopIteration") from error


def arguments_of(work: Work) -> dict[str, Any]:
    """The event parameters of a step with their values."""
    plan = work.plan
    if plan.collects is not None:
        return {plan.collects: list(work.events)}
    if plan.slots:
        return {name: event for (name, _), event in zip(plan.slots, work.events, strict=True)}
    return {plan.event_param: work.events[0]}
