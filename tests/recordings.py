"""Realistic record sequences for tests: a `Tape` writes what a run did, record by record, as a host would.

Ready-made runs: `research_run` (fan-out, join, retry, logs), `held_run` (stopped at a breakpoint),
`prompt_run` (a person is asked), `failed_run`, `crashed_run`, `long_run(n)`. `make_recording(path, records)`
puts them into a real recording file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wf_debug.graph import HUMAN, START, STOP, Edge, EventRole, EventType, FlowGraph, SourceRef, Step
from wf_debug.trace import records as r
from wf_debug.trace.recording import Recording, RecordingMeta

WALL = 1_790_000_000.0
"""Unix time at which every tape begins."""
FLOW = "/home/ada/flows/research.py"


def payload(type_: str, **data: Any) -> r.Payload:
    """An event of that class with these fields, as the recording keeps it."""
    text = json.dumps(data)
    preview = ", ".join(f"{name}={value!r}" for name, value in data.items())
    return r.Payload(type=type_, preview=f"{type_}({preview})", data=data, size=len(text))


def error(type_: str = "ValueError", message: str = "boom", line: int = 42) -> r.ErrorInfo:
    """An exception raised in the flow's own file."""
    trace = (
        f'Traceback (most recent call last):\n  File "{FLOW}", line {line}, in search\n{type_}: {message}\n'
    )
    return r.ErrorInfo(type=type_, message=message, where=SourceRef(file=FLOW, line=line), traceback=trace)


class Tape:
    """Writes one run's records with ids, sequence numbers and a clock that moves by `tick`.

    Several tapes of one session follow each other: give the next one `first_seq=previous.next_seq`.
    """

    def __init__(self, run: str = "run-1", workflow: str = "Research", first_seq: int = 1) -> None:
        self.run, self.workflow, self.next_seq = run, workflow, first_seq
        self.t = 0.0
        self.records: list[r.Record] = []
        self._events = 0
        self._invocations = 0
        self._holds = first_seq * 1000
        self._types: dict[int, str] = {}
        self._steps: dict[int, str] = {}
        self._attempts: dict[int, int] = {}
        self._inputs: dict[int, tuple[int, ...]] = {}
        self._began: dict[int, float] = {}

    def tick(self, seconds: float = 0.1) -> Tape:
        self.t = round(self.t + seconds, 6)
        return self

    def write(self, kind: type[Any], **fields: Any) -> Any:
        """Append one record of the class `kind` with the run, clock and next sequence number filled in."""
        stamp = {"seq": self.next_seq, "run": self.run, "t": self.t, "wall": WALL + self.t}
        record = kind(**{**stamp, **fields})
        self.next_seq += 1
        self.records.append(record)
        return record

    def _of(self, invocation: int | None) -> dict[str, Any]:
        if invocation is None:
            return {}
        return {
            "step": self._steps[invocation],
            "invocation": invocation,
            "attempt": self._attempts.get(invocation, 0),
        }

    # -- the run
    def start(self, parent_run: str | None = None, **data: Any) -> int:
        """The run and its start event, not yet routed; the event's number."""
        given = payload("StartEvent", **data)
        self.write(r.RunStarted, workflow=self.workflow, input=given, parent_run=parent_run)
        return self.emit("StartEvent", by="start", **data)

    def finish(self, **result: Any) -> None:
        self.write(r.RunFinished, result=payload("StopEvent", **result))

    def fail(self, problem: r.ErrorInfo | None = None, invocation: int | None = None) -> None:
        step = self._steps.get(invocation) if invocation is not None else None
        self.write(r.RunFailed, error=problem or error(), step=step, invocation=invocation)

    # -- events
    def emit(
        self,
        type_: str,
        source: int | None = None,
        by: r.EmittedBy | None = None,
        target: str | None = None,
        **data: Any,
    ) -> int:
        self._events += 1
        self._types[self._events] = type_
        how = by or ("returned" if source is not None else "external")
        fields = {
            "event": self._events,
            "type": type_,
            "by": how,
            "target": target,
            "payload": payload(type_, **data),
        }
        self.write(r.EventEmitted, **fields, **self._of(source))
        return self._events

    def route(self, event: int, *steps: str, waiters: Sequence[int] = ()) -> None:
        self.write(r.EventRouted, event=event, type=self._types[event], steps=steps, waiters=tuple(waiters))

    def send(self, type_: str, *steps: str, source: int | None = None, **data: Any) -> int:
        """Emit and route in one go."""
        event = self.emit(type_, source=source, **data)
        self.route(event, *steps)
        return event

    def unhandled(self, event: int, hint: str = "no step accepts it") -> None:
        self.write(r.EventUnhandled, event=event, type=self._types[event], hint=hint)

    def publish(self, type_: str, source: int | None = None, event: int | None = None, **data: Any) -> None:
        self.write(r.Published, event=event, type=type_, payload=payload(type_, **data), **self._of(source))

    # -- invocations
    def queue(self, step: str, *events: int) -> int:
        """A new invocation waits for a free worker; its number."""
        self._invocations += 1
        self._steps[self._invocations], self._inputs[self._invocations] = step, events
        self.write(r.InvocationQueued, events=events, **self._of(self._invocations))
        return self._invocations

    def begin(self, step: str, *events: int, worker: int = 0, invocation: int | None = None) -> int:
        """An invocation starts (a queued one when `invocation` names it); its number."""
        if invocation is None:
            self._invocations += 1
            invocation = self._invocations
            self._steps[invocation], self._inputs[invocation] = step, events
        self._began[invocation] = self.t
        self.write(
            r.InvocationStarted, events=self._inputs[invocation], worker=worker, **self._of(invocation)
        )
        return invocation

    def end(self, invocation: int, result: str | None = None) -> None:
        took = round(self.t - self._began[invocation], 6)
        self.write(r.InvocationFinished, duration=took, result=result, **self._of(invocation))

    def raises(
        self, invocation: int, problem: r.ErrorInfo | None = None, retry_in: float | None = None
    ) -> None:
        """The attempt failed; with `retry_in` the next attempt is due: `begin` it with `invocation=`."""
        took = round(self.t - self._began[invocation], 6)
        fields = {"duration": took, "error": problem or error(), "final": retry_in is None}
        self.write(r.InvocationFailed, **fields, **self._of(invocation))
        if retry_in is not None:
            self._attempts[invocation] = self._attempts.get(invocation, 0) + 1
            self.write(r.RetryScheduled, delay=retry_in, **self._of(invocation))

    def cut(self, invocation: int) -> None:
        took = round(self.t - self._began[invocation], 6)
        self.write(r.InvocationCancelled, duration=took, **self._of(invocation))

    def wait(self, invocation: int, awaits: str, **requirements: Any) -> None:
        self.write(r.InvocationWaiting, awaits=awaits, requirements=requirements, **self._of(invocation))

    def resume(self, invocation: int, event: int | None = None) -> None:
        self.write(r.InvocationResumed, event=event, **self._of(invocation))

    def log(self, invocation: int | None, text: str, source: r.LogSource = "stdout", level: str = "") -> None:
        self.write(r.Log, source=source, level=level, text=text, **self._of(invocation))

    def set_state(self, invocation: int | None, path: str, value: Any) -> None:
        kept = r.Payload(
            type=type(value).__name__, preview=repr(value), data=value, size=len(json.dumps(value))
        )
        self.write(r.StateChanged, path=path, value=kept, **self._of(invocation))

    # -- the debugger's hand
    def hold(
        self,
        event: int,
        when: r.When = "deliver",
        reason: r.HoldReason = "breakpoint",
        step: str | None = None,
        **data: Any,
    ) -> int:
        """The event is parked (before `step` when delivered); the hold's number."""
        self._holds += 1
        fields = {
            "hold": self._holds,
            "when": when,
            "reason": reason,
            "event": event,
            "type": self._types[event],
        }
        self.write(r.Held, **fields, step=step, payload=payload(self._types[event], **data))
        return self._holds

    def release(self, hold: int, action: str = "accept", step: str | None = None) -> None:
        self.write(r.Released, hold=hold, action=action, step=step)

    def drop(self, event: int, hold: int | None = None, step: str | None = None) -> None:
        self.write(r.Dropped, hold=hold, event=event, type=self._types[event], step=step)

    def edit(
        self, event: int, before: dict[str, Any], after: dict[str, Any], hold: int | None = None
    ) -> None:
        type_ = self._types[event]
        self.write(
            r.Edited,
            hold=hold,
            event=event,
            type=type_,
            before=payload(type_, **before),
            after=payload(type_, **after),
        )

    def inject(self, type_: str, *steps: str, **data: Any) -> int:
        self.write(r.Injected, type=type_, payload=payload(type_, **data))
        event = self.emit(type_, by="injected", **data)
        self.route(event, *steps)
        return event

    def pause(self) -> None:
        self.write(r.ClockPaused)

    def unpause(self) -> None:
        self.write(r.ClockResumed)


# -- a workflow to go with them
def _event(name: str, role: EventRole = "event", line: int = 1, **fields: str) -> EventType:
    schema = {
        "type": "object",
        "properties": {k: {"type": v} for k, v in fields.items()},
        "required": list(fields),
    }
    bases = {"input_required": ("InputRequiredEvent",), "human_response": ("HumanResponseEvent",)}.get(
        role, ()
    )
    return EventType(name=name, role=role, fields=schema, bases=bases, source=SourceRef(file=FLOW, line=line))


def research_graph() -> FlowGraph:
    """plan fans out to search (4 workers, retried), rank joins, review asks a person, write stops."""

    def step(name: str, line: int, accepts: str, *emits: str, **more: Any) -> Step:
        source = SourceRef(file=FLOW, line=line)
        return Step(
            name=name, accepts=(accepts,), emits=emits, source=source, doc=f"{name} the topic", **more
        )

    return FlowGraph(
        name="Research",
        doc="Searches, ranks and writes.",
        steps=(
            step("plan", 30, "StartEvent", "Query", lists=("Query",)),
            step("search", 40, "Query", "SearchResult", num_workers=4, retry="3 attempts, 1 s apart"),
            step("rank", 50, "SearchResult", "Ranked", joins=True),
            step("review", 60, "Ranked", "Approved", waits_for=("Verdict",)),
            step("write", 70, "Approved", "StopEvent"),
        ),
        events=(
            _event("StartEvent", "start", 5, topic="string"),
            _event("Query", "event", 8, text="string"),
            _event("SearchResult", "event", 11, query="string", score="number"),
            _event("Ranked", "event", 14, best="string"),
            _event("Question", "input_required", 17, prefix="string"),
            _event("Verdict", "human_response", 20, response="string"),
            _event("Approved", "event", 23, approver="string"),
            _event("StopEvent", "stop", 26, result="string"),
        ),
        edges=(
            Edge(source=START, target="plan", event="StartEvent"),
            Edge(source="plan", target="search", event="Query"),
            Edge(source="search", target="rank", event="SearchResult"),
            Edge(source="rank", target="review", event="Ranked"),
            Edge(source="review", target=HUMAN, event="Question"),
            Edge(source=HUMAN, target="review", event="Verdict", origin="waited"),
            Edge(source="review", target="write", event="Approved"),
            Edge(source="write", target=STOP, event="StopEvent"),
        ),
    )


def _planned(tape: Tape, queries: int) -> list[int]:
    """The run up to the fan-out: `plan` has emitted and ended, its queries are routed to `search`."""
    start = tape.start(topic="graph drawing")
    tape.route(start, "plan")
    plan = tape.begin("plan", start)
    tape.log(plan, f"planning {queries} queries")
    tape.tick(0.2)
    found = [tape.send("Query", "search", source=plan, text=f"query {n}") for n in range(1, queries + 1)]
    tape.end(plan, "list of Query")
    return found


def _searched(tape: Tape, queries: list[int], fail_first: bool = False) -> list[int]:
    """Every query searched by four workers; the results are routed to `rank`."""
    results: list[int] = []
    for first in range(0, len(queries), 4):
        running = [
            tape.begin("search", query, worker=n) for n, query in enumerate(queries[first : first + 4])
        ]
        for invocation in running:
            tape.log(invocation, f"searching in worker {invocation}", "logging", "INFO")
        tape.tick(0.5)
        if fail_first and first == 0:
            tape.log(running[0], "connection reset", "logging", "WARNING")
            tape.raises(running[0], error("TimeoutError", "search engine did not answer"), retry_in=1.0)
            tape.tick(1.0)
            tape.begin("search", invocation=running[0])
            tape.tick(0.3)
        for invocation in running:
            results.append(
                tape.send("SearchResult", "rank", source=invocation, query="q", score=invocation / 10)
            )
            tape.end(invocation, "SearchResult")
            tape.tick(0.05)
    return results


def research_run(tape: Tape | None = None, queries: int = 4) -> Tape:
    """A run that finishes: fan-out, one retry, a join, a streamed event, state, logs, a person's answer."""
    tape = tape or Tape()
    results = _searched(tape, _planned(tape, queries), fail_first=True)
    rank = tape.begin("rank", *results)
    tape.set_state(rank, "best", "query 1")
    tape.publish("Progress", source=rank, done=len(results))
    tape.tick(0.1)
    ranked = tape.send("Ranked", "review", source=rank, best="query 1")
    tape.end(rank, "Ranked")
    review = tape.begin("review", ranked)
    tape.publish("Question", source=review, prefix="Good enough?")
    tape.wait(review, "Verdict")
    tape.tick(4)
    tape.write(r.Injected, type="Verdict", payload=payload("Verdict", response="yes"))
    verdict = tape.emit("Verdict", by="injected", response="yes")
    tape.route(verdict, waiters=[review])
    tape.resume(review, verdict)
    tape.tick(0.1)
    approved = tape.send("Approved", "write", source=review, approver="you")
    tape.end(review, "Approved")
    write = tape.begin("write", approved)
    tape.log(write, "Traceback is not here, all is well", "stderr")
    tape.tick(0.4)
    stop = tape.emit("StopEvent", source=write, result="a page about graph drawing")
    tape.route(stop)
    tape.end(write, "StopEvent")
    tape.finish(result="a page about graph drawing")
    return tape


def held_run(tape: Tape | None = None) -> Tape:
    """A run stopped at a breakpoint: two queries run, one is held before `search`, one is queued; clock
    paused."""
    tape = tape or Tape()
    queries = _planned(tape, 4)
    tape.begin("search", queries[0], worker=0)
    tape.begin("search", queries[1], worker=1)
    tape.hold(queries[2], step="search", text="query 3")
    tape.pause()
    tape.queue("search", queries[3])
    return tape


def prompt_run(tape: Tape | None = None) -> Tape:
    """A run in which `review` waits for a person."""
    tape = tape or Tape()
    results = _searched(tape, _planned(tape, 2))
    rank = tape.begin("rank", *results)
    ranked = tape.send("Ranked", "review", source=rank, best="query 1")
    tape.end(rank, "Ranked")
    review = tape.begin("review", ranked)
    tape.publish("Question", source=review, prefix="Good enough?")
    tape.wait(review, "Verdict", user="ada")
    return tape


def failed_run(tape: Tape | None = None) -> Tape:
    """A run that fails in `search` after a retry, with one event nobody takes."""
    tape = tape or Tape()
    queries = _planned(tape, 2)
    stray = tape.emit("Stray", by="external", note="who takes me?")
    tape.route(stray)
    tape.unhandled(stray)
    first = tape.begin("search", queries[0], worker=0)
    second = tape.begin("search", queries[1], worker=1)
    tape.tick(0.2).raises(first, retry_in=1.0)
    tape.tick(1.0).begin("search", invocation=first)
    tape.tick(0.2).log(first, "giving up", "stderr")
    tape.raises(first, error("ValueError", "no results for 'query 1'"))
    tape.cut(second)
    tape.fail(error("ValueError", "no results for 'query 1'"), first)
    return tape


def crashed_run(tape: Tape | None = None) -> Tape:
    """A run whose host died while two searches ran."""
    tape = tape or Tape()
    queries = _planned(tape, 2)
    tape.begin("search", queries[0], worker=0)
    busy = tape.begin("search", queries[1], worker=1)
    tape.log(busy, "calling the C library")
    tape.tick(0.7)
    tape.write(r.Log, run="", source="native", text="Fatal Python error: Segmentation fault")
    message = "the host process was killed by signal 11 (SIGSEGV) while search #2, search #3 were running"
    tape.fail(r.ErrorInfo(type="HostDied", message=message))
    return tape


def long_run(events: int, tape: Tape | None = None) -> Tape:
    """A run of `events` queries, searched one batch after the other, still going at the end."""
    tape = tape or Tape()
    _searched(tape, _planned(tape, events))
    return tape


def session_tape(*runs: Any) -> list[r.Record]:
    """The records of several runs, one after the other: `session_tape(research_run, failed_run)`."""
    records: list[r.Record] = []
    for number, run in enumerate(runs, 1):
        tape = run(Tape(run=f"run-{number}", first_seq=len(records) + 1))
        records.extend(tape.records)
    return records


def recording_meta(graph: FlowGraph | None = None) -> RecordingMeta:
    return RecordingMeta(
        flow=FLOW, workflow="Research", graph=graph or research_graph(), engine="native", created=WALL
    )


def make_recording(path: Path, records: Iterable[r.Record], graph: FlowGraph | None = None) -> Recording:
    """A recording file with these records, open for reading and appending."""
    recording = Recording.create(path, recording_meta(graph))
    recording.append(list(records))
    return recording
