"""Questions about one event or invocation, answered from the recording's records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from pydantic import ValidationError

from wf_debug.trace import records as r
from wf_debug.trace.rows import Attempt, CauseLink, EventDetail, InvocationDetail, Outcome

_EVENT_RECORDS = "SELECT body FROM records WHERE event = ? AND run = ? ORDER BY seq"
_INVOCATION_RECORDS = "SELECT body FROM records WHERE invocation = ? AND run = ? ORDER BY seq"
_DELIVERIES = "SELECT invocation FROM deliveries WHERE event = ? AND run = ? ORDER BY invocation"
_EMITTED_BY = (
    "SELECT body FROM records WHERE invocation = ? AND run = ? AND kind = 'event_emitted' ORDER BY seq"
)
_CHECKPOINT = """SELECT body FROM records WHERE run = ? AND seq <= ? AND kind = 'checkpoint'
ORDER BY seq DESC LIMIT 1"""
_LOG_COUNT = "SELECT count(*) FROM logs WHERE invocation = ? AND run = ?"
_INPUT = """SELECT body FROM records WHERE invocation = ? AND run = ?
AND kind IN ('invocation_queued', 'invocation_started') ORDER BY seq LIMIT 1"""


def parsed(rows: Iterable[tuple[str]]) -> list[r.Record]:
    """The records of `SELECT body` rows, without those that are damaged."""
    return [record for (body,) in rows if (record := _readable(body)) is not None]


def in_sequence(rows: Iterable[tuple[int, str]]) -> list[r.Record]:
    """The records of `SELECT seq, body` rows; a note stands for one that is damaged."""
    return [_readable(body) or _damaged(seq, body) for seq, body in rows]


def _readable(body: str) -> r.Record | None:
    try:
        return r.record_adapter.validate_json(body)
    except ValidationError:
        return None


def _damaged(seq: int, body: str) -> r.Note:
    return r.Note(seq=seq, wall=0.0, level="error", text=f"record {seq} is damaged: {body[:200]!r}")


def last_checkpoint(connection: sqlite3.Connection, run: str, until: int | None) -> r.Checkpoint | None:
    """The last one of a run, at or before the record `until` if given."""
    bound = (1 << 62) if until is None else until
    found = parsed(connection.execute(_CHECKPOINT, (run, bound)))
    return next((x for x in found if isinstance(x, r.Checkpoint)), None)


def event_detail(connection: sqlite3.Connection, run: str, event: int) -> EventDetail | None:
    """What is known of one event; None if no such event was emitted."""
    records = parsed(connection.execute(_EVENT_RECORDS, (event, run)))
    emitted = next((x for x in records if isinstance(x, r.EventEmitted)), None)
    if emitted is None:
        return None
    takers = tuple(invocation for (invocation,) in connection.execute(_DELIVERIES, (event, run)))
    children = [parsed(connection.execute(_EMITTED_BY, (taker, run))) for taker in takers]
    return EventDetail(
        emitted=emitted,
        routed=next((x for x in records if isinstance(x, r.EventRouted)), None),
        unhandled=next((x for x in records if isinstance(x, r.EventUnhandled)), None),
        published=next((x for x in records if isinstance(x, r.Published)), None),
        invocations=takers,
        children=tuple(c for found in children for c in found if isinstance(c, r.EventEmitted)),
        records=tuple(records),
    )


def _attempts(records: list[r.Record]) -> dict[int, Attempt]:
    attempts: dict[int, Attempt] = {}
    for record in records:
        if isinstance(record, r.InvocationStarted):
            attempts[record.attempt] = Attempt(record.attempt, record.worker, record.t, None, "running", None)
        elif isinstance(record, r.InvocationFinished | r.InvocationFailed | r.InvocationCancelled):
            began = attempts.get(record.attempt) or Attempt(
                record.attempt, 0, record.t, None, "running", None
            )
            error = record.error if isinstance(record, r.InvocationFailed) else None
            attempts[record.attempt] = Attempt(
                began.number, began.worker, began.started, record.duration, _outcome_of(record), error
            )
    return attempts


def _outcome_of(record: r.Record) -> Outcome:
    """What this record says about where its invocation stands; '': nothing."""
    match record:
        case r.InvocationFailed(final=final):
            return "failed" if final else "retrying"
        case r.InvocationQueued():
            return "queued"
        case r.InvocationStarted() | r.InvocationResumed() | r.Released():
            return "running"
        case r.InvocationWaiting():
            return "waiting"
        case r.InvocationFinished():
            return "done"
        case r.InvocationCancelled():
            return "cancelled"
        case r.RetryScheduled():
            return "retrying"
        case r.Held():
            return "held"
        case _:
            return ""


def invocation_detail(connection: sqlite3.Connection, run: str, invocation: int) -> InvocationDetail | None:
    """What is known of one invocation; None if there was none of that number."""
    records = parsed(connection.execute(_INVOCATION_RECORDS, (invocation, run)))
    inputs = next((x for x in records if isinstance(x, r.InvocationQueued | r.InvocationStarted)), None)
    steps = (x.step for x in records if isinstance(x, r.InRun) and x.step)
    if not records:
        return None
    attempts = _attempts(records)
    outcomes = [found for x in records if (found := _outcome_of(x))]
    (logs,) = connection.execute(_LOG_COUNT, (invocation, run)).fetchone()
    errors = [x.error for x in records if isinstance(x, r.InvocationFailed)]
    return InvocationDetail(
        run=run,
        invocation=invocation,
        step=next(steps, ""),
        events=inputs.events if inputs else (),
        attempts=tuple(attempts[number] for number in sorted(attempts)),
        outcome=outcomes[-1] if outcomes else "",
        records=tuple(records),
        emitted=tuple(x for x in records if isinstance(x, r.EventEmitted)),
        error=errors[-1] if errors else None,
        logs=logs,
    )


def cause_chain(
    connection: sqlite3.Connection, run: str, event: int, limit: int | None = None
) -> list[CauseLink]:
    """From this event upwards to where it began, or the first `limit` links of that. Of a join's events the
    last, which completed it, is followed."""
    chain: list[CauseLink] = []
    seen: set[int] = set()
    following: int | None = event
    while following is not None and following not in seen and len(chain) != limit:
        seen.add(following)
        records = parsed(connection.execute(_EVENT_RECORDS, (following, run)))
        emitted = next((x for x in records if isinstance(x, r.EventEmitted)), None)
        if emitted is None:
            break
        chain.append(CauseLink(emitted, emitted.step, emitted.invocation))
        following = _last_input(connection, run, emitted.invocation)
    return chain


def _last_input(connection: sqlite3.Connection, run: str, invocation: int | None) -> int | None:
    if invocation is None:
        return None
    for began in parsed(connection.execute(_INPUT, (invocation, run))):
        if isinstance(began, r.InvocationQueued | r.InvocationStarted) and began.events:
            return began.events[-1]
    return None
