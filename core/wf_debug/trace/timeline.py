"""Folds records into timeline rows: one an event, which changes as its consumers progress, one a notable
record.

Memory holds the rows that may still change; a settled row that changes after all (an event delivered once
more) is loaded back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from wf_debug.trace import records as r
from wf_debug.trace.rows import Outcome, RowKind

ACTIVE: tuple[Outcome, ...] = ("held", "running", "retrying", "waiting", "queued")
"""States of a delivery that is not over; a row shows the first of them that one of its deliveries has."""
_OVER: tuple[Outcome, ...] = ("failed", "cancelled", "dropped", "done")
_PRODUCERS = {"start": "start", "external": "you", "injected": "you"}


@dataclass(slots=True)
class Delivery:
    """One step's share in an event: which invocation took it, and how far that has come."""

    step: str
    invocation: int | None = None
    state: Outcome = "queued"
    duration: float | None = None


@dataclass(slots=True)
class Row:
    """A timeline row in the making. `base` is its outcome as long as nobody takes the event."""

    pos: int
    seq: int
    run: str
    t: float
    wall: float
    kind: RowKind
    type: str
    preview: str
    producer: str = ""
    producer_invocation: int | None = None
    event: int | None = None
    duration: float | None = None
    base: Outcome = ""
    problem: bool = False
    version: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    routed: bool = False
    held: bool = False
    stored: bool = False

    @property
    def outcome(self) -> Outcome:
        if self.held:
            return "held"
        states = {d.state for d in self.deliveries}
        return next((s for s in (*ACTIVE, *_OVER) if s in states), self.base)

    @property
    def settled(self) -> bool:
        return self.kind != "event" or (self.outcome not in ACTIVE and (self.routed or bool(self.outcome)))

    def delivery(self, step: str, invocation: int | None) -> Delivery:
        """The share of that invocation; the step's first unclaimed one becomes it, else a new one."""
        found = next(
            (d for d in self.deliveries if invocation is not None and d.invocation == invocation), None
        )
        found = found or next((d for d in self.deliveries if d.step == step and d.invocation is None), None)
        if found is None:
            found = Delivery(step)
            self.deliveries.append(found)
        if found.invocation is None:
            found.invocation = invocation
        return found

    def changing_columns(self) -> tuple[object, ...]:
        """preview, consumers, duration, outcome, version, problem, deliveries: what an update writes."""
        outcome = self.outcome
        steps = dict.fromkeys(d.step for d in self.deliveries)
        times = [d.duration for d in self.deliveries if d.duration is not None]
        problem = self.problem or (self.kind == "event" and outcome in ("failed", "unhandled"))
        shares = [[d.step, d.invocation, d.state, d.duration] for d in self.deliveries]
        return (
            self.preview,
            f" {' '.join(steps)} " if steps else "",
            max(times, default=self.duration),
            outcome,
            self.version,
            problem,
            json.dumps(shares) if shares else "",
        )

    def columns(self) -> tuple[object, ...]:
        """Every column, in the table's order."""
        preview, consumers, duration, outcome, version, problem, shares = self.changing_columns()
        made = (self.pos, self.seq, self.run, self.t, self.wall, self.kind, self.event, self.type, preview)
        return (
            *made,
            self.producer,
            self.producer_invocation,
            consumers,
            duration,
            outcome,
            version,
            problem,
            shares,
        )


Share = tuple[Row, Delivery]
LoadRow = Callable[[str, int], Row | None]
"""Brings a settled event row back from the file, by run and event."""


class TimelineFold:
    """Takes records in order; `dirty` holds the rows made or changed since `flushed()`."""

    def __init__(self, load: LoadRow, count: int = 0) -> None:
        self.count = count
        self.dirty: dict[int, Row] = {}
        self.deliveries: list[tuple[int, str, int]] = []
        """New (event, run, invocation) triples since `flushed()`."""
        self._load = load
        self._open: dict[str, dict[int, Row]] = {}
        self._inputs: dict[tuple[str, int], list[Share]] = {}
        self._holds: dict[int, list[Share]] = {}
        self._row_holds: dict[int, Row] = {}

    def apply(self, record: r.Record) -> None:
        """Take the next record."""
        fold = _FOLDS.get(type(record))
        if fold is not None:
            fold(self, record)

    def flushed(self) -> None:
        """The dirty rows are on disk: forget those that will not change."""
        for row in self.dirty.values():
            row.stored = True
            if row.settled and row.event is not None:
                self._open.get(row.run, {}).pop(row.event, None)
        self.dirty.clear()
        self.deliveries.clear()

    # -- rows
    def _new(self, record: r.Record, kind: RowKind, type_: str, preview: str) -> Row:
        row = Row(self.count, record.seq, record.run, record.t, record.wall, kind, type_, preview)
        self.dirty[row.pos] = row
        self.count += 1
        return row

    def _row(self, run: str, event: int | None) -> Row | None:
        if event is None:
            return None
        row = self._open.setdefault(run, {}).get(event)
        if row is None and (row := self._load(run, event)) is not None:
            self._open[run][event] = row
        return row

    def _touch(self, row: Row) -> None:
        self.dirty[row.pos] = row
        row.version += 1

    def _move(
        self, shares: Iterator[Share] | list[Share], state: Outcome, duration: float | None = None
    ) -> None:
        for row, share in shares:
            share.state = state
            share.duration = duration if duration is not None else share.duration
            self._touch(row)

    # -- events
    def emitted(self, record: r.EventEmitted) -> None:
        row = self._new(record, "event", record.type, record.payload.preview)
        row.event, row.producer_invocation = record.event, record.invocation
        row.producer = record.step or _PRODUCERS.get(record.by, "you")
        self._open.setdefault(record.run, {})[record.event] = row

    def routed(self, record: r.EventRouted) -> None:
        row = self._row(record.run, record.event)
        if row is None:
            return
        row.routed = True
        row.deliveries.extend(Delivery(step) for step in record.steps)
        for waiter in record.waiters:
            inputs = self._inputs.get((record.run, waiter))
            step = inputs[0][1].step if inputs else f"#{waiter}"
            row.deliveries.append(Delivery(step, waiter, "done"))
        self._touch(row)

    def unhandled(self, record: r.EventUnhandled) -> None:
        if row := self._row(record.run, record.event):
            row.base, row.routed = "unhandled", True
            self._touch(row)

    def published(self, record: r.Published) -> None:
        if record.event is None:
            row = self._new(record, "published", record.type, record.payload.preview)
            row.producer, row.producer_invocation = record.step or "", record.invocation

    # -- invocations
    def queued(self, record: r.InvocationQueued) -> None:
        self._take(record, record.events, "queued")

    def started(self, record: r.InvocationStarted) -> None:
        self._take(record, record.events, "running")

    def _take(
        self, record: r.InvocationQueued | r.InvocationStarted, events: tuple[int, ...], state: Outcome
    ) -> None:
        invocation, step = record.invocation, record.step
        if invocation is None or step is None:
            return
        key = (record.run, invocation)
        if key not in self._inputs:
            rows = [row for event in events if (row := self._row(record.run, event)) is not None]
            self._inputs[key] = [(row, row.delivery(step, invocation)) for row in rows]
            self.deliveries.extend((event, record.run, invocation) for event in events)
        self._move(self._inputs[key], state)

    def waiting(self, record: r.InvocationWaiting) -> None:
        self._move(self._shares(record), "waiting")

    def resumed(self, record: r.InvocationResumed) -> None:
        self._move(self._shares(record), "running")

    def finished(self, record: r.InvocationFinished) -> None:
        self._move(self._over(record), "done", record.duration)

    def cancelled(self, record: r.InvocationCancelled) -> None:
        self._move(self._over(record), "cancelled", record.duration)

    def failed(self, record: r.InvocationFailed) -> None:
        row = self._new(record, "error", record.error.type, record.error.message)
        row.producer, row.producer_invocation = record.step or "", record.invocation
        row.duration, row.problem, row.base = record.duration, True, "failed" if record.final else "retrying"
        if record.final:
            self._move(self._over(record), "failed", record.duration)
        else:
            self._move(self._shares(record), "retrying")

    def _shares(self, record: r.InRun) -> list[Share]:
        return self._inputs.get((record.run, record.invocation), []) if record.invocation is not None else []

    def _over(self, record: r.InRun) -> list[Share]:
        return self._inputs.pop((record.run, record.invocation), []) if record.invocation is not None else []

    # -- the debugger's hand
    def held(self, record: r.Held) -> None:
        row = self._row(record.run, record.event)
        if record.when == "after" and (shares := self._shares(record)):
            self._holds[record.hold] = shares
            self._move(shares, "held")
        elif row is not None and record.when == "deliver" and record.step is not None:
            self._holds[record.hold] = [(row, row.delivery(record.step, record.invocation))]
            self._move(self._holds[record.hold], "held")
        elif row is not None and record.when == "emit":
            self._row_holds[record.hold] = row
            row.held = True
            self._touch(row)

    def released(self, record: r.Released) -> None:
        back: Outcome = "cancelled" if record.action == "cancelled" else "queued"
        for row, share in self._holds.pop(record.hold, []):
            if share.state == "held":
                running = back == "queued" and (row.run, share.invocation) in self._inputs
                share.state = "running" if running else back
                self._touch(row)
        if row_held := self._row_holds.pop(record.hold, None):
            row_held.held = False
            self._touch(row_held)

    def edited(self, record: r.Edited) -> None:
        if row := self._row(record.run, record.event):
            row.preview = record.after.preview
            self._touch(row)

    def dropped(self, record: r.Dropped) -> None:
        row = self._row(record.run, record.event)
        if row is None:
            return
        if record.step is not None:
            row.delivery(record.step, record.invocation).state = "dropped"
        else:
            row.base, row.routed = "dropped", True
        self._touch(row)

    # -- the run and around it
    def run_started(self, record: r.RunStarted) -> None:
        title = "run resumed" if record.resumed else "run started"
        self._holds_are_gone(record.run)
        self._new(record, "run", title, record.input.preview).producer = record.workflow

    def _holds_are_gone(self, run: str) -> None:
        """The run goes on in another host: what was held is to be delivered there."""
        for row in self._open.get(run, {}).values():
            held = [(row, d) for d in row.deliveries if d.state == "held"]
            if row.held or held:
                row.held = False
                self._touch(row)
            self._move(held, "queued")
        self._holds = {n: shares for n, shares in self._holds.items() if shares and shares[0][0].run != run}
        self._row_holds = {n: row for n, row in self._row_holds.items() if row.run != run}

    def run_finished(self, record: r.RunFinished) -> None:
        self._end(record, "run finished", record.result.preview, "done")

    def run_failed(self, record: r.RunFailed) -> None:
        self._end(record, "run failed", str(record.error), "failed", record.step or "")

    def run_cancelled(self, record: r.RunCancelled) -> None:
        self._end(record, "run cancelled", "", "cancelled")

    def run_timed_out(self, record: r.RunTimedOut) -> None:
        active = f", still running: {', '.join(record.active)}" if record.active else ""
        self._end(record, "run timed out", f"after {record.timeout:g} s{active}", "failed")

    def _end(self, record: r.Record, title: str, preview: str, outcome: Outcome, producer: str = "") -> None:
        """The run's row, and nothing of the run is under way any more."""
        for open_row in self._open.pop(record.run, {}).values():
            left = [(open_row, d) for d in open_row.deliveries if d.state in ACTIVE]
            self._move(left, "cancelled")
            open_row.held = False
        for key in [key for key in self._inputs if key[0] == record.run]:
            del self._inputs[key]
        row = self._new(record, "run", title, preview)
        row.base, row.producer, row.problem = outcome, producer, outcome == "failed"

    def stuck(self, record: r.RunStuck) -> None:
        self._new(record, "note", "stuck", record.why).problem = True

    def reloaded(self, record: r.CodeReloaded) -> None:
        error = str(record.error) if record.error else ""
        preview = ", ".join(part for part in (*record.files, record.detail, error) if part)
        row = self._new(record, "reload", f"code {record.outcome}", preview)
        row.problem = record.outcome == "failed"
        row.base = "failed" if row.problem else ""

    def script_started(self, record: r.ScriptStarted) -> None:
        self._new(record, "run", "script started", " ".join(record.argv) or record.path)

    def script_ended(self, record: r.ScriptEnded) -> None:
        error = str(record.error) if record.error else ""
        row = self._new(record, "run", "script ended", error or f"exit code {record.code}")
        row.problem = record.code != 0
        row.base = "failed" if row.problem else "done"

    def note(self, record: r.Note) -> None:
        self._new(record, "note", record.level, record.text).problem = record.level != "info"

    def clock(self, record: r.ClockPaused | r.ClockResumed) -> None:
        self._new(record, "clock", record.kind.replace("_", " "), "")


_FOLDS: dict[type, Callable[[TimelineFold, Any], None]] = {
    r.EventEmitted: TimelineFold.emitted,
    r.EventRouted: TimelineFold.routed,
    r.EventUnhandled: TimelineFold.unhandled,
    r.Published: TimelineFold.published,
    r.InvocationQueued: TimelineFold.queued,
    r.InvocationStarted: TimelineFold.started,
    r.InvocationWaiting: TimelineFold.waiting,
    r.InvocationResumed: TimelineFold.resumed,
    r.InvocationFinished: TimelineFold.finished,
    r.InvocationCancelled: TimelineFold.cancelled,
    r.InvocationFailed: TimelineFold.failed,
    r.Held: TimelineFold.held,
    r.Released: TimelineFold.released,
    r.Edited: TimelineFold.edited,
    r.Dropped: TimelineFold.dropped,
    r.RunStarted: TimelineFold.run_started,
    r.RunFinished: TimelineFold.run_finished,
    r.RunFailed: TimelineFold.run_failed,
    r.RunCancelled: TimelineFold.run_cancelled,
    r.RunTimedOut: TimelineFold.run_timed_out,
    r.RunStuck: TimelineFold.stuck,
    r.CodeReloaded: TimelineFold.reloaded,
    r.ScriptStarted: TimelineFold.script_started,
    r.ScriptEnded: TimelineFold.script_ended,
    r.Note: TimelineFold.note,
    r.ClockPaused: TimelineFold.clock,
    r.ClockResumed: TimelineFold.clock,
}
