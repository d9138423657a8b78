"""The engine's own runtime with the debugger in it. Everything that runs is the engine's; only the seams that
it offers to other runtimes are used."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from workflows.errors import WorkflowCancelledByUser, WorkflowTimeoutError
from workflows.events import Event
from workflows.plugins import BasicRuntime
from workflows.runtime.types.results import StepWorkerFailed

from wf_debug.backends.llamaindex.adapters import InsideAdapter, OutsideAdapter
from wf_debug.backends.llamaindex.gates import Gates
from wf_debug.backends.llamaindex.graph import event_classes, role_of
from wf_debug.backends.llamaindex.invoking import observed
from wf_debug.backends.llamaindex.recorder import RunRecorder
from wf_debug.backends.llamaindex.run import LiveRun, current_run, current_work
from wf_debug.backends.met import MetEvents
from wf_debug.control.debugger import Debugger
from wf_debug.control.origin import Origin, current_origin

_DECIDES_ITSELF = "retry_decision" in StepWorkerFailed.model_fields
"""Whether a failure carries the retry policy's decision."""


class DebugRuntime(BasicRuntime):
    """Debugs every run of the workflows that are registered with it."""

    def __init__(self, debugger: Debugger) -> None:
        super().__init__()
        self._debugger = debugger
        self.met = MetEvents(debugger, Event, event_classes, role_of)
        self.recorder = RunRecorder(debugger, self.met)
        self._gates = Gates(debugger)
        self.live: dict[str, LiveRun] = {}
        self.continued: dict[str, Any] = {}
        """Runs about to be continued from a snapshot: what is known of them (see `snapshot.Known`)."""
        self.started_here: set[str] = set()
        """Ids of the runs that the debugger is about to start itself."""

    def register(self, workflow: Any) -> Any:
        registered = super().register(workflow)
        steps = {n: observed(f, self._gates, self.recorder) for n, f in registered.steps.items()}
        run_fn = self._observed_run(registered.workflow_run_fn)
        return dataclasses.replace(registered, steps=steps, workflow_run_fn=run_fn)

    def run_workflow(self, run_id: str, workflow: Any, init_state: Any, *rest: Any, **more: Any) -> Any:
        start_event = rest[0] if rest else more.get("start_event")
        debugger = self._debugger
        if debugger.loading:
            debugger.started_while_loading.append(debugger.user_code.place_of_caller())
            raise RuntimeError("a workflow runs while its file is imported")
        if run_id in self.live:
            return super().run_workflow(run_id, workflow, init_state, *rest, **more)
        parent = current_origin.get()
        debugger.run_starting(workflow)
        known_types = self.met.classes(type(workflow))
        run = LiveRun(run_id, workflow, asyncio.get_running_loop(), init_state, known_types)
        run.ours = run_id in self.started_here
        self.live[run_id] = run
        known = self.continued.pop(run_id, None)
        if known is not None:
            known.restore(run)
            for waiter in run.waiters:
                self.met.awaited(type(workflow), waiter.awaits, waiter.step)
        if not _DECIDES_ITSELF:
            _note_decisions(run)
        self.recorder.run_started(run, start_event, parent, known.elapsed if known else 0.0)
        try:
            run.external = super().run_workflow(run_id, workflow, init_state, *rest, **more)
        except BaseException as error:
            self._over(run)
            self.recorder.run_failed(run, error)
            raise
        return run.external

    def get_internal_adapter(self, workflow: Any) -> Any:
        inner = super().get_internal_adapter(workflow)
        run = self.live.get(inner.run_id)
        if run is None:
            return inner
        if run.internal is None:
            clock = self._debugger.clock
            epoch = _now(inner) - clock.now()
            run.internal = InsideAdapter(inner, run, self._gates, self.recorder, clock, epoch)
        return run.internal

    def get_external_adapter(self, run_id: str) -> Any:
        inner = super().get_external_adapter(run_id)
        run = self.live.get(run_id)
        if run is None:
            return inner
        return OutsideAdapter(
            inner, run, self._gates, self.recorder, lambda: self._ended(run, asyncio.CancelledError())
        )

    # -- the life of a run
    def _observed_run(self, function: Any) -> Any:
        async def run_workflow(*arguments: Any, **more: Any) -> Any:
            from workflows.plugins.basic import get_current_run_id

            run = self.live.get(get_current_run_id() or "")
            if run is None:
                return await function(*arguments, **more)
            current_run.set(run)
            current_work.set(None)
            current_origin.set(Origin(run.run_id))
            try:
                stop = await function(*arguments, **more)
            except BaseException as error:
                self._ended(run, error)
                raise
            self._ended(run, stop)
            return stop

        return run_workflow

    def _ended(self, run: LiveRun, how: Any) -> None:
        self._over(run)
        if not (self._debugger.goes_on_elsewhere(run.run_id)):
            self._tell_end(run, how)
        self._debugger.tracer.flush()

    def _over(self, run: LiveRun) -> None:
        self.live.pop(run.run_id, None)
        self._debugger.controller.forget_run(run.run_id)
        self._debugger.end_lines(Origin(run.run_id))

    def _tell_end(self, run: LiveRun, how: Any) -> None:
        if isinstance(how, WorkflowTimeoutError) and run.timed_out is not None:
            self.recorder.run_timed_out(run, *run.timed_out)
        elif isinstance(how, WorkflowCancelledByUser | asyncio.CancelledError):
            self.recorder.run_cancelled(run)
        elif isinstance(how, BaseException):
            self.recorder.run_failed(run, how)
        else:
            self.recorder.run_finished(run, how)


def _now(adapter: Any) -> float:
    """The engine's clock, read without waiting."""
    reading = adapter.get_now()
    try:
        reading.send(None)
    except StopIteration as done:
        return float(done.value)
    reading.close()
    raise RuntimeError("the engine's clock can't be read at once")


def _note_decisions(run: LiveRun) -> None:
    """Have the retry policies of this run's configuration tell what they decide."""
    config = run.init_state.config
    for step in config.steps.values():
        if step.retry_policy is not None:
            step.retry_policy = _TellingPolicy(step.retry_policy, run)
    for name, worker in run.init_state.workers.items():
        worker.config = config.steps.get(name, worker.config)


class _TellingPolicy:
    """A retry policy that notes each decision."""

    def __init__(self, policy: Any, run: LiveRun) -> None:
        self._policy, self._run = policy, run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)

    def next(self, elapsed_time: float, attempts: int, error: Exception, **more: Any) -> float | None:
        delay: float | None = self._policy.next(elapsed_time, attempts, error, **more)
        self._run.decisions[id(error)] = delay
        return delay
