"""A recording looked at after the fact: what a session shows, without a host."""

from __future__ import annotations

from pathlib import Path

from wf_debug.graph import FlowGraph, joined
from wf_debug.session.hosting import SessionStatus
from wf_debug.session.session import NO_HOST
from wf_debug.trace.live import LiveState
from wf_debug.trace.recording import Recording
from wf_debug.wire import Capabilities, WorkflowInfo


class PostMortem:
    """The read side of a session over a finished recording.

    Raises:
        RecordingError: when `recording` is a path and cannot be opened as one.
    """

    def __init__(self, recording: Recording | Path) -> None:
        self.recording = Recording.open(recording) if isinstance(recording, Path) else recording
        meta = self.recording.meta
        self.workflow: WorkflowInfo | None = None
        if meta.graph is not None:
            self.workflow = WorkflowInfo(name=meta.workflow, engine=meta.engine, graph=meta.graph)
        self.workflows = [self.workflow] if self.workflow else []
        self.seen = {g.name: WorkflowInfo(name=g.name, engine=meta.engine, graph=g) for g in meta.also}
        self.status = SessionStatus("closed", "this is a recording: it can be looked at, not run")
        self.hello = NO_HOST
        graphs = [graph for graph in (meta.graph, *meta.also) if graph is not None]
        self.live = LiveState(joined(graphs) if graphs else None)
        self._fold()

    @property
    def capabilities(self) -> Capabilities:
        """None of them."""
        return NO_HOST.capabilities

    def graph_of(self, workflow: str) -> FlowGraph | None:
        """The graph of a workflow that ran, by its class's name."""
        known = [w for w in (self.workflow, *self.seen.values()) if w is not None]
        return next((w.graph for w in known if workflow in (w.name, w.graph.name)), None)

    def _fold(self) -> None:
        for records in self.recording.batches():
            self.live.apply_all(records)
