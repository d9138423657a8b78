"""What is going on now, folded from records: runs, steps, holds, questions.

Written by one thread, read by any: a reader gets a snapshot that never changes under it, the same object
until something did change.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from wf_debug.graph import FlowGraph
from wf_debug.trace import records as r
from wf_debug.trace.activity import EdgeKey, RunActivity, RunState, RunStatus, StepActivity, WorkerState
from wf_debug.trace.prompts import Prompt, Prompts
from wf_debug.trace.records import Held

__all__ = ["EdgeKey", "Held", "LiveState", "Prompt", "RunState", "StepActivity", "WorkerState"]

_ENDS: dict[str, RunStatus] = {
    "run_finished": "finished",
    "run_failed": "failed",
    "run_cancelled": "cancelled",
    "run_timed_out": "timed_out",
}


class LiveState:
    """The present as the records tell it. `graph` says which events ask a person and which answer."""

    def __init__(self, graph: FlowGraph | None = None) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, RunState] = {}
        self._activities: dict[str, RunActivity] = {}
        self._holds: dict[int, Held] = {}
        self._prompts = Prompts(graph)
        self._paused: set[str] = set()
        self.script: r.ScriptStarted | r.ScriptEnded | None = None
        """The last thing that the script did, where one is executed."""
        self._runs_shown: dict[str, RunState] | None = {}
        self._holds_shown: dict[int, Held] | None = {}
        self._prompts_shown: list[Prompt] | None = []
        self._steps_shown: dict[str, dict[str, StepActivity]] = {}

    def set_graph(self, graph: FlowGraph | None) -> None:
        """The workflow was (re)loaded: from now on this graph says which events are questions and answers."""
        with self._lock:
            self._prompts.graph = graph

    def apply(self, record: r.Record) -> None:
        """Take the next record."""
        self.apply_all((record,))

    def apply_all(self, records: Iterable[r.Record]) -> None:
        """Take the next records; a reader sees all of them or none."""
        times: dict[str, tuple[float, float]] = {}
        with self._lock:
            for record in records:
                if isinstance(record, r.ClockPaused | r.ClockResumed):
                    self._tick_all(times)
                self._apply(record)
                fresh = isinstance(record, r.RunStarted)
                t, wall = (0.0, 0.0) if fresh else times.get(record.run, (0.0, 0.0))
                times[record.run] = max(t, record.t), max(wall, record.wall)
            self._tick_all(times)

    def _apply(self, record: r.Record) -> None:
        if isinstance(record, r.CodeReloaded) and record.outcome == "restarted":
            self._paused.clear()
        if isinstance(record, r.ClockPaused | r.ClockResumed):
            self._clock(record)
        if isinstance(record, r.ScriptStarted | r.ScriptEnded):
            self.script = record
        if record.run:
            self._apply_to_run(record)
        if self._prompts.apply(record):
            self._prompts_shown = None

    def _clock(self, record: r.ClockPaused | r.ClockResumed) -> None:
        if not record.run and record.wall:
            self._set_clocks(record)
        if isinstance(record, r.ClockPaused):
            self._paused.add(record.run)
        elif record.run:
            self._paused.discard(record.run)
        else:
            self._paused.clear()

    def _set_clocks(self, record: r.ClockPaused | r.ClockResumed) -> None:
        """The record has no run and so no run clock: what the clocks of the live runs show is worked out."""
        stops = isinstance(record, r.ClockPaused) and not self._paused
        for run, state in self._runs.items():
            if state.status == "running":
                passed = max(0.0, record.wall - state.wall) if stops else 0.0
                self._runs[run] = replace(state, t=state.t + passed, wall=record.wall)
        self._runs_shown = None

    def _apply_to_run(self, record: r.Record) -> None:
        run = self._run(record)
        if isinstance(record, r.RunStarted):
            self._start(record)
        elif record.kind in _ENDS:
            self._end(record)
        elif isinstance(record, r.Held):
            self._holds[record.hold] = record
            self._holds_shown = None
        elif isinstance(record, r.InvocationStarted) and run.stuck:
            self._runs[record.run] = replace(run, stuck="")
        elif isinstance(record, r.RunStuck):
            self._runs[record.run] = replace(run, stuck=record.why)
        elif isinstance(record, r.Released) and record.hold in self._holds:
            del self._holds[record.hold]
            self._holds_shown = None
        if not isinstance(record, r.Log | r.StateChanged):
            self._activity(record.run).apply(record)
            self._steps_shown.pop(record.run, None)

    def _activity(self, run: str) -> RunActivity:
        activity = self._activities.get(run)
        if activity is None:
            activity = self._activities[run] = RunActivity()
        return activity

    def _run(self, record: r.Record) -> RunState:
        """The record's run, also when its start was not recorded."""
        known = self._runs.get(record.run)
        if known is None:
            known = RunState(record.run, "", "running", record.t, record.wall, record.wall)
            self._runs[record.run] = known
        return known

    def _start(self, record: r.RunStarted) -> None:
        self._drop_holds(record.run)
        activity = self._activity(record.run)
        if record.resumed:
            activity.interrupted()
        else:
            activity.over()
        self._runs[record.run] = RunState(
            run=record.run,
            workflow=record.workflow,
            status="running",
            t=record.t,
            wall=record.wall,
            started_wall=record.wall,
            parent_run=record.parent_run,
            parent_invocation=record.parent_invocation,
        )

    def _end(self, record: r.Record) -> None:
        state = self._run(record)
        result = record.result.preview if isinstance(record, r.RunFinished) else ""
        error = _error_text(record)
        self._runs[record.run] = replace(state, status=_ENDS[record.kind], result=result, error=error)
        activity = self._activity(record.run)
        activity.over()
        if isinstance(record, r.RunFailed):
            activity.brought_down(record)
        self._drop_holds(record.run)
        self._paused.discard(record.run)

    def _drop_holds(self, run: str) -> None:
        for hold in [h.hold for h in self._holds.values() if h.run == run]:
            del self._holds[hold]
            self._holds_shown = None

    def _tick_all(self, times: dict[str, tuple[float, float]]) -> None:
        times.pop("", None)
        for run, (t, wall) in times.items():
            self._tick(run, t, wall)
        times.clear()

    def _tick(self, run: str, t: float, wall: float) -> None:
        state = self._runs[run]
        self._runs[run] = replace(state, t=max(t, state.t), wall=max(wall, state.wall))
        self._runs_shown = None

    # -- what a reader sees
    @property
    def runs(self) -> Mapping[str, RunState]:
        """Every run of the session by id, in order of their start."""
        with self._lock:
            if self._runs_shown is None:
                self._runs_shown = dict(self._runs)
            return self._runs_shown

    @property
    def live_runs(self) -> list[str]:
        """The runs that have not ended, oldest first."""
        return [run for run, state in self.runs.items() if state.status == "running"]

    def steps(self, run: str) -> Mapping[str, StepActivity]:
        """The steps of a run that did anything so far, in order of their first activity."""
        with self._lock:
            if run not in self._activities:
                return {}
            if run not in self._steps_shown:
                self._steps_shown[run] = self._activities[run].steps()
            return self._steps_shown[run]

    def running(self, run: str) -> list[tuple[str, int]]:
        """Step and number of each invocation whose body runs."""
        return [
            (step.step, worker.invocation)
            for step in self.steps(run).values()
            for worker in step.workers.values()
            if worker.status == "running"
        ]

    @property
    def holds(self) -> Mapping[int, Held]:
        """What is held now, oldest first."""
        with self._lock:
            if self._holds_shown is None:
                self._holds_shown = dict(self._holds)
            return self._holds_shown

    @property
    def prompts(self) -> list[Prompt]:
        """The questions that wait for a person, oldest first."""
        with self._lock:
            if self._prompts_shown is None:
                self._prompts_shown = self._prompts.open()
            return self._prompts_shown

    @property
    def paused(self) -> bool:
        """Whether a run clock stands still."""
        with self._lock:
            return bool(self._paused)

    def edge_counts(self, run: str) -> Mapping[EdgeKey, int]:
        """How many events went over each (source, event type, target) in this run."""
        with self._lock:
            return dict(self._activities[run].edges) if run in self._activities else {}

    def observed_edges(self, run: str) -> set[EdgeKey]:
        """The (source, event type, target) that events of this run went over."""
        return set(self.edge_counts(run))


def _error_text(record: r.Record) -> str:
    match record:
        case r.RunFailed(error=error):
            return str(error)
        case r.RunTimedOut(timeout=timeout, active=active):
            running = f" while {', '.join(active)} ran" if active else ""
            return f"timed out after {timeout:g} s{running}"
        case _:
            return ""
