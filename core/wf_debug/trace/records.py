"""What happened: one closed union of records.

A record says one thing, once, with its cause. Ids are per run and never reused: `event` numbers emitted
events, `invocation` numbers the starts of a step on an input (its retries are `attempt` 0, 1, ... of the
same invocation). `seq` orders everything in a session. Times are seconds: `t` on the run clock since the
run began (it stands still while the run is paused), `wall` is Unix time.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from wf_debug.graph import SourceRef

EmittedBy = Literal["start", "returned", "sent", "external", "injected", "prompt"]
"""How an event came in: the run's start, a step's return value, `ctx.send_event`, the caller's handler, the
debugger, a step's `wait_for_event` prompt."""
When = Literal["emit", "deliver", "after", "publish"]
HoldReason = Literal["breakpoint", "pause", "step", "follow", "run_to"]
LogSource = Literal["stdout", "stderr", "logging", "warning", "native", "model"]


class Payload(BaseModel):
    """A value as the recording keeps it.

    `data` is its JSON form, or None when the value is too large (`handle` then names the spilled JSON file)
    or has no JSON form (`preview` is then its repr). `size` is the length of the JSON text in bytes.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    preview: str
    data: Any = None
    size: int = 0
    handle: str | None = None


class ErrorInfo(BaseModel):
    """An exception: its class, message, the innermost line in user code, and the traceback as text."""

    model_config = ConfigDict(frozen=True)

    type: str
    message: str
    where: SourceRef | None = None
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


class RecordBase(BaseModel):
    model_config = ConfigDict(frozen=True)

    seq: int = 0
    run: str = ""
    """Run id; empty for what belongs to the session, not to a run."""
    t: float = 0.0
    wall: float = 0.0


class InRun(RecordBase):
    """Base of what a step invocation did. `invocation` None: it came from outside any step."""

    step: str | None = None
    invocation: int | None = None
    attempt: int = 0


# -- the run
class RunStarted(RecordBase):
    kind: Literal["run_started"] = "run_started"
    workflow: str
    input: Payload
    parent_run: str | None = None
    parent_invocation: int | None = None
    resumed: bool = False


class RunFinished(RecordBase):
    kind: Literal["run_finished"] = "run_finished"
    result: Payload


class RunFailed(RecordBase):
    kind: Literal["run_failed"] = "run_failed"
    error: ErrorInfo
    step: str | None = None
    invocation: int | None = None


class RunCancelled(RecordBase):
    kind: Literal["run_cancelled"] = "run_cancelled"


class RunTimedOut(RecordBase):
    kind: Literal["run_timed_out"] = "run_timed_out"
    timeout: float
    active: tuple[str, ...] = ()


class RunStuck(RecordBase):
    """Nothing can move any more and no stop event came: `why` names what waits for what."""

    kind: Literal["run_stuck"] = "run_stuck"
    why: str


# -- events
class EventEmitted(InRun):
    """An event entered the run; step and invocation name its producer."""

    kind: Literal["event_emitted"] = "event_emitted"
    event: int
    type: str
    by: EmittedBy
    target: str | None = None
    payload: Payload


class EventRouted(RecordBase):
    """Which steps (and waiting invocations) take the event."""

    kind: Literal["event_routed"] = "event_routed"
    event: int
    type: str
    steps: tuple[str, ...] = ()
    waiters: tuple[int, ...] = ()


class EventUnhandled(RecordBase):
    kind: Literal["event_unhandled"] = "event_unhandled"
    event: int
    type: str
    hint: str = ""


class Published(InRun):
    kind: Literal["published"] = "published"
    event: int | None = None
    """The emitted event's number when it was also routed, else None."""
    type: str
    payload: Payload


# -- invocations
class InvocationQueued(InRun):
    kind: Literal["invocation_queued"] = "invocation_queued"
    events: tuple[int, ...]


class InvocationStarted(InRun):
    kind: Literal["invocation_started"] = "invocation_started"
    events: tuple[int, ...]
    worker: int


class InvocationWaiting(InRun):
    """The step is in `wait_for_event`."""

    kind: Literal["invocation_waiting"] = "invocation_waiting"
    awaits: str
    requirements: dict[str, Any] = Field(default_factory=dict)
    timeout: float | None = None


class InvocationResumed(InRun):
    kind: Literal["invocation_resumed"] = "invocation_resumed"
    event: int | None = None


class InvocationFinished(InRun):
    """It returned. `result` is the returned event's type name (or list of them), None for None.

    `duration`, here and below: the real seconds that the body took, however long the run clock stood still.
    """

    kind: Literal["invocation_finished"] = "invocation_finished"
    duration: float
    result: str | None = None


class InvocationFailed(InRun):
    kind: Literal["invocation_failed"] = "invocation_failed"
    duration: float
    error: ErrorInfo
    final: bool
    """False when a retry follows."""


class InvocationCancelled(InRun):
    kind: Literal["invocation_cancelled"] = "invocation_cancelled"
    duration: float


class RetryScheduled(InRun):
    """`attempt` is the coming attempt; it starts after `delay` seconds of run clock."""

    kind: Literal["retry_scheduled"] = "retry_scheduled"
    delay: float


# -- the debugger's hand
class Held(InRun):
    kind: Literal["held"] = "held"
    hold: int
    when: When
    reason: HoldReason
    breakpoint: int | None = None
    event: int | None = None
    type: str
    payload: Payload
    """What is held: the event, or for `after` the outcome."""


class Released(InRun):
    kind: Literal["released"] = "released"
    hold: int
    action: Literal["accept", "edit", "drop", "duplicate", "cancelled"]


class Edited(InRun):
    """By a person (`hold`) or an interception rule (`rule`), as the next two."""

    kind: Literal["edited"] = "edited"
    hold: int | None = None
    rule: int | None = None
    event: int | None = None
    type: str
    before: Payload
    after: Payload


class Dropped(InRun):
    kind: Literal["dropped"] = "dropped"
    hold: int | None = None
    rule: int | None = None
    event: int | None = None
    type: str


class Duplicated(InRun):
    kind: Literal["duplicated"] = "duplicated"
    hold: int | None = None
    rule: int | None = None
    event: int | None = None
    type: str


class Checkpoint(RecordBase):
    """The host keeps what the run is at this moment: a fork can go on from it. There, the running invocations
    of the steps in `restarts` start again."""

    kind: Literal["checkpoint"] = "checkpoint"
    checkpoint: str
    restarts: tuple[str, ...] = ()


class Injected(RecordBase):
    """The person at the debugger sent an event in; its event_emitted follows."""

    kind: Literal["injected"] = "injected"
    type: str
    target: str | None = None
    payload: Payload


class ClockPaused(RecordBase):
    kind: Literal["clock_paused"] = "clock_paused"


class ClockResumed(RecordBase):
    kind: Literal["clock_resumed"] = "clock_resumed"


# -- around the run
class StateChanged(InRun):
    kind: Literal["state_changed"] = "state_changed"
    path: str
    value: Payload


class Log(InRun):
    kind: Literal["log"] = "log"
    source: LogSource
    level: str = ""
    logger: str = ""
    text: str


class ModelAsked(InRun):
    """A step called a language model. `call` numbers the calls of a host; `asked` is the prompt, or the
    messages as `{"role", "content", "tool_calls"}`."""

    kind: Literal["model_asked"] = "model_asked"
    call: int
    model: str
    asked: Payload


class ModelAnswered(InRun):
    """The model's answer, or the error that the call raised. Tokens as the provider counts them, None where
    it does not say."""

    kind: Literal["model_answered"] = "model_answered"
    call: int
    model: str
    duration: float
    answer: Payload | None = None
    tokens_read: int | None = None
    tokens_written: int | None = None
    error: ErrorInfo | None = None


class CodeReloaded(RecordBase):
    kind: Literal["code_reloaded"] = "code_reloaded"
    outcome: Literal["swapped", "restarted", "failed", "unchanged"]
    files: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    detail: str = ""


class ScriptStarted(RecordBase):
    """A script was executed as `__main__`; `argv` as it sees it."""

    kind: Literal["script_started"] = "script_started"
    path: str
    argv: tuple[str, ...] = ()


class ScriptEnded(RecordBase):
    """The script and what it left running came to their end. `code` is what a plain python would have exited
    with; `error` what the script raised, if it did."""

    kind: Literal["script_ended"] = "script_ended"
    code: int
    error: ErrorInfo | None = None


class Note(RecordBase):
    """A diagnosis or remark by the debugger itself."""

    kind: Literal["note"] = "note"
    level: Literal["info", "warning", "error"] = "info"
    text: str


Record = Annotated[
    RunStarted
    | RunFinished
    | RunFailed
    | RunCancelled
    | RunTimedOut
    | RunStuck
    | EventEmitted
    | EventRouted
    | EventUnhandled
    | Published
    | InvocationQueued
    | InvocationStarted
    | InvocationWaiting
    | InvocationResumed
    | InvocationFinished
    | InvocationFailed
    | InvocationCancelled
    | RetryScheduled
    | Held
    | Released
    | Edited
    | Dropped
    | Duplicated
    | Checkpoint
    | Injected
    | ClockPaused
    | ClockResumed
    | StateChanged
    | Log
    | ModelAsked
    | ModelAnswered
    | CodeReloaded
    | ScriptStarted
    | ScriptEnded
    | Note,
    Field(discriminator="kind"),
]

record_adapter: TypeAdapter[Record] = TypeAdapter(Record)
"""Parses and dumps one record of any kind."""

RUN_ENDED = frozenset({"run_finished", "run_failed", "run_cancelled", "run_timed_out"})
"""Kinds after which a run is over."""
