"""`@step` and `@catch_error`: a function becomes a step by what its annotations say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from pydantic import BaseModel

from wf_core.collect import Collect
from wf_core.errors import WorkflowValidationError
from wf_core.events import StepFailedEvent
from wf_core.resource import ResourceDefinition
from wf_core.retry_policy import RetryPolicy
from wf_core.signature import is_free_function, read_signature, refused

if TYPE_CHECKING:
    from wf_core.workflow import Workflow

WorkflowGraphCheck = Literal["reachability", "terminal_event", "dead_end"]
StepGraphCheck = Literal["reachability", "dead_end"]
StepRole = Literal["step", "catch_error"]
StepFunction = Callable[..., Any]
"""A function with a `_step_config`."""
F = TypeVar("F", bound=Callable[..., Any])

_FRAMES_SEARCHED = 4
"""How many calling frames lend their locals to a step's annotations."""


@dataclass
class StepConfig:
    """What the engine knows of a step."""

    accepted_events: list[Any]
    event_name: str
    """The (first) event parameter."""
    return_types: list[Any]
    context_parameter: str | None
    num_workers: int
    retry_policy: RetryPolicy | None
    resources: list[ResourceDefinition]
    context_state_type: type[BaseModel] | None = None
    skip_graph_checks: list[StepGraphCheck] = field(default_factory=list)
    collect_params: list[tuple[str, Any]] | None = None
    """Several event parameters: the step runs when each has its event."""
    is_fan_out: bool = False
    """Declared to return `list[E]`."""
    bare_return_types: tuple[Any, ...] = ()
    collection_param: tuple[str, tuple[Any, ...]] | None = None
    """The `list[E]` parameter that joins a stream, and its element types."""
    collection_policy: Collect | None = None
    role: StepRole = "step"
    catch_error_for_steps: list[str] | None = None
    """None: any step that no other handler claims."""
    catch_error_max_recoveries: int = 1
    accept_event_subclasses: bool = False
    timeout: float | None = None
    """Seconds of run clock that an attempt may take."""


@overload
def step(func: F) -> F: ...


@overload
def step(
    *,
    workflow: type[Workflow] | None = None,
    num_workers: int = 4,
    retry_policy: RetryPolicy | None = None,
    skip_graph_checks: list[StepGraphCheck] | None = None,
    accept_event_subclasses: bool = False,
    timeout: float | None = None,
) -> Callable[[F], F]: ...


def step(
    func: F | None = None,
    *,
    workflow: type[Workflow] | None = None,
    num_workers: int = 4,
    retry_policy: RetryPolicy | None = None,
    skip_graph_checks: list[StepGraphCheck] | None = None,
    accept_event_subclasses: bool = False,
    timeout: float | None = None,
) -> F | Callable[[F], F]:
    """Declare a method (or, with `workflow`, a free function) as a step.

    The event parameter's annotation says what starts it, the return annotation what it may emit. At most
    `num_workers` invocations run at a time; a failed one is repeated as `retry_policy` decides. An attempt
    that takes longer than `timeout` seconds (waits for events not counted) fails with a StepTimeoutError.
    Events are matched by exact class unless `accept_event_subclasses`. Raises WorkflowValidationError if the
    signature can't be a step's.
    """

    def decorate(function: F) -> F:
        if not isinstance(num_workers, int) or isinstance(num_workers, bool) or num_workers <= 0:
            raise refused(function, "num_workers must be an integer greater than 0")
        if timeout is not None and not _is_duration(timeout):
            raise refused(function, f"timeout must be a number of seconds greater than 0, not {timeout!r}")
        config = _configure(function, num_workers, retry_policy, localns=_locals_of_callers())
        config.skip_graph_checks = list(skip_graph_checks or [])
        config.accept_event_subclasses = accept_event_subclasses
        config.timeout = timeout
        if is_free_function(function.__qualname__):
            _add_to(workflow, function)
        return function

    return decorate if func is None else decorate(func)


@overload
def catch_error(func: F) -> F: ...


@overload
def catch_error(*, for_steps: list[str] | None = None, max_recoveries: int = 1) -> Callable[[F], F]: ...


def catch_error(
    func: F | None = None, *, for_steps: list[str] | None = None, max_recoveries: int = 1
) -> F | Callable[[F], F]:
    """Declare a step that takes over when others have failed for good.

    It accepts a StepFailedEvent. `for_steps` None covers every step that no other handler claims. One
    lineage of events is recovered at most `max_recoveries` times; then the run fails.
    """
    if not isinstance(max_recoveries, int) or max_recoveries < 1:
        raise WorkflowValidationError("@catch_error max_recoveries must be an integer >= 1")
    if for_steps is not None and not (
        isinstance(for_steps, list) and all(isinstance(name, str) for name in for_steps)
    ):
        raise WorkflowValidationError("@catch_error for_steps must be None or a list of step name strings")

    def decorate(function: F) -> F:
        config = _configure(function, 1, None, localns=_locals_of_callers())
        if config.accepted_events != [StepFailedEvent]:
            raise refused(
                function,
                f"@catch_error handler '{function.__name__}' must accept StepFailedEvent as its event "
                "parameter.",
            )
        config.role = "catch_error"
        config.catch_error_for_steps = None if for_steps is None else list(for_steps)
        config.catch_error_max_recoveries = max_recoveries
        return function

    return decorate if func is None else decorate(func)


def config_of(function: Any) -> StepConfig | None:
    """The step configuration of a function, None if it is no step."""
    return cast("StepConfig | None", getattr(function, "_step_config", None))


def _configure(
    function: Callable[..., Any], num_workers: int, policy: RetryPolicy | None, localns: dict[str, Any]
) -> StepConfig:
    signature = read_signature(function, localns)
    name, accepted = next(iter(signature.accepted_events.items()))
    slots = None
    if len(signature.accepted_events) > 1:
        slots = [(slot, types[0]) for slot, types in signature.accepted_events.items()]
        accepted = [kind for _, kind in slots]
    config = StepConfig(
        accepted_events=accepted,
        event_name=name,
        return_types=signature.return_types,
        context_parameter=signature.context_parameter,
        context_state_type=signature.context_state_type,
        num_workers=num_workers,
        retry_policy=policy,
        resources=signature.resources,
        collect_params=slots,
        is_fan_out=signature.is_fan_out,
        bare_return_types=tuple(signature.bare_return_types),
        collection_param=signature.collection_param,
        collection_policy=signature.collection_policy,
    )
    function._step_config = config  # type: ignore[attr-defined]
    return config


def _add_to(workflow: type[Workflow] | None, function: Callable[..., Any]) -> None:
    if workflow is None:
        raise refused(
            function, f"To decorate {function.__name__} please pass a workflow class to the @step decorator."
        )
    workflow.add_step(function)


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _locals_of_callers() -> dict[str, Any]:
    """Locals of the frames around the decorated function, the nearest winning: classes defined in a
    function are found."""
    frames: list[FrameType] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and len(frames) < _FRAMES_SEARCHED:
        frames.append(frame)
        frame = frame.f_back
    found: dict[str, Any] = {}
    for each in reversed(frames):
        found.update(each.f_locals)
    return found
