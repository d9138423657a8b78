"""One event: its payload, how it came in, who took it, what came of it."""

from __future__ import annotations

from wf_debug.trace import records as r
from wf_debug.trace.recording import Recording
from wf_debug.trace.rows import EventDetail, TimelineRow
from wf_tui import look
from wf_tui.describe.parts import EMPTY, error_lines, fact, heading, remark, state_fact
from wf_tui.describe.payload import payload_lines
from wf_tui.look import Line

_BY = {
    "start": "the start of the run",
    "returned": "returned by",
    "sent": "sent by",
    "external": "sent from outside the run",
    "injected": "injected by you",
    "prompt": "asked by",
}


def event_lines(recording: Recording, run: str, event: int) -> list[Line]:
    """Payload first: it is what one looks for; then where it came from and went."""
    detail = recording.event(run, event)
    if detail is None:
        return [remark("this event is not in the recording")]
    return [
        *_head(detail),
        EMPTY,
        *payload_lines(_latest_payload(detail)),
        EMPTY,
        *_route(recording, detail),
        *_history(detail),
    ]


def _head(detail: EventDetail) -> list[Line]:
    one = detail.emitted
    by = _BY.get(one.by, one.by)
    source = (
        f"{by} {one.step}#{one.invocation}" if one.step and one.by in ("returned", "sent", "prompt") else by
    )
    size = f" · {one.payload.size:,} bytes" if one.payload.size else ""
    return [
        ((f"{one.type} ", "strong"), (f"#{one.event}", "muted")),
        remark(f"{source} at {one.t:.3f} s{size}"),
    ]


def _latest_payload(detail: EventDetail) -> r.Payload:
    edits = [record.after for record in detail.records if isinstance(record, r.Edited)]
    return edits[-1] if edits else detail.emitted.payload


def _route(recording: Recording, detail: EventDetail) -> list[Line]:
    lines: list[Line] = []
    if detail.unhandled is not None:
        lines += [((f"{look.mark('unhandled').sign} no step takes it. {detail.unhandled.hint}", "warn"),)]
    for number in detail.invocations:
        invocation = recording.invocation(detail.emitted.run, number)
        if invocation is not None:
            took = sum(attempt.duration or 0.0 for attempt in invocation.attempts)
            more = f"{invocation.step}#{number}" + (f"  {look.seconds(took)}" if took else "")
            lines.append(state_fact("taken by", invocation.outcome, more))
    if detail.routed is not None and not detail.invocations:
        lines.append(fact("goes to", ", ".join(detail.routed.steps) or "a waiting step"))
    if detail.published is not None:
        lines.append(fact("published", "to the run's stream"))
    for child in detail.children:
        lines.append(fact("led to", f"{child.type} #{child.event}  {child.payload.preview}"[:300]))
    return lines


def _history(detail: EventDetail) -> list[Line]:
    """What the debugger's hand did to it."""
    lines: list[Line] = []
    for record in detail.records:
        match record:
            case r.Held():
                lines.append(
                    _moment(record, f"held before {record.step}" if record.step else "held", record.reason)
                )
            case r.Edited():
                lines.append(_moment(record, f"edited {_by(record)}", f"was {record.before.preview}"))
            case r.Dropped():
                lines.append(_moment(record, f"dropped {_by(record)}", ""))
            case r.Duplicated():
                lines.append(_moment(record, f"duplicated {_by(record)}", ""))
            case _:
                pass
    return [EMPTY, heading("debugger"), *lines] if lines else []


def _by(record: r.Edited | r.Dropped | r.Duplicated) -> str:
    return "by you" if record.rule is None else f"by rule {record.rule}"


def _moment(record: r.RecordBase, what: str, more: str) -> Line:
    return ((look.stamp(record.t) + "  ", "muted"), (what, "warn"), (f"  {more}" if more else "", "muted"))


def row_lines(recording: Recording, row: TimelineRow) -> list[Line]:
    """A row that is no event: a run's start or end, an error, a reload, a remark."""
    record = recording.record(row.seq)
    lines: list[Line] = [heading(row.type), remark(f"at {row.t:.3f} s"), EMPTY]
    match record:
        case r.RunStarted():
            return [*lines, *payload_lines(record.input)]
        case r.RunFinished():
            return [*lines, *payload_lines(record.result)]
        case r.RunFailed():
            where = fact("in", f"{record.step}#{record.invocation}") if record.step else EMPTY
            return [*lines, where, EMPTY, *error_lines(record.error)]
        case r.RunTimedOut():
            return [
                *lines,
                fact("after", f"{record.timeout} s"),
                fact("active", ", ".join(record.active) or "no step"),
            ]
        case r.InvocationFailed():
            return [
                *lines,
                fact("in", f"{record.step}#{record.invocation}"),
                EMPTY,
                *error_lines(record.error),
            ]
        case r.Published():
            return [*lines, *payload_lines(record.payload)]
        case r.CodeReloaded():
            facts = [fact("outcome", record.outcome), *(fact("file", name) for name in record.files)]
            error = error_lines(record.error) if record.error else []
            return [*lines, *facts, *([remark(record.detail)] if record.detail else []), EMPTY, *error]
        case r.RunStuck():
            return [*lines, ((record.why, "warn"),)]
        case r.Note():
            return [*lines, ((record.text, "text"),)]
        case _:
            return [*lines, ((row.preview, "text"),)]


def log_lines(recording: Recording, seq: int) -> list[Line]:
    """One log line in full, with who wrote it."""
    record = recording.record(seq)
    if not isinstance(record, r.Log):
        return [remark("this log line is not in the recording")]
    author = f"{record.step}#{record.invocation}" if record.step else "the process"
    how = " ".join(part for part in (record.source, record.level, record.logger) if part)
    text: list[Line] = [((line, "text"),) for line in record.text.splitlines()]
    return [heading(f"log of {author}"), remark(f"{how} at {record.t:.3f} s"), EMPTY, *text]
