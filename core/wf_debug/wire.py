"""The messages host and session exchange, and their framing: one JSON object a line, UTF-8, no newline
inside.

A line break always ends a message, so a malformed line costs one error reply and nothing else. The session
sends commands, each with an `id`; the host answers each with one `Reply` of that id, and in between sends
`Records`, in order of `seq`. JSON only.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.trace.encoding import json_of
from wf_debug.trace.records import Record

PROTOCOL = 1
"""Raised when a message changes its meaning."""
MAX_LINE = 64 * 1024 * 1024
"""Longest line in bytes that either side reads."""


class Capabilities(BaseModel):
    """What the other side can do; the face hides the rest."""

    run: bool = True
    inject: bool = True
    hold: bool = True
    edit: bool = True
    pause: bool = True
    reload: bool = True
    snapshot: bool = True
    fork: bool = True


class FieldError(BaseModel):
    """What is wrong with one field of an input: dotted `field` path ('' = the whole)."""

    field: str
    message: str


class Problem(BaseModel):
    """A finding about a workflow's definition."""

    message: str
    step: str | None = None
    where: SourceRef | None = None
    fatal: bool = True


class WorkflowInfo(BaseModel):
    """One workflow that a module offers. With a fatal problem it can be looked at, not run."""

    name: str
    variable: str = ""
    """Of the instance at module level, if it is one: the workflow answers to it as well."""
    engine: str
    source: SourceRef | None = None
    graph: FlowGraph
    problems: list[Problem] = Field(default_factory=list)

    def is_called(self, name: str) -> bool:
        return bool(name) and name in (self.name, self.variable)


ErrorCode = Literal[
    "bad_message",
    "not_found",
    "not_python",
    "syntax_error",
    "import_error",
    "missing_package",
    "ran_at_import",
    "exited_at_import",
    "no_workflow",
    "unknown_workflow",
    "invalid_workflow",
    "unknown_event",
    "unknown_step",
    "unknown_run",
    "unknown_hold",
    "invalid_input",
    "cannot_snapshot",
    "cannot_carry_over",
    "bad_interpreter",
    "host_died",
    "host_silent",
    "recording_failed",
    "internal",
]


class WireError(BaseModel):
    """Why a command failed: for people (`message`, `where`, `hint`) and for programs (`code`, `fields`)."""

    code: ErrorCode
    message: str
    where: SourceRef | None = None
    hint: str = ""
    fields: list[FieldError] = Field(default_factory=list)
    traceback: str = ""

    def __str__(self) -> str:
        """The message and what is wrong with each field, in one line."""
        fields = [f"{f.field}: {f.message}" if f.field else f.message for f in self.fields]
        return "; ".join([self.message, *fields])


# -- commands
class CommandBase(BaseModel):
    id: int = 0


class Load(CommandBase):
    """Import the file and describe its workflows (-> Loaded). `workflow` picks one by name, checked here."""

    cmd: Literal["load"] = "load"
    path: str
    workflow: str | None = None
    engine: Literal["auto", "native", "llamaindex"] = "auto"


class CheckScript(CommandBase):
    """Read a script and see that it is Python, without running any of it (-> Loaded, with no workflows)."""

    cmd: Literal["check_script"] = "check_script"
    path: str


class ExecScript(CommandBase):
    """Execute a script as `__main__`, once in a host's life. Answered as it begins.

    The workflows that it runs are told as `WorkflowSeen`, its end as the record `script_ended`. `argv` is
    what it finds in `sys.argv`.
    """

    cmd: Literal["exec_script"] = "exec_script"
    path: str
    argv: list[str]


class StartRun(CommandBase):
    """-> RunRef. `input` holds the start event's fields; `journal` is the file that keeps the run, for
    `ResumeJournal`."""

    cmd: Literal["start_run"] = "start_run"
    workflow: str
    input: dict[str, Any] = Field(default_factory=dict)
    journal: str | None = None


class ResumeJournal(CommandBase):
    """Continue the latest run of a journal file that did not come to its end (-> RunRef)."""

    cmd: Literal["resume_journal"] = "resume_journal"
    workflow: str
    journal: str


class CancelRun(CommandBase):
    cmd: Literal["cancel_run"] = "cancel_run"
    run: str


class Pause(CommandBase):
    """Park every delivery from now on and stop the run clock."""

    cmd: Literal["pause"] = "pause"


class Continue(CommandBase):
    """End the pause and accept everything held."""

    cmd: Literal["continue"] = "continue"


class StepNext(CommandBase):
    """Let one delivery through (`hold`, else the oldest), then stay paused."""

    cmd: Literal["step_next"] = "step_next"
    hold: int | None = None


class Follow(CommandBase):
    """Accept the held event and stop at the deliveries that it causes."""

    cmd: Literal["follow"] = "follow"
    hold: int


class RunTo(CommandBase):
    """Continue; stop at the next delivery to this step."""

    cmd: Literal["run_to"] = "run_to"
    step: str


class SetBreakpoints(CommandBase):
    """Replace all breakpoints (-> Verification)."""

    cmd: Literal["set_breakpoints"] = "set_breakpoints"
    breakpoints: list[Breakpoint]


class Release(CommandBase):
    """Decide over one held event. `data` replaces its fields for "edit"."""

    cmd: Literal["release"] = "release"
    hold: int
    action: Literal["accept", "edit", "drop", "duplicate"]
    data: dict[str, Any] | None = None


class AcceptAll(CommandBase):
    """Accept what is held now, in order; a pause stays."""

    cmd: Literal["accept_all"] = "accept_all"


class Inject(CommandBase):
    """Send an event into a run, to all steps that accept it or to `step` alone (-> InjectResult)."""

    cmd: Literal["inject"] = "inject"
    run: str
    type: str
    data: dict[str, Any] = Field(default_factory=dict)
    step: str | None = None


class Validate(CommandBase):
    """Check an event's fields without sending it (-> Validation)."""

    cmd: Literal["validate"] = "validate"
    workflow: str
    type: str
    data: dict[str, Any]


class GetState(CommandBase):
    """-> StateView."""

    cmd: Literal["get_state"] = "get_state"
    run: str


class GetStatus(CommandBase):
    """Answered by the control thread even while a step blocks (-> HostStatus)."""

    cmd: Literal["get_status"] = "get_status"


class Reload(CommandBase):
    """Take up changed source under live runs where only bodies changed (-> ReloadResult)."""

    cmd: Literal["reload"] = "reload"


class Snapshot(CommandBase):
    """Freeze a run into JSON (-> SnapshotResult). All stays paused here until Thaw."""

    cmd: Literal["snapshot"] = "snapshot"
    run: str


class TakeCheckpoint(CommandBase):
    """Keep what a run is now, while it goes on (-> CheckpointRef). One is also taken whenever something is
    held."""

    cmd: Literal["take_checkpoint"] = "take_checkpoint"
    run: str


class Fork(CommandBase):
    """Have a run with another id go on from a checkpoint (-> ResumeResult)."""

    cmd: Literal["fork"] = "fork"
    checkpoint: str
    run: str


class Thaw(CommandBase):
    """The snapshots were of no use: go on as before the first of them."""

    cmd: Literal["thaw"] = "thaw"


class ResumeRun(CommandBase):
    """Continue a snapshot in this host (-> ResumeResult).

    What cannot carry over is answered as `cannot_carry_over`, one entry in `fields` each, unless `drop_lost`.
    """

    cmd: Literal["resume_run"] = "resume_run"
    workflow: str
    snapshot: dict[str, Any]
    drop_lost: bool = False


class Shutdown(CommandBase):
    """Cancel every run and end the process."""

    cmd: Literal["shutdown"] = "shutdown"


Command = Annotated[
    Load
    | CheckScript
    | ExecScript
    | StartRun
    | CancelRun
    | Pause
    | Continue
    | StepNext
    | Follow
    | RunTo
    | SetBreakpoints
    | Release
    | AcceptAll
    | Inject
    | Validate
    | GetState
    | GetStatus
    | Reload
    | Thaw
    | Snapshot
    | TakeCheckpoint
    | Fork
    | ResumeRun
    | ResumeJournal
    | Shutdown,
    Field(discriminator="cmd"),
]


# -- results
class Loaded(BaseModel):
    workflows: list[WorkflowInfo]
    files: list[str]
    """Every source file of the project that was imported: what a reload watches."""
    seconds: float


class RunRef(BaseModel):
    run: str


class Verification(BaseModel):
    """One answer per breakpoint, in order; `ok` false comes with the reason."""

    class Item(BaseModel):
        id: int
        ok: bool
        reason: str = ""
        resolved: Breakpoint

    items: list[Item]


class InjectResult(BaseModel):
    event: int | None
    accepted_by: list[str]
    """Steps and waiting steps that take it; empty: nobody does, and `closest` names types somebody takes."""
    closest: list[str] = Field(default_factory=list)


class Validation(BaseModel):
    data: dict[str, Any] | None
    errors: list[FieldError] = Field(default_factory=list)


class StateView(BaseModel):
    state: dict[str, Any]


class HostStatus(BaseModel):
    """`blocked_for` seconds the loop has not turned; `where` the user's line it is at, or that an import or a
    script is at."""

    live_runs: list[str]
    paused: bool
    blocked_for: float = 0.0
    where: SourceRef | None = None
    function: str = ""
    loading: bool = False


class ReloadResult(BaseModel):
    outcome: Literal["unchanged", "swapped", "structural", "failed"]
    files: list[str] = Field(default_factory=list)
    detail: str = ""
    error: WireError | None = None
    workflows: list[WorkflowInfo] = Field(default_factory=list)
    loaded: list[str] = Field(default_factory=list)
    """For "swapped": every source file of the project that is imported now."""


class SnapshotResult(BaseModel):
    snapshot: dict[str, Any]
    restarts: list[str] = Field(default_factory=list)
    """Steps whose running invocations will start again from their first line."""
    workflow: str = ""
    """What the run's workflow is called in the flow."""


class CheckpointRef(BaseModel):
    checkpoint: str


class ResumeResult(BaseModel):
    run: str
    lost: list[str] = Field(default_factory=list)


# -- host to session
class Hello(BaseModel):
    """First line from the host."""

    type: Literal["hello"] = "hello"
    protocol: int = PROTOCOL
    pid: int
    python: str
    """Path of the interpreter."""
    version: str
    engines: dict[str, str]
    capabilities: Capabilities = Field(default_factory=Capabilities)


class Reply(BaseModel):
    """Answer to command `id` (None: the line could not be read). Exactly one of `result` and `error` is
    meaningful."""

    type: Literal["reply"] = "reply"
    id: int | None
    result: dict[str, Any] | None = None
    error: WireError | None = None


class WorkflowSeen(BaseModel):
    """User code runs a workflow that was not described before, or a run shows more of its graph than the
    source does: sent ahead of the record about it.

    `verdicts` are those on all breakpoints, the workflow's names included.
    """

    type: Literal["workflow_seen"] = "workflow_seen"
    workflow: WorkflowInfo
    verdicts: list[Verification.Item] = Field(default_factory=list)


class Records(BaseModel):
    type: Literal["records"] = "records"
    records: list[Record]


HostMessage = Annotated[Hello | Reply | Records | WorkflowSeen, Field(discriminator="type")]

command_adapter: TypeAdapter[Command] = TypeAdapter(Command)
host_message_adapter: TypeAdapter[HostMessage] = TypeAdapter(HostMessage)


CUT_OFF = 96
"""Exit code of a host whose connection user code closed under it."""


class HostConfig(BaseModel):
    """How a spawned host is told what to do: one JSON argument on its command line."""

    address: str
    """Path of the Unix socket, or HOST:PORT, where the session listens for the host to connect."""
    token: str
    """Sent as the first line by the host, compared in constant time by the session."""
    project: str
    """Directory of the flow: first on sys.path, as `python flow.py` would put it."""
    first_seq: int = 1
    spill: str
    """Directory for payloads too large for a record."""
    payload_limit: int = 32_768
    """JSON bytes past which a payload is spilled."""


def encode(message: BaseModel) -> bytes:
    """One line for the wire."""
    return json_of(message) + b"\n"
