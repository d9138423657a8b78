"""What the recording answers with: rows of timeline and logs, their filters, details of one event or
invocation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wf_debug.trace.records import (
    ErrorInfo,
    EventEmitted,
    EventRouted,
    EventUnhandled,
    Published,
    Record,
)

RowKind = Literal["event", "published", "run", "error", "reload", "note", "clock"]
Outcome = Literal[
    "",
    "queued",
    "running",
    "held",
    "waiting",
    "done",
    "failed",
    "retrying",
    "dropped",
    "unhandled",
    "cancelled",
]


@dataclass(frozen=True, slots=True)
class TimelineFilter:
    """Which timeline rows to show; every given part must match.

    `text` holds free words (found in type, preview, producer or consumers, whatever the case) and `type:X`,
    `step:Y`, `kind:Z` (kind or outcome); double quotes keep blanks together. `run`, `step` (producer or
    consumer) and `type` match exactly.
    """

    text: str = ""
    run: str | None = None
    step: str | None = None
    type: str | None = None
    only_problems: bool = False


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which log lines to show; `text` holds words that a line must contain, whatever the case."""

    step: str | None = None
    invocation: int | None = None
    run: str | None = None
    text: str = ""


ALL = TimelineFilter()
ALL_LOGS = LogFilter()


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One line of the timeline. `seq`, `t`, `wall` are those of the record that made the row.

    An event's row changes as its consumers progress; `version` grows each time. `duration` is the longest run
    time in seconds of a finished consumer. `producer` is a step, "start" or "you". `consumers` are the steps
    that took it.
    """

    seq: int
    run: str
    t: float
    wall: float
    kind: RowKind
    event: int | None
    type: str
    preview: str
    producer: str
    producer_invocation: int | None
    consumers: tuple[str, ...]
    duration: float | None
    outcome: Outcome
    version: int


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log record: what a step (or the process, then `step` is None) wrote."""

    seq: int
    run: str
    t: float
    wall: float
    step: str | None
    invocation: int | None
    attempt: int
    source: str
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of an invocation. Times on the run clock; `duration` and `outcome` as far as it came."""

    number: int
    worker: int
    started: float
    duration: float | None
    outcome: Outcome
    error: ErrorInfo | None


@dataclass(frozen=True, slots=True)
class InvocationDetail:
    """Everything recorded of one invocation. `records` leaves out its log lines (`logs` counts them)."""

    run: str
    invocation: int
    step: str
    events: tuple[int, ...]
    attempts: tuple[Attempt, ...]
    outcome: Outcome
    records: tuple[Record, ...]
    emitted: tuple[EventEmitted, ...]
    error: ErrorInfo | None
    logs: int


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One event: how it came in, who took it (invocation numbers), and what those emitted in turn."""

    emitted: EventEmitted
    routed: EventRouted | None
    unhandled: EventUnhandled | None
    published: Published | None
    invocations: tuple[int, ...]
    children: tuple[EventEmitted, ...]
    records: tuple[Record, ...]
    """Every record that names the event, in order: held, edited, dropped .. included."""


@dataclass(frozen=True, slots=True)
class CauseLink:
    """One link of a causal chain: the event, and the invocation that emitted it (None: from outside)."""

    event: EventEmitted
    step: str | None
    invocation: int | None
