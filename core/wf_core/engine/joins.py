"""Where events come together: streams with their collecting steps, and steps with several event
parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_core.engine.commands import Command, Fail, Warn
from wf_core.engine.plan import StepPlan
from wf_core.engine.state import Batch, Pending, Stream, Work
from wf_core.errors import WorkflowRuntimeError

if TYPE_CHECKING:
    from wf_core.engine.broker import Broker


class Joins:
    """The open streams of a run, and who collects from them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.streams: dict[int, Stream] = {}
        self.opened = 0

    def open(self, work: Work) -> Stream:
        """A stream for what the work fans out. It is born with one thing alive in it, to be taken out with
        `leave`."""
        self.opened += 1
        stream = Stream(self.opened, work.step, work.scope)
        stream.open = 1
        targets = self._broker.plan.joins.get(work.step, ())
        stream.joins = {name: Batch() for name in targets}
        if work.scope is not None:
            work.scope.open += len(targets)
        self.streams[stream.id] = stream
        return stream

    def leave(self, stream: Stream, out: list[Command]) -> None:
        """One thing less is alive in the stream; the last one closes it and releases its joins."""
        stream.open -= 1
        if stream.open > 0 or self.streams.pop(stream.id, None) is None:
            return
        for name, batch in stream.joins.items():
            if not batch.released:
                self._release(stream, self._broker.plan.steps[name], batch, out)

    def member(self, step: StepPlan, pending: Pending, out: list[Command]) -> None:
        """An event arrives at a collecting step."""
        stream = pending.scope
        if stream is None:
            self._stray(step, pending, out)
            return
        batch = stream.joins.get(step.name)
        if batch is None:
            out.append(
                Warn(
                    f"Dropping {type(pending.event).__name__} for collect step {step.name!r}: the stream it "
                    "is in, "
                    f"opened by step {stream.source!r}, does not feed that step, so it can never join a "
                    "batch."
                )
            )
        elif not batch.released:
            batch.events.append(pending.event)
            batch.emissions.append(pending.id)
            if step.take is not None and len(batch.events) >= step.take:
                self._release(stream, step, batch, out)

    def slot(self, step: StepPlan, pending: Pending, out: list[Command]) -> None:
        """An event arrives at a step with several event parameters; it runs when every one can be filled."""
        partners = self._broker.steps[step.name].slots
        partners.add(pending)
        picked = partners.take(step.slots, allow_subclasses=step.subclasses)
        if picked is None:
            return
        self._broker.enqueue(
            step,
            tuple(p.event for p in picked),
            tuple(p.id for p in picked),
            pending.scope,
            pending.recoveries,
            out,
            picked.index(pending),
        )

    def _release(self, stream: Stream, step: StepPlan, batch: Batch, out: list[Command]) -> None:
        batch.released = True
        taken = slice(step.take)
        outer = stream.parent
        lineage: dict[str, int] = {}
        self._broker.enqueue(
            step, tuple(batch.events[taken]), tuple(batch.emissions[taken]), outer, lineage, out
        )
        batch.events, batch.emissions = [], []
        if outer is not None:
            self.leave(outer, out)

    def _stray(self, step: StepPlan, pending: Pending, out: list[Command]) -> None:
        name = type(pending.event).__name__
        if pending.target is None:
            out.append(
                Warn(
                    f"Ignoring {name} for collect step {step.name!r}: it was sent outside any collection "
                    "stream "
                    "(e.g. via ctx.send_event) so it cannot join a batch."
                )
            )
            return
        error = WorkflowRuntimeError(
            f"{name} was sent to collect step {step.name!r} via send_event(step=...), but a collect step "
            "cannot "
            "receive targeted events: it only collects events emitted inside a fan-out stream."
        )
        out.append(Fail(step.name, error))
