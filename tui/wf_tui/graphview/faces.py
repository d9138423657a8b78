"""What a step is doing, as its box shows it."""

from __future__ import annotations

from wf_debug.trace.activity import StepActivity
from wf_tui.graphview.boxes import BoxFace
from wf_tui.graphview.glyphs import StepState


def state_of(activity: StepActivity | None) -> StepState:
    """The step's one state: what needs attention comes first, what is over last."""
    if activity is None:
        return "idle"
    statuses = {worker.status for worker in activity.workers.values()}
    if activity.held or "held" in statuses:
        return "held"
    if "running" in statuses:
        return "running"
    if "waiting" in statuses:
        return "waiting"
    if activity.retrying:
        return "retrying"
    if activity.failed:
        return "failed"
    return "done" if activity.finished else "idle"


def face_of(activity: StepActivity | None, *, breakpoint: bool = False) -> BoxFace:  # noqa: A002
    """The face of a step's box."""
    if activity is None:
        return BoxFace(breakpoint=breakpoint)
    return BoxFace(
        state=state_of(activity),
        busy=len(activity.workers),
        queued=activity.queued,
        breakpoint=breakpoint,
    )
