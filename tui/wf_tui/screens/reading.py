"""From the session's live state to what header, lanes and commands need; pure, once per tick."""

from __future__ import annotations

import time

from wf_debug.graph import FlowGraph
from wf_debug.session import PostMortem, Session
from wf_debug.trace.live import LiveState, RunState, StepActivity, WorkerState
from wf_debug.trace.records import Held
from wf_debug.trace.rows import TimelineRow
from wf_tui import look
from wf_tui.selection import Origin, Selection
from wf_tui.situation import Situation
from wf_tui.widgets.header import Heads
from wf_tui.widgets.lanes import Lane, WorkerCell

WALL_DIFFERS = 0.5
"""Seconds between run clock and wall from which the header shows both."""


def newest_run(live: LiveState) -> str | None:
    """The run that was started last by a person, not by another run."""
    roots = [run.run for run in list(live.runs.values()) if run.parent_run is None]
    return roots[-1] if roots else None


def holds_of(live: LiveState, run: str | None) -> list[Held]:
    """What is held in the run, oldest first."""
    return [hold for hold in list(live.holds.values()) if hold.run == run]


# -- lanes
def wall_now(source: Session | PostMortem, run: RunState | None) -> float:
    """Wall time to measure busy workers by: now, or for what is over its last record's."""
    return (
        time.time() if run is None or (run.status == "running" and isinstance(source, Session)) else run.wall
    )


def lanes_of(graph: FlowGraph | None, live: LiveState, run: str | None, now: float) -> tuple[Lane, ...]:
    """One lane a step: those of the graph in its order, then any other that ran. `now` is wall time."""
    activities = dict(live.steps(run)) if run else {}
    slots = {step.name: step.num_workers for step in graph.steps} if graph else {}
    names = [*slots, *(name for name in activities if name not in slots)]
    return tuple(_lane(name, slots.get(name, 1), activities.get(name), now) for name in names)


def _lane(step: str, slots: int, activity: StepActivity | None, now: float) -> Lane:
    if activity is None:
        return Lane(step, slots)
    return Lane(
        step,
        slots,
        tuple(_cell(worker, now) for worker in activity.workers.values()),
        activity.queued,
        max(activity.held - sum(w.status == "held" for w in activity.workers.values()), 0),
        activity.retrying,
        activity.finished,
        activity.failed,
    )


def _cell(worker: WorkerState, now: float) -> WorkerCell:
    elapsed = look.seconds(max(now - worker.since, 0.0)) if worker.status != "held" else ""
    return WorkerCell(worker.worker, worker.invocation, worker.status, worker.event_type, _calm(elapsed))


def _calm(elapsed: str) -> str:
    """Milliseconds of something still running would only flicker."""
    return "" if elapsed.endswith("ms") else elapsed


# -- header
def heads_of(source: Session | PostMortem, run: RunState | None, now: float, run_id: str | None) -> Heads:
    """The top line of a session or recording."""
    live = source.live
    state, clock, wall = _state(source, run), "", ""
    if run is not None:
        clock = f"{now:.1f} s"
        since = (
            time.time() - run.started_wall if run.status == "running" and isinstance(source, Session) else now
        )
        wall = f"{since:.1f} s" if since - now > WALL_DIFFERS else ""
    return Heads(
        flow=flow_name(source),
        state=state,
        clock=clock,
        wall=wall,
        held=len(holds_of(live, run_id)),
        paused=live.paused and (isinstance(source, Session) or _state(source, run) == "unfinished"),
        prompts=len(live.prompts) if isinstance(source, Session) else 0,
        run=_which(live, run_id),
        detail=_detail(source),
    )


def _state(source: Session | PostMortem, run: RunState | None) -> str:
    if isinstance(source, Session) and source.status.state not in ("ready", "closed"):
        return str(source.status.state)
    if run is None:
        return "ready" if isinstance(source, Session) else "recording"
    if run.status != "running":
        return run.status
    if run.stuck:
        return "stuck"
    return "running" if isinstance(source, Session) else "unfinished"


def flow_name(source: Session | PostMortem) -> str:
    """`flow.py:Name`."""
    from pathlib import Path

    file = Path(source.recording.meta.flow).name
    if isinstance(source, Session) and source.is_script:
        return file
    name = source.workflow.name if source.workflow else source.recording.meta.workflow
    return f"{file}:{name}" if name else file


def _which(live: LiveState, run_id: str | None) -> str:
    runs = list(live.runs)
    return f"run {runs.index(run_id) + 1}/{len(runs)}" if len(runs) > 1 and run_id in runs else ""


def _detail(source: Session | PostMortem) -> str:
    engine = source.workflow.engine if source.workflow else source.recording.meta.engine
    return engine if isinstance(source, Session) else f"{engine} recording"


# -- selection
def selection_of_row(
    row: TimelineRow, live: LiveState, invocations: tuple[int, ...], origin: Origin
) -> Selection:
    """What a timeline row points at. `invocations` are those that took the event."""
    hold = next((h for h in list(live.holds.values()) if h.run == row.run and h.event == row.event), None)
    is_event = row.kind in ("event", "published")
    step = (hold.step if hold else None) or (row.consumers[0] if row.consumers else None)
    if step is None and row.producer not in ("start", "you", ""):
        step = row.producer
    return Selection(
        origin=origin,
        run=row.run or None,
        seq=row.seq,
        event=row.event,
        type=row.type if is_event else None,
        invocation=invocations[0] if invocations else row.producer_invocation,
        step=step,
        hold=hold.hold if hold else None,
    )


def selection_of_step(step: str, live: LiveState, run: str | None, origin: Origin = "graph") -> Selection:
    """What a step points at: what is held before it, else its first busy worker, else what it did last."""
    activity = live.steps(run).get(step) if run else None
    if hold := next((h for h in holds_of(live, run) if h.step == step), None):
        return _selection_of_hold(hold, step, origin)
    worker = next(iter(activity.workers.values()), None) if activity else None
    invocation = worker.invocation if worker else activity.last if activity else None
    return Selection(origin=origin, run=run, step=step, invocation=invocation)


def _selection_of_hold(hold: Held, step: str, origin: Origin) -> Selection:
    return Selection(
        origin=origin,
        run=hold.run,
        step=step,
        invocation=hold.invocation,
        event=hold.event,
        type=hold.type,
        hold=hold.hold,
    )


def selection_of_lane(lane: Lane, cell: WorkerCell | None, live: LiveState, run: str | None) -> Selection:
    """What a lane, or one busy worker of it, points at."""
    if cell is None:
        return selection_of_step(lane.step, live, run, "lanes")
    if hold := next((h for h in holds_of(live, run) if h.invocation == cell.invocation), None):
        return _selection_of_hold(hold, lane.step, "lanes")
    return Selection(
        origin="lanes", run=run, step=lane.step, invocation=cell.invocation, type=cell.event_type or None
    )


# -- commands
def situation_of(
    source: Session | PostMortem | None, run: RunState | None, chosen: Selection, failed: bool
) -> Situation:
    """The facts that commands ask about."""
    if source is None or failed:
        return Situation(status="error" if failed else "loading", selection=chosen)
    live = source.live
    going = [r for r in list(live.runs.values()) if r.status == "running"]
    common = {"runs": len(live.runs), "selection": chosen}
    if not isinstance(source, Session):
        return Situation(recording=True, status="ready", **common)  # type: ignore[arg-type]
    info = source.workflow
    fatal = next((p.message for p in info.problems if p.fatal), "") if info else ""
    return Situation(
        script=source.is_script,
        status=source.status.state,
        workflow=info.name if info else None,
        workflows=0 if source.is_script else len(source.workflows),
        fatal=fatal,
        live_runs=len(going),
        run_live=run is not None and run.status == "running",
        paused=live.paused,
        holds=len(live.holds),
        prompts=len(live.prompts),
        breakpoints=len(source.breakpoints),
        has_input=source.last_input is not None,
        capabilities=source.hello.capabilities,
        **common,  # type: ignore[arg-type]
    )
