"""What every backend works with: one set for the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wf_debug.control.clock import FreezableClock
from wf_debug.control.controller import Controller
from wf_debug.control.origin import Origin
from wf_debug.control.payload import PayloadEncoder
from wf_debug.control.tracer import Tracer
from wf_debug.control.usercode import UserCode
from wf_debug.graph import Growth, SourceRef


def _no_lines(origin: Origin) -> None:
    pass


def _not_told() -> None:
    pass


def _unseen(workflow: Any) -> None:
    pass


def _not_drawn(workflow: type, growth: Growth) -> None:
    pass


@dataclass(slots=True)
class Debugger:
    """The parts of `control`, wired together."""

    clock: FreezableClock
    tracer: Tracer
    payloads: PayloadEncoder
    controller: Controller
    user_code: UserCode
    end_lines: Callable[[Origin], None] = _no_lines
    """Records what an invocation printed without a line end; called as it ends."""
    run_starting: Callable[[Any], None] = _unseen
    """Told of the workflow before its run's first record."""
    graph_grew: Callable[[type, Growth], None] = _not_drawn
    """Told of what a run shows of its workflow class, before the record of it."""
    run_began: Callable[[], None] = _not_told
    handing_over: bool = False
    """The process ends while all is frozen."""
    frozen: set[str] = field(default_factory=set)
    """Runs that were written down to go on in another process."""
    loading: bool = False
    """While a flow is imported no run may start."""
    started_while_loading: list[SourceRef | None] = field(default_factory=list)

    def goes_on_elsewhere(self, run: str) -> bool:
        """Whether the run's end in this process is none."""
        return self.handing_over and run in self.frozen

    def runs_started_while_loading(self) -> list[SourceRef | None]:
        """Where runs were started during imports; empties the list."""
        started, self.started_while_loading = self.started_while_loading, []
        return started
