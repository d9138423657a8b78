"""The session's host: started, loaded with the flow, replaced by a fresh one, missed when it dies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wf_debug.graph import joined
from wf_debug.session.armory import Armory
from wf_debug.session.death import death_records
from wf_debug.session.errors import SessionError
from wf_debug.session.interpreter import Interpreter, find_interpreter
from wf_debug.session.journal import Journal
from wf_debug.session.link import Ending, HostLink, Launch
from wf_debug.session.settings import FlowSpec, SessionSettings
from wf_debug.session.uninterrupted import uninterrupted
from wf_debug.session.watching import Rewrites, fingerprint
from wf_debug.trace.records import Log, Note, Record
from wf_debug.wire import (
    CheckScript,
    Hello,
    Load,
    Loaded,
    SetBreakpoints,
    Verification,
    WorkflowInfo,
    WorkflowSeen,
)

_LAST_WORDS = 8
"""Records of a host that died while it loaded, looked at for what it said."""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """`message` says what is wrong in state "error" and "crashed"."""

    state: Literal["loading", "ready", "crashed", "error", "closed"]
    message: str = ""


class Host:
    """One host with the flow loaded. Until `adopted`, its records wait, so that they follow those of the host
    before."""

    def __init__(self, link: HostLink, hello: Hello) -> None:
        self.link, self.hello = link, hello
        self.loaded = Loaded(workflows=[], files=[], seconds=0.0)


class Hosting:
    """Has one current host at a time, and says what it offers."""

    def __init__(self, flow: FlowSpec, settings: SessionSettings, journal: Journal) -> None:
        self.flow, self.settings, self.journal = flow, settings, journal
        self.status = SessionStatus("loading")
        self.interpreter: Interpreter | None = None
        self.current: Host | None = None
        self.workflow: WorkflowInfo | None = None
        self.workflows: list[WorkflowInfo] = []
        self.seen: dict[str, WorkflowInfo] = {}
        """Workflows that user code ran by itself, by name."""
        self.executed = False
        """Whether the current host executes the script, or did."""
        self.files: dict[str, str] = {}
        """Digest of every loaded source file."""
        self.armory: Armory = Armory(None)
        self.pausing = False
        """Whether the last word to the host was to park every delivery, or the next."""
        self._loading: asyncio.Task[Host] | None = None
        self._again = False
        self.rewrites = Rewrites()
        self._read: dict[str, str] = {}
        """Digests of the known source files when the last load began."""
        self._waiting: dict[HostLink, list[Record]] = {}
        self._muted: set[HostLink] = set()
        self._lock = threading.RLock()

    def set_status(
        self, state: Literal["loading", "ready", "crashed", "error", "closed"], message: str = ""
    ) -> None:
        self.status = SessionStatus(state, message)
        self.journal.tell_status()

    def parks_all(self) -> bool:
        """Whether deliveries are parked whatever their type, not by a breakpoint alone."""
        return self.pausing or any(h.reason != "breakpoint" for h in self.journal.live.holds.values())

    # -- a fresh host
    async def fresh(self) -> Host:
        """Start a host, load the flow in it and give it the breakpoints; it is not the current one yet.

        Raises:
            SessionError: when it does not start or the flow does not load; the host is gone then, its output
            recorded.
        """
        while True:
            self._again = False
            self._loading = asyncio.ensure_future(self._load_fresh())
            try:
                return await self._loading
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not self._again or (task is not None and task.cancelling()):
                    raise

    def begin_again(self) -> None:
        """A file was saved: a load that read it as it was before is given up for another. What hangs while it
        is imported ends this way."""
        if self._loading is None or self._loading.done():
            return
        if saved := self.rewrites.saved(self._read, fingerprint(self._read)):
            self.rewrites.give_up(saved)
            self._again = True
            self._loading.cancel()

    async def _load_fresh(self) -> Host:
        self._read = fingerprint([str(self.flow.path.absolute()), *self.files])
        self.interpreter = find_interpreter(self.flow.path, self.settings.python)
        launch = Launch(
            interpreter=self.interpreter,
            project=str(self.flow.path.absolute().parent),
            spill=str(self.journal.recording.spill),
            first_seq=self.journal.last_seq + 1,
            connect_timeout=self.settings.connect_timeout,
        )
        link = await asyncio.to_thread(self._start, launch)
        try:
            host = Host(link, await link.hello())
            host.loaded = await link.request(self._first_command(), Loaded)
            await self.arm(host)
        except BaseException as error:
            said = self._said_last(link)
            self.let_records_through(link)
            await self.end(link)
            if isinstance(error, SessionError) and error.error.code == "host_died" and said:
                raise error.adding(said) from None
            raise
        return host

    def _said_last(self, link: HostLink) -> str:
        """What the flow said before its host ended: the end of its own output and the debugger's remarks."""
        with self._lock:
            records = self._waiting.get(link, [])[-_LAST_WORDS:]
        texts = [
            r.text for r in records if isinstance(r, Note) or (isinstance(r, Log) and r.source != "native")
        ]
        return "".join(f"\n  {text}" for text in texts)

    def _first_command(self) -> Load | CheckScript:
        path = str(self.flow.path.absolute())
        if self.flow.argv is not None:
            return CheckScript(path=path)
        return Load(path=path, workflow=self.flow.workflow, engine=self.settings.engine)

    def _start(self, launch: Launch) -> HostLink:
        with self._lock:
            link = HostLink(launch, self._take, self._met, self._ended)
            self._waiting[link] = []
        return link

    def adopt(self, host: Host, first: Sequence[Record] = ()) -> None:
        """Make it the current host. `first` are records to put before its own."""
        self.journal.add(first)
        self.current = host
        self.executed = False
        if self.flow.argv is None:
            self.offer(host.loaded.workflows)
        self.files = self.rewrites.settle(self._read, fingerprint(host.loaded.files))
        self.let_records_through(host.link)
        self.set_status("ready")
        if host.link.ending is not None:  # it died in between
            self._ended(host.link, host.link.ending)

    def stale(self) -> bool:
        """Whether a loaded file was saved since."""
        return fingerprint(self.files) != self.files

    def offer(self, workflows: list[WorkflowInfo]) -> None:
        """These are the flow's workflows now; the chosen one stays chosen while there is one of its name."""
        self.workflows = workflows
        name = self.flow.workflow or (self.workflow.name if self.workflow else None)
        only = workflows[0] if len(workflows) == 1 else None
        self.choose(next((w for w in workflows if name and w.is_called(name)), only))

    def choose(self, workflow: WorkflowInfo | None) -> None:
        self.workflow = workflow
        if workflow is None:
            return
        self._tell_graphs()
        meta = self.journal.recording.meta
        told = {"workflow": workflow.name, "graph": workflow.graph, "engine": workflow.engine}
        if meta.model_copy(update=told) != meta:
            self.journal.recording.update_meta(meta.model_copy(update=told))

    # -- workflows that user code runs by itself
    def _met(self, link: HostLink, message: WorkflowSeen) -> None:
        """Called in the reader thread, before the records of its first run, or of what a run showed of it."""
        info = message.workflow
        self.armory.judge(message.verdicts)
        if self.flow.argv is None and any(w.name == info.name for w in self.workflows):
            self.workflows = [info if w.name == info.name else w for w in self.workflows]
        else:
            self.seen = {**self.seen, info.name: info}
        if self.flow.argv is not None:
            self.workflows = list(self.seen.values())
        script_begins = self.flow.argv is not None and self.workflow is None
        if script_begins or (self.workflow is not None and self.workflow.name == info.name):
            self.choose(info)
        self._tell_graphs()
        recording = self.journal.recording
        also = tuple(w.graph for w in self.seen.values() if w.name != recording.meta.workflow)
        if also != recording.meta.also:
            recording.update_meta(recording.meta.model_copy(update={"also": also}))
        self.journal.tell_status()

    def _tell_graphs(self) -> None:
        chosen = [self.workflow] if self.workflow else []
        graphs = [w.graph for w in [*chosen, *self.seen.values()]]
        self.journal.live.set_graph(joined(graphs) if graphs else None)

    async def arm(self, host: Host) -> list[Verification.Item]:
        """Give the host the breakpoints and take its verdicts."""
        answer = await host.link.request(SetBreakpoints(breakpoints=self.armory.plain), Verification)
        self.armory.judge(answer.items)
        return answer.items

    # -- records
    def _take(self, link: HostLink, records: list[Record]) -> None:
        with self._lock:
            if link in self._muted:
                return
            if link in self._waiting:
                self._waiting[link].extend(records)
                return
        self.journal.add(records)

    def let_records_through(self, link: HostLink) -> None:
        """Record what the host sent so far, and from now on as it comes."""
        with self._lock:
            self.journal.add(self._waiting.pop(link, []))

    def mute(self, link: HostLink) -> None:
        """Its runs go on elsewhere: how it ends them is no news."""
        with self._lock:
            self._waiting.pop(link, None)
            self._muted.add(link)

    # -- ends
    async def end(self, link: HostLink) -> None:
        """End a host, also when the caller is interrupted meanwhile."""
        try:
            await uninterrupted(asyncio.to_thread(link.end))
        finally:
            with self._lock:
                self._muted.discard(link)
                self._waiting.pop(link, None)

    def _ended(self, link: HostLink, ending: Ending) -> None:
        """Called in the reader thread when the process is gone."""
        current = self.current
        if current is None or current.link is not link or ending.asked:
            return
        self.journal.add(death_records(ending, self.journal.live, self.journal.recording))
        self.set_status("crashed", f"the host {ending.describe()}")
