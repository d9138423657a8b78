"""What a step's body may end with, and what is wrong with the rest."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable
from typing import Any

from wf_core.engine.plan import StepPlan
from wf_core.errors import WorkflowRuntimeError
from wf_core.events import Event
from wf_core.signature import place_of

Emitted = tuple[tuple[Event, ...], bool]
"""Events, and whether they open a stream."""
NOTHING: Emitted = ((), False)


def emitted_by(plan: StepPlan, value: Any) -> Emitted:
    """The events that a return value emits, and whether they open a stream.

    Raises WorkflowRuntimeError if a step may not return this.
    """
    if value is None:
        return NOTHING
    if plan.fans_out and isinstance(value, list):
        for item in value:
            if not isinstance(item, Event):
                raise _refused(plan, f"a list containing {type(item).__name__} instead of an Event instance.")
        return tuple(value), True
    if not isinstance(value, Event):
        raise _refused(plan, f"{type(value).__name__} instead of an Event instance.")
    if plan.fans_out and not isinstance(value, plan.bare):
        raise _refused(
            plan,
            f"a bare {type(value).__name__} but its return annotation only declares it inside a list. Return "
            "a one-element list to fan out, or declare the bare type as a union member (e.g. -> list[A] | B) "
            "for ordinary dispatch.",
        )
    return (value,), False


def _refused(plan: StepPlan, what: str) -> WorkflowRuntimeError:
    error = WorkflowRuntimeError(f"Step function {plan.name} returned {what}")
    error.add_note(f"in step {place_of(plan.function)}")
    return error


def presentable(plan: StepPlan, error: BaseException) -> Exception:
    """The error as the run reports it: what would end the process or the task becomes an error that says
    so."""
    if isinstance(error, Exception):
        return error
    where = line_in(plan.function, error)
    if isinstance(error, SystemExit):
        text = f"called sys.exit({error.code!r})"
    elif isinstance(error, asyncio.CancelledError):
        text = "let a CancelledError out: it awaited something that was cancelled"
    else:
        text = f"raised {error!r}"
    wrapped = WorkflowRuntimeError(f"Step {plan.name!r} {text} ({where or place_of(plan.function)})")
    wrapped.__cause__ = error
    return wrapped


def line_in(function: Callable[..., Any], error: BaseException) -> str | None:
    """`file:line` of the innermost frame of the function's file in the error's traceback."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    file = code.co_filename if code else None
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
