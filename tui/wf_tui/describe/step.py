"""One step and one invocation of it: its contract, attempts, errors, what it emitted."""

from __future__ import annotations

from wf_debug.graph import FlowGraph, Resource, Step
from wf_debug.trace import records as r
from wf_debug.trace.recording import Recording
from wf_debug.trace.rows import Attempt, InvocationDetail
from wf_tui import look
from wf_tui.describe.model import model_lines
from wf_tui.describe.parts import EMPTY, error_lines, fact, heading, remark, state_fact
from wf_tui.look import Line


def step_lines(graph: FlowGraph, name: str) -> list[Line]:
    """What the step declares."""
    step = graph.step(name)
    if step is None:
        return [heading(name), remark("not a step of the workflow as it is now")]
    doc = [remark(line.strip()) for line in step.doc.strip().splitlines()]
    return [heading(name), *doc, *_contract(step)]


def _contract(step: Step) -> list[Line]:
    lines = [
        fact("takes", ", ".join(step.accepts) or "nothing"),
        fact("emits", ", ".join(f"list[{e}]" if e in step.lists else e for e in step.emits) or "nothing"),
    ]
    if step.waits_for:
        lines.append(fact("waits for", ", ".join(step.waits_for)))
    lines.append(fact("workers", str(step.num_workers)))
    if step.retry:
        lines.append(fact("retries", step.retry))
    if step.timeout is not None:
        lines.append(fact("times out", f"after {step.timeout:g} s"))
    lines += [fact("needs", _resource(resource)) for resource in step.resources]
    if step.joins:
        first = "several" if step.join_size is None else f"the first {step.join_size}"
        lines.append(fact("joins", f"collects {first} events before it runs"))
    if step.source is not None:
        lines.append(fact("source", str(step.source)))
    return lines


def _resource(resource: Resource) -> str:
    maker = f" from {resource.maker}" if resource.maker else ""
    return f"{resource.parameter}: {resource.type}{maker}"


def invocation_lines(recording: Recording, run: str, invocation: int) -> list[Line]:
    """One start of the step: its attempts, the last error in full, what it emitted."""
    detail = recording.invocation(run, invocation)
    if detail is None:
        return [remark("this invocation is not in the recording")]
    lines = [_head(detail), *map(_attempt, detail.attempts), *_waits(detail)]
    lines += [fact("took", _event_name(recording, run, event)) for event in detail.events]
    lines += [
        fact("emitted", f"{one.type} #{one.event}  {one.payload.preview}"[:300]) for one in detail.emitted
    ]
    lines += model_lines(detail)
    if detail.logs:
        lines.append(fact("logs", f"{detail.logs} line{'s' if detail.logs > 1 else ''}, see the logs (5)"))
    if detail.error is not None:
        lines += [EMPTY, *error_lines(detail.error)]
    return lines


def _head(detail: InvocationDetail) -> Line:
    return (
        (f"{detail.step} ", "strong"),
        (f"#{detail.invocation}  ", "muted"),
        look.mark(detail.outcome).cell(),
    )


def _attempt(attempt: Attempt) -> Line:
    error = f"  {attempt.error}" if attempt.error else ""
    took = look.seconds(attempt.duration)
    more = f"worker {attempt.worker}, from {attempt.started:.3f} s  {took}{error}".rstrip()
    return state_fact(f"attempt {attempt.number + 1}", attempt.outcome, more)


def _waits(detail: InvocationDetail) -> list[Line]:
    return [
        fact("waited for", f"{one.awaits} {one.requirements or ''} from {one.t:.3f} s")
        for one in detail.records
        if isinstance(one, r.InvocationWaiting)
    ]


def _event_name(recording: Recording, run: str, event: int) -> str:
    detail = recording.event(run, event)
    return f"{detail.emitted.type} #{event}" if detail else f"#{event}"
