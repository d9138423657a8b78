"""`Workflow`: a class whose steps are its methods marked with `@step`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import random
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from wf_core import snapshot, validation
from wf_core.context import Context
from wf_core.decorators import StepConfig, StepFunction, WorkflowGraphCheck, config_of
from wf_core.engine.plan import FlowPlan, StepPlan
from wf_core.errors import Finding, WorkflowRuntimeError, WorkflowValidationError
from wf_core.events import Event, StartEvent, StopEvent
from wf_core.handler import WorkflowHandler
from wf_core.resource import ResourceManager
from wf_core.resource_checks import check_configs, check_resources
from wf_core.runtime import BasicRuntime, get_current_runtime
from wf_core.serializers import BaseSerializer, JsonSerializer
from wf_core.signature import refused

if TYPE_CHECKING:
    from wf_core.engine.journal import Journal
    from wf_core.engine.runner import Run

logger = logging.getLogger("wf_core")
_JSON = JsonSerializer()
_ids = random.Random()
"""Run ids: neither repeatable with the author's seeds nor alike in forked processes."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.seed)


class WorkflowMeta(type):
    """Gives every workflow class its own table of free-function steps."""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        cls._step_functions: dict[str, StepFunction] = {}
        cls._compiled: FlowPlan | None = None


class Workflow(metaclass=WorkflowMeta):
    """Steps that are started by events and return events.

        class Greet(Workflow):
            @step
            async def hello(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result=f"Hello {ev.name}")

        await Greet().run(name="World")

    Free functions become steps with `@step(workflow=Greet)`.
    """

    def __init__(
        self,
        timeout: float | None = 45.0,
        disable_validation: bool = False,
        verbose: bool = False,
        resource_manager: ResourceManager | None = None,
        num_concurrent_runs: int | None = None,
        runtime: BasicRuntime | None = None,
        workflow_name: str | None = None,
        skip_graph_checks: Collection[WorkflowGraphCheck] | None = None,
        serializer: BaseSerializer | None = None,
        journal: Journal | None = None,
    ) -> None:
        """`timeout` is in seconds per run, None for no limit; `num_concurrent_runs` limits the runs of this
        instance.

        `verbose` prints what the steps do; `journal` keeps what happens in every run, so that `resume` can
        continue one whose process has ended.
        `runtime` is accepted for compatibility: there is one runtime, this process. Raises
        WorkflowConfigurationError unless one kind of start event is accepted and one kind of stop event
        returned; WorkflowValidationError for unknown checks or a bad number of runs.
        """
        limit = num_concurrent_runs
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0):
            raise WorkflowValidationError("num_concurrent_runs must be an integer greater than 0 or None")
        functions = self._get_steps()
        name = type(self).__name__
        self._start_event_class = validation.start_event_class(functions, name)
        self._stop_event_class = validation.stop_event_class(functions, name)
        self._timeout = timeout
        self._verbose = verbose
        self._disable_validation = disable_validation
        self._num_concurrent_runs = limit
        self._runtime = runtime if runtime is not None else get_current_runtime()
        self._workflow_name = workflow_name
        self._serializer = serializer
        self._journal = journal
        self._resource_manager = resource_manager or ResourceManager()
        self._skip_graph_checks = _known_checks(skip_graph_checks or ())
        self._validated: tuple[FlowPlan, bool] | None = None
        self._running = 0
        self._waiting_runs: deque[Run] = deque()

    # -- what it is made of ----------------------------------------------------------------------------------
    @classmethod
    def add_step(cls, func: StepFunction) -> None:
        """Add a decorated free function as a step; WorkflowValidationError if it is no step or its name is
        taken."""
        if config_of(func) is None:
            raise refused(func, f"Step function {func.__name__} is missing the `@step` decorator.")
        if func.__name__ in cls._get_steps():
            raise refused(
                func, f"A step {func.__name__} is already part of this workflow, please choose another name."
            )
        cls._step_functions[func.__name__] = func
        cls._compiled = None

    @classmethod
    def _get_steps(cls) -> dict[str, StepFunction]:
        """All steps by name: methods in alphabetical order, then free functions as they were added."""
        methods = inspect.getmembers(cls, inspect.isroutine)  # class methods too
        return {name: f for name, f in methods if config_of(f) is not None} | cls._step_functions

    @classmethod
    def _step_configs(cls) -> dict[str, StepConfig]:
        found = ((name, config_of(f)) for name, f in cls._get_steps().items())
        return {name: config for name, config in found if config is not None}

    @classmethod
    def _plan(cls) -> FlowPlan:
        """How events are routed through this class, worked out once."""
        if cls._compiled is None:
            functions = cls._get_steps()
            plans = {
                name: StepPlan(name, function, config, free=name in cls._step_functions)
                for name, function in functions.items()
                if (config := config_of(function)) is not None
            }
            cls._compiled = FlowPlan(plans, validation.handlers_for(functions))
        return cls._compiled

    @property
    def start_event_class(self) -> type[StartEvent]:
        """The kind of start event a run begins with."""
        return self._start_event_class

    @property
    def stop_event_class(self) -> type[StopEvent]:
        """The kind of stop event a run ends with."""
        return self._stop_event_class

    @property
    def events(self) -> list[type[Event]]:
        """Every event class that the steps accept or return."""
        return validation.event_classes(self._step_configs())

    @property
    def workflow_name(self) -> str:
        """The given name, else module and qualified name of the class."""
        return self._workflow_name or f"{type(self).__module__}.{type(self).__qualname__}"

    @property
    def serializer(self) -> BaseSerializer | None:
        """The serializer given to the constructor."""
        return self._serializer

    @property
    def runtime(self) -> BasicRuntime:
        """What it runs on."""
        return self._runtime

    def _default_serializer(self) -> BaseSerializer:
        return self._serializer if self._serializer is not None else _JSON

    def _validate_valid_step_message(self, step: str, event: Event) -> None:
        """WorkflowRuntimeError if there is no such step or it does not take the event."""
        plan = self._plan().steps.get(step)
        if plan is None:
            raise WorkflowRuntimeError(f"Step {step} does not exist")
        if not plan.takes(type(event)):
            raise WorkflowRuntimeError(f"Step {step} does not accept event of type {type(event)}")

    # -- checking --------------------------------------------------------------------------------------------
    def validate(self, *, validate_resource_configs: bool = True, validate_resources: bool = False) -> bool:
        """Check the structure; whether the workflow asks a person for input.

        `validate_resources` also makes every resource once, which can't be done inside a running loop. Raises
        WorkflowConfigurationError or WorkflowValidationError with all findings.
        """
        functions = self._get_steps()
        name = type(self).__name__
        validation.require_steps(functions, name)
        self._start_event_class = validation.start_event_class(functions, name)
        self._stop_event_class = validation.stop_event_class(functions, name)
        human = validation.validate(functions, self._start_event_class, set(self._skip_graph_checks))
        steps = validation.configs(functions)
        if validate_resource_configs:
            _raise_found("Resource config", check_configs(steps), functions)
        if validate_resources:
            _raise_found("Resource", asyncio.run(check_resources(steps, self._resource_manager)), functions)
        return human

    def _validate(self) -> bool:
        """Check it before its first run, and again when it has got a step since."""
        if self._disable_validation:
            return False
        if self._validated is None or self._validated[0] is not type(self)._compiled:
            human = self.validate()
            self._validated = (self._plan(), human)
        return self._validated[1]

    # -- running ---------------------------------------------------------------------------------------------
    def run(
        self, ctx: Context[Any] | None = None, start_event: StartEvent | None = None, **kwargs: Any
    ) -> WorkflowHandler:
        """Start a run in the running loop; the keywords make its start event, unless `start_event` is given.

        `ctx` carries state from an earlier run, or continues a restored one. Raises WorkflowValidationError
        for a wrong structure, WorkflowRuntimeError if the start event can't be made, ContextStateError if
        the context is busy.
        """
        self._validate()
        run_id = kwargs.pop("run_id", None) or f"{_ids.getrandbits(40):010x}"
        context: Context[Any] = ctx if ctx is not None else Context(self)
        start = None if context.is_running else self._get_start_event_instance(start_event, **kwargs)
        handler = context._begin_run(start, run_id)
        self._admit(handler._run)
        return handler

    def resume(self, run_id: str | None = None) -> WorkflowHandler:
        """Continue a run that the journal holds; None: the one begun last that did not come to its end, or
        the last if all did.

        Finished invocations are not run again. Those that were under way are, once more from their first
        line, in a new attempt of the same number; the time that the run had already taken counts. A run that
        came to its result gives it once more: its process may have been killed before anybody got it.
        Raises WorkflowRuntimeError if there is no such run or it failed, ContextSerdeError if the workflow
        has changed so that its records do not fit.
        """
        from wf_core.engine.journal import to_resume

        if self._journal is None:
            raise WorkflowRuntimeError(
                f"{self.workflow_name} has no journal to resume from; make it with "
                "Workflow(journal=SqliteJournal(path))"
            )
        chosen = to_resume(self._journal, run_id)
        data = snapshot.of_journal(self, self._journal, chosen, self._default_serializer())
        return self.run(ctx=Context.from_dict(self, data), run_id=chosen)

    def _get_start_event_instance(self, start_event: StartEvent | None, **kwargs: Any) -> StartEvent:
        if start_event is None:
            try:
                return self._start_event_class(**kwargs)
            except ValidationError as error:
                name = self._start_event_class.__name__
                raise WorkflowRuntimeError(
                    f"Failed creating a start event of type '{name}' with the keyword arguments: "
                    f"{kwargs}\n{error}"
                ) from error
        if not isinstance(start_event, StartEvent):
            raise ValueError("The 'start_event' argument must be an instance of 'StartEvent'.")
        if kwargs:
            logger.warning(
                "Keyword arguments are not supported when 'run()' is invoked with the 'start_event' "
                "parameter. "
                "These keyword arguments will be ignored: %s",
                kwargs,
            )
        return start_event

    def _admit(self, run: Run) -> None:
        if self._num_concurrent_runs is not None and self._running >= self._num_concurrent_runs:
            self._waiting_runs.append(run)
            return
        self._running += 1
        run.begin()

    def _run_ended(self, run: Run) -> None:
        """A run of this instance is over; the next one that waits for its turn begins."""
        if run.recorder is not None:
            run.recorder.flush()
        if run in self._waiting_runs:
            self._waiting_runs.remove(run)
            return
        self._running -= 1
        if self._waiting_runs:
            self._running += 1
            self._waiting_runs.popleft().begin()


def _known_checks(checks: Collection[WorkflowGraphCheck]) -> frozenset[WorkflowGraphCheck]:
    valid = set(get_args(WorkflowGraphCheck))
    if unknown := set(checks) - valid:
        raise WorkflowValidationError(
            f"Unknown graph check names: {', '.join(sorted(unknown))}. Valid names are: "
            f"{', '.join(sorted(valid))}"
        )
    return frozenset(checks)


def _raise_found(what: str, faults: list[Finding], functions: validation.Functions) -> None:
    if faults:
        raise WorkflowValidationError(
            f"{what} validation failed:\n" + "\n".join(f"  - {fault.message}" for fault in faults),
            findings=tuple(validation.located(fault, functions) for fault in faults),
        )
