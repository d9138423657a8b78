"""A debugging session: one flow, one host at a time, one recording, and every command that the debugger
has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

from wf_debug import wire
from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph
from wf_debug.session.armory import Armory, KnownBreakpoint
from wf_debug.session.errors import SessionError
from wf_debug.session.forking import fork_run
from wf_debug.session.hosting import Hosting, SessionStatus
from wf_debug.session.interpreter import Interpreter
from wf_debug.session.journal import Change, Journal
from wf_debug.session.link import HostLink
from wf_debug.session.recording_file import RecordingFile
from wf_debug.session.reloading import Reloader, ReloadReport
from wf_debug.session.settings import FlowSpec, SessionSettings, breakpoints_path
from wf_debug.session.uninterrupted import uninterrupted
from wf_debug.session.watching import Watcher
from wf_debug.trace.live import LiveState, Prompt, RunState
from wf_debug.trace.records import Checkpoint, Record

_BATCH = 500


class Session:
    """Debugs one flow. Use `Session.open`; or make one and `start` it, which keeps it alive when the flow
    does not load.

    All methods belong to the loop that started it; `recording`, `live` and `status` may be read from any
    thread.
    """

    def __init__(self, flow: FlowSpec, settings: SessionSettings | None = None) -> None:
        self.flow = flow
        self.settings = settings or SessionSettings()
        self.last_input: dict[str, Any] | None = None
        self.on_reload: list[Callable[[ReloadReport], None]] = []
        """Called on the session's loop after a reload that a saved file caused."""
        self._file = RecordingFile(flow.path, self.settings)
        self.recording = self._file.recording
        self.live = LiveState()
        self._journal = Journal(self.recording, self.live, self._recording_trouble)
        self._hosting = Hosting(flow, self.settings, self._journal)
        self._reloader: Reloader | None = None
        self._watcher: Watcher | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, flow: FlowSpec, settings: SessionSettings | None = None) -> Session:
        """Start a session.

        Raises:
            SessionError: when no host can be started, or the flow does not load; nothing is left running
            then.
        """
        session = cls(flow, settings)
        try:
            await session.start()
        except BaseException:
            await session.close()
            raise
        return session

    async def start(self) -> None:
        """Start the host and load the flow.

        Raises:
            SessionError: when that fails. The session lives on with status "error"; the next save, or
            `reload`, tries again.
        """
        self._reloader = Reloader(self._hosting)
        self._load_breakpoints()
        self._watch()
        try:
            await self._reloader.start()
        finally:
            self._watch()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _load_breakpoints(self) -> None:
        path = breakpoints_path(self.flow.path) if self.settings.remember_breakpoints else None
        self._hosting.armory = Armory(path)
        if wrong := self._hosting.armory.load():
            self._journal.note(wrong)

    def _recording_trouble(self, message: str) -> None:
        """Called by whoever appends: the recording cannot be written (empty: it can again)."""
        state = self._hosting.status.state
        if message:
            self._hosting.set_status(state, f"{message}; the run waits until there is room again")
        else:
            self._hosting.set_status(state)

    # -- what there is to see
    @property
    def status(self) -> SessionStatus:
        return self._hosting.status

    @property
    def interpreter(self) -> Interpreter | None:
        """The Python that runs the flow; None before it was looked for."""
        return self._hosting.interpreter

    @property
    def hello(self) -> wire.Hello:
        """What the host said of itself; without a host, that nothing can be done."""
        host = self._hosting.current
        if host is None:
            return NO_HOST
        return _of_a_script(host.hello) if self.is_script else host.hello

    @property
    def workflows(self) -> list[wire.WorkflowInfo]:
        return self._hosting.workflows

    @property
    def workflow(self) -> wire.WorkflowInfo | None:
        """The chosen workflow; None while there are several and none was chosen."""
        return self._hosting.workflow

    @property
    def is_script(self) -> bool:
        """Whether the file is executed, and starts its runs by itself."""
        return self.flow.argv is not None

    @property
    def executed(self) -> bool:
        """Whether the present host executes the script, or did."""
        return self._hosting.executed

    @property
    def seen(self) -> dict[str, wire.WorkflowInfo]:
        """Workflows that user code ran by itself, by name."""
        return self._hosting.seen

    def graph_of(self, workflow: str) -> FlowGraph | None:
        """The graph of a workflow that runs or ran, by its class's name."""
        return next((w.graph for w in self._known() if workflow in (w.name, w.graph.name)), None)

    def graph_in(self, run: str | None = None) -> FlowGraph | None:
        """The graph of a run's workflow (None: the latest live one's); without a run, of the chosen one."""
        run = run or next(reversed(self.live.live_runs), None)
        state = self.live.runs.get(run) if run else None
        found = self.graph_of(state.workflow) if state else None
        return found or (self.workflow.graph if self.workflow else None)

    def _known(self) -> list[wire.WorkflowInfo]:
        chosen = [self.workflow] if self.workflow else []
        return [*chosen, *self.workflows, *self.seen.values()]

    @property
    def breakpoints(self) -> list[KnownBreakpoint]:
        """All breakpoints with the host's verdicts."""
        return self._hosting.armory.all

    @property
    def on_change(self) -> list[Callable[[Change], None]]:
        """Called in the thread that appended, after each batch; must be quick and must not raise."""
        return self._journal.on_change

    async def choose(self, name: str) -> None:
        """Choose the workflow to run.

        Raises:
            SessionError: when the file has none of that name.
        """
        found = next((w for w in self.workflows if w.is_called(name)), None)
        if found is None:
            names = ", ".join(w.name for w in self.workflows) or "none"
            raise SessionError.of(
                "unknown_workflow", f"there is no workflow {name!r}", f"choose one of: {names}"
            )
        self._hosting.choose(found)
        self._journal.tell_status()

    # -- runs
    async def start_run(self, fields: dict[str, Any], journal: Path | None = None) -> str:
        """Start the chosen workflow with these fields of its start event; the run's id.

        `journal` is the file that keeps the run, so that it can be resumed if its process ends.
        """
        workflow = self._chosen()
        self.last_input = dict(fields)
        kept = str(journal.absolute()) if journal is not None else None
        command = wire.StartRun(workflow=workflow.name, input=fields, journal=kept)
        started = await self._link.request(command, wire.RunRef)
        return started.run

    async def resume_journal(self, journal: Path) -> str:
        """Continue the latest run of a journal file that did not come to its end; its id."""
        command = wire.ResumeJournal(workflow=self._chosen().name, journal=str(journal.absolute()))
        resumed = await self._link.request(command, wire.RunRef)
        return resumed.run

    async def execute(self) -> None:
        """Execute the script; returns as it begins. Another time it gets a fresh host, and what runs is
        cancelled.

        Raises:
            SessionError: when it is no Python, or no host can be started.
        """
        if self.flow.argv is None:
            raise SessionError.of("invalid_input", "the flow is no script", "start a run instead")
        if self.executed or self._hosting.current is None:
            await self.restart_host()
        command = wire.ExecScript(path=str(self.flow.path.absolute()), argv=list(self.flow.argv))
        await self._link.tell(command)
        self._hosting.executed = True

    async def rerun(self) -> str:
        """Start once more with the last input."""
        if self.last_input is None:
            raise SessionError.of("invalid_input", "nothing has been run yet", "start a run first")
        return await self.start_run(self.last_input)

    async def cancel(self, run: str) -> None:
        """Cancel a run."""
        await self._link.tell(wire.CancelRun(run=run))

    async def fork(self, run: str, point: Checkpoint | None = None) -> str:
        """Have another run go on from where this one stands or, with a checkpoint, from where it stood then;
        its id. What was held is delivered anew, and held again; steps that ran start again.

        Raises:
            SessionError: when the run is over and no checkpoint is given, its state has no JSON form, or the
                checkpoint is not kept any more.
        """
        if point is None and run not in self.live.live_runs:
            text = f"run {run!r} is over"
            raise SessionError.of("unknown_run", text, "fork it from a moment when something was held")
        return await fork_run(self._hosting, self._link, run, point)

    async def pause(self) -> None:
        """Park every delivery from now on and stop the run clock."""
        await self._link.tell(wire.Pause())
        self._hosting.pausing = True

    async def resume(self) -> None:
        """End the pause and accept everything held."""
        await self._link.tell(wire.Continue())
        self._hosting.pausing = False

    async def step_next(self, hold: int | None = None) -> None:
        """Let one delivery through (this hold's, else the oldest), then stay paused."""
        await self._link.tell(wire.StepNext(hold=hold))
        self._hosting.pausing = True

    async def follow(self, hold: int) -> None:
        """Accept the held event and stop at the deliveries that it causes."""
        await self._link.tell(wire.Follow(hold=hold))
        self._hosting.pausing = False

    async def run_to(self, step: str) -> None:
        """Continue, and stop at the next delivery to this step."""
        await self._link.tell(wire.RunTo(step=step))
        self._hosting.pausing = False

    async def accept_all(self) -> None:
        """Accept what is held now; a pause stays."""
        await self._link.tell(wire.AcceptAll())

    async def release(
        self,
        hold: int,
        action: Literal["accept", "edit", "drop", "duplicate"],
        data: dict[str, Any] | None = None,
    ) -> None:
        """Decide over one held event; `data` replaces its fields for "edit"."""
        await self._link.tell(wire.Release(hold=hold, action=action, data=data))

    # -- breakpoints
    async def set_breakpoints(self, breakpoints: list[Breakpoint]) -> list[wire.Verification.Item]:
        """Replace all breakpoints, save them, and let the host say which can match."""
        self._hosting.armory.replace(breakpoints)
        try:
            host = self._hosting.current
            if host is not None and host.link.ending is None:
                return await self._hosting.arm(host)
            reason = "there is no host to check it; it counts from the next one on"
            return [
                wire.Verification.Item(id=b.id, ok=False, reason=reason, resolved=b)
                for b in self._hosting.armory.plain
            ]
        finally:
            self._journal.tell_status()

    async def toggle_breakpoint(
        self, *, event: str | None = None, step: str | None = None
    ) -> list[wire.Verification.Item]:
        """Set a breakpoint on the event type or step, or remove those that are exactly there."""
        return await self.set_breakpoints(self._hosting.armory.toggled(event, step))

    # -- events
    async def inject(
        self,
        type: str,  # noqa: A002  # as the wire calls it
        data: dict[str, Any],
        step: str | None = None,
        run: str | None = None,
    ) -> wire.InjectResult:
        """Send an event into a run (None: the latest live one), to all steps that accept it or to `step`
        alone."""
        command = wire.Inject(run=run or self._latest_live(), type=type, data=data, step=step)
        return await self._link.request(command, wire.InjectResult)

    async def answer(self, prompt: Prompt, data: dict[str, Any]) -> wire.InjectResult:
        """Answer an open question."""
        return await self.inject(prompt.answer_type, data, run=prompt.run)

    async def validate(self, type: str, data: dict[str, Any]) -> wire.Validation:  # noqa: A002
        """Check an event's fields without sending it."""
        knowing = next((w for w in self._known() if w.graph.event(type)), None) or self._chosen()
        command = wire.Validate(workflow=knowing.name, type=type, data=data)
        return await self._link.request(command, wire.Validation)

    # -- looking into the host
    async def state(self, run: str) -> dict[str, Any]:
        """The run's state store."""
        return (await self._link.request(wire.GetState(run=run), wire.StateView)).state

    async def host_status(self) -> wire.HostStatus:
        """Answered even while a step blocks."""
        return await self._link.request(wire.GetStatus(), wire.HostStatus)

    # -- code
    async def reload(self) -> ReloadReport:
        """Take up changed source now; the report says what came of it."""
        report = await self._reloading.reload()
        self._watch()
        return report

    async def accept_loss(self) -> ReloadReport:
        """Go on with the reload that asked, without what cannot carry over."""
        report = await self._reloading.accept_loss()
        self._watch()
        return report

    async def decline_loss(self) -> None:
        """Keep the old code in place of the reload that asked; the runs go on as before it."""
        await self._reloading.decline_loss()

    async def restart_host(self) -> None:
        """A fresh host, with the history kept; what runs is cancelled.

        Raises:
            SessionError: when the flow does not load any more.
        """
        await self._reloading.restart()
        self._watch()

    @property
    def _reloading(self) -> Reloader:
        if self._reloader is None or self.status.state == "closed":
            raise SessionError.of("host_died", "the session is closed")
        return self._reloader

    def _watch(self) -> None:
        if not self.settings.watch or self.status.state == "closed":
            return
        flow = self.flow.path.absolute()
        if self._watcher is None:
            self._watcher = Watcher(flow.parent, self._saved, self._watch_begun)
        self._watcher.watch_files([str(flow), *self._hosting.files])

    def _watch_begun(self) -> None:
        """What is watched from now on may have been saved a moment ago."""
        if self._hosting.stale():
            self._saved()

    def _saved(self) -> None:
        """A watched file was saved."""
        self._hosting.begin_again()
        task = asyncio.ensure_future(self._reload_on_save())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload_on_save(self) -> None:
        if self.is_script and self.status.state == "ready":
            return  # it is read when it is executed the next time
        with suppress(SessionError):
            report = await self.reload()
            for listener in list(self.on_reload):
                listener(report)

    # -- waiting
    async def stream(self, after: int = 0) -> AsyncIterator[Record]:
        """Every record above `after`, as it comes, until there is no host any more that could send one."""
        changed = self._journal.listen()
        try:
            while True:
                changed.clear()
                over = self.status.state in ("crashed", "error", "closed")
                batch = [] if self.status.state == "closed" else self.recording.records(after, _BATCH)
                for record in batch:
                    after = record.seq
                    yield record
                if not batch:
                    if over:
                        return
                    await changed.wait()
        finally:
            self._journal.unlisten(changed)

    async def wait_for(self, predicate: Callable[[Session], bool], timeout: float | None = None) -> None:
        """Return as soon as the predicate holds; it is asked after every change.

        Raises:
            TimeoutError: when it does not within `timeout` seconds.
        """
        changed = self._journal.listen()
        try:
            async with asyncio.timeout(timeout):
                while not predicate(self):
                    await changed.wait()
                    changed.clear()
        finally:
            self._journal.unlisten(changed)

    async def wait_run_end(self, run: str, timeout: float | None = None) -> RunState:
        """How the run ended, once it did."""
        await self.wait_for(
            lambda s: s.live.runs[run].status != "running" if run in s.live.runs else False, timeout
        )
        return self.live.runs[run]

    # -- the end
    async def close(self) -> None:
        """End the host, the threads and the files; may be called twice. An interrupted caller changes nothing
        about it."""
        if self.status.state != "closed":
            await uninterrupted(self._close())

    async def _close(self) -> None:
        self._journal.close()
        for task in list(self._tasks):
            task.cancel()
        if self._watcher is not None:
            self._watcher.close()
        if self._reloader is not None:
            await self._reloader.close()
        host, self._hosting.current = self._hosting.current, None
        if host is not None:
            await self._hosting.end(host.link)
        self._hosting.set_status("closed")
        self._file.close()

    # -- parts
    @property
    def _link(self) -> HostLink:
        host = self._hosting.current
        if host is None:
            state, message = self.status.state, self.status.message
            raise SessionError.of("host_died", message or f"there is no host: the session is {state}", _AGAIN)
        return host.link

    def _chosen(self) -> wire.WorkflowInfo:
        if self.workflow is None:
            names = ", ".join(w.name for w in self.workflows) or "none"
            raise SessionError.of("unknown_workflow", "no workflow is chosen", f"choose one of: {names}")
        return self.workflow

    def _latest_live(self) -> str:
        live = self.live.live_runs
        if not live:
            raise SessionError.of("unknown_run", "no run is going on", "start a run first")
        return live[-1]


_AGAIN = "restart the host (ctrl+shift+r), or save the flow to have it loaded again"


def _of_a_script(hello: wire.Hello) -> wire.Hello:
    """Runs are started, and code is read, by executing it."""
    without = hello.capabilities.model_copy(update={"run": False, "reload": False, "fork": False})
    return hello.model_copy(update={"capabilities": without})


_NOTHING = dict.fromkeys(wire.Capabilities.model_fields, False)
NO_HOST = wire.Hello(pid=0, python="", version="", engines={}, capabilities=wire.Capabilities(**_NOTHING))
"""Stands for a host that is not there: it can do nothing."""
