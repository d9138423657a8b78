"""What each command does. Where it runs is said beside it: on the control thread, on the loop, beside the
loop or in its place."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Any, Literal

from pydantic import BaseModel

from wf_debug import wire
from wf_debug.backends.base import Backend, Offer
from wf_debug.backends.refusal import Refused
from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.debugger import Debugger
from wf_debug.control.names import suggestion
from wf_debug.control.payload import safe_str
from wf_debug.control.resolve import resolve
from wf_debug.control.visit import Decision, Visit
from wf_debug.graph import FlowGraph, Growth
from wf_debug.host.checkpoints import Checkpoints
from wf_debug.host.load import Importer, has_own
from wf_debug.host.mainthread import MainThread
from wf_debug.host.offers import find_offers
from wf_debug.host.reload import Reloader
from wf_debug.host.script import Script
from wf_debug.host.source import check_source

Place = Literal["here", "loop", "beside", "in place"]
Handler = Callable[[Any], BaseModel | None]
_OF_A_RUN = wire.Inject | wire.Snapshot | wire.TakeCheckpoint
"""Belong on the loop that the run lives on."""


class Commands:
    """The commands of one host. Shutdown does nothing here: the server leaves after its answer."""

    def __init__(
        self,
        debugger: Debugger,
        backends: Sequence[Backend],
        main: MainThread,
        script: Script,
        project: Path,
    ) -> None:
        self._debugger, self._backends, self._main = debugger, backends, main
        self.script = script
        self._arming, self._meeting = threading.Lock(), threading.Lock()
        self._reloader = Reloader(debugger.user_code, Importer(project, debugger), self._offers_of)
        self._offers: dict[str, Offer] = {}
        self._met: dict[type, Offer] = {}
        """Workflows of user code's own runs that the flow does not offer."""
        self._started: dict[str, str] = {}
        """Which of the flow's workflows each run was started as."""
        self._growths: list[tuple[type, Growth]] = []
        """What runs showed of their workflows' graphs."""
        self._points: list[Breakpoint] = []
        self._control.interceptor.edited = self._edited
        self._checkpoints = Checkpoints(debugger, self._backend_of, self._keep)
        self.handlers: dict[type[wire.CommandBase], tuple[Place, Handler]] = {
            wire.Load: ("beside", self._load_flow),
            wire.Reload: ("beside", self._reload),
            wire.CheckScript: ("here", self._check_script),
            wire.ExecScript: ("in place", self._exec_script),
            wire.StartRun: ("loop", self._start_run),
            wire.ResumeRun: ("loop", self._resume_run),
            wire.ResumeJournal: ("loop", self._resume_journal),
            wire.Inject: ("loop", self._inject),
            wire.Snapshot: ("loop", self._snapshot),
            wire.TakeCheckpoint: ("loop", self._take_checkpoint),
            wire.Fork: ("loop", self._fork),
            wire.CancelRun: ("here", self._cancel_run),
            wire.Pause: ("here", lambda command: self._control.pause()),
            wire.Continue: ("here", lambda command: self._control.resume()),
            wire.AcceptAll: ("here", lambda command: self._control.accept_all()),
            wire.StepNext: ("here", lambda command: self._control.step_next(command.hold)),
            wire.Follow: ("here", lambda command: self._control.follow(command.hold)),
            wire.RunTo: ("here", self._run_to),
            wire.SetBreakpoints: ("here", self._set_breakpoints),
            wire.Release: ("here", self._release),
            wire.Validate: ("here", self._validate),
            wire.GetState: ("here", self._get_state),
            wire.Thaw: ("here", self._thaw),
            wire.GetStatus: ("here", self._get_status),
            wire.Shutdown: ("here", lambda command: None),
        }

    def schedule(self, command: wire.CommandBase, job: Callable[[], None]) -> None:
        """Have `job`, which answers `command`, called where the command belongs.

        Raises:
            Refused: when there is no such place (the run is not live).
        """
        place = self.handlers[type(command)][0]
        if place != "here" and self.script.running and not isinstance(command, _OF_A_RUN):
            raise Refused("unknown_workflow", "a script is being executed", hint="it starts its runs itself")
        if place == "beside":
            self._main.beside_loop(job)
        elif place == "in place":
            self._main.in_place_of_loop(partial(self._answer_and_execute, job))
        elif place == "here":
            job()
        elif isinstance(command, _OF_A_RUN):
            self._backend_of(command.run).on_loop_of(command.run, job)
        else:
            self._main.on_loop(job)

    @property
    def _control(self) -> Any:
        return self._debugger.controller

    # -- flows
    def _load_flow(self, command: wire.Load) -> wire.Loaded:
        began = time.monotonic()
        for backend in self._backends:
            if backend.name == command.engine and not has_own(Path(command.path), "workflows"):
                backend.stand_in()
        offers = self._reloader.load(Path(command.path), command.engine)
        if command.workflow is not None:
            _choose(offers, command.workflow)
        self._adopt(offers)
        return wire.Loaded(
            workflows=[o.info for o in offers.values()],
            files=self._reloader.files(),
            seconds=time.monotonic() - began,
        )

    def _offers_of(self, flow: Any, engine: str) -> dict[str, Offer]:
        return find_offers(flow, self._backends, engine)

    def _adopt(self, offers: dict[str, Offer]) -> None:
        self._offers, self._met = {name: self._grown(offer) for name, offer in offers.items()}, {}
        self._arm()

    def meet(self, flow: Any) -> None:
        """A run of this workflow is about to begin: describe it, unless it is known, and have the breakpoints
        count in it. On the run's loop."""
        with self._meeting:
            if any(type(flow) is offer.workflow for offer in self._known()):
                return
            found = (backend.describe(flow) for backend in self._backends)
            offer = next((offer for offer in found if offer is not None), None)
            if offer is None:
                return
            self._met[type(flow)] = offer
            seen = wire.WorkflowSeen(workflow=offer.info, verdicts=self._arm())
            self._debugger.tracer.send_after_records(wire.encode(seen))

    def grow(self, workflow: type, growth: Growth) -> None:
        """A run showed more of its workflow than the source does. On the run's loop."""
        with self._meeting:
            self._growths.append((workflow, growth))
            for known in (self._offers, self._met):
                for key, offer in list(known.items()):
                    self._let_grow(known, key, offer, workflow, growth)

    def _let_grow(
        self, known: dict[Any, Offer], key: Any, offer: Offer, workflow: type, growth: Growth
    ) -> None:
        graph = growth.added_to(offer.info.graph)
        if offer.workflow is workflow and graph != offer.info.graph:
            known[key] = _with_graph(offer, graph)
            seen = wire.WorkflowSeen(workflow=known[key].info, verdicts=self._arm())
            self._debugger.tracer.send_after_records(wire.encode(seen))

    def _grown(self, offer: Offer) -> Offer:
        """The offer with all that runs of its workflow showed."""
        graph = offer.info.graph
        for workflow, growth in self._growths:
            if workflow is offer.workflow:
                graph = growth.added_to(graph)
        return _with_graph(offer, graph)

    def _known(self) -> list[Offer]:
        return [*self._offers.values(), *list(self._met.values())]

    # -- scripts
    def _check_script(self, command: wire.CheckScript) -> wire.Loaded:
        path = Path(command.path)
        check_source(path)
        return wire.Loaded(workflows=[], files=[str(path)], seconds=0.0)

    def _exec_script(self, command: wire.ExecScript) -> None:
        self.script.begin(Path(command.path), command.argv)

    def _answer_and_execute(self, answer: Callable[[], None]) -> None:
        """In this order: the script's first line may end the process."""
        answer()
        self.script.execute()

    def _reload(self, command: wire.Reload) -> wire.ReloadResult:
        report = self._reloader.reload()
        if report.outcome != "swapped":
            return report
        self._adopt(self._reloader.offers)
        return report.model_copy(update={"workflows": [o.info for o in self._offers.values()]})

    # -- runs
    def _start_run(self, command: wire.StartRun) -> wire.RunRef:
        offer, backend = self._runnable(command.workflow)
        run = backend.start(offer, command.input, command.journal)
        self._started[run] = offer.info.name
        return wire.RunRef(run=run)

    def _resume_journal(self, command: wire.ResumeJournal) -> wire.RunRef:
        offer, backend = self._runnable(command.workflow)
        return wire.RunRef(run=backend.resume_journal(offer, command.journal))

    def _resume_run(self, command: wire.ResumeRun) -> wire.ResumeResult:
        offer, backend = self._runnable(command.workflow)
        try:
            run, lost = backend.resume(offer, command.snapshot, command.drop_lost)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            text = f"the snapshot can't be read: {type(error).__name__}: {safe_str(error)}"
            hint = "send it as it came from `snapshot`"
            raise Refused(
                "invalid_input", text, hint=hint, traceback="".join(format_exception(error))
            ) from error
        self._started[run] = offer.info.name
        return wire.ResumeResult(run=run, lost=lost)

    def _runnable(self, name: str) -> tuple[Offer, Backend]:
        offer = _choose(self._offers, name)
        if fatal := [p for p in offer.info.problems if p.fatal]:
            raise Refused(
                "invalid_workflow",
                f"{name} can't run: {fatal[0].message}",
                where=fatal[0].where,
                hint="correct the workflow and save it; it is read again",
            )
        return offer, next(b for b in self._backends if b.name == offer.info.engine)

    def _backend_of(self, run: str) -> Backend:
        for backend in self._backends:
            if run in backend.live_runs():
                return backend
        live = [r for b in self._backends for r in b.live_runs()]
        hint = suggestion(run, live) or "no run is live; start one"
        raise Refused("unknown_run", f"there is no live run {run!r}", hint=hint)

    def _inject(self, command: wire.Inject) -> wire.InjectResult:
        backend = self._backend_of(command.run)
        workflow = backend.workflow_of(command.run)
        event = backend.build(workflow, command.type, command.data)
        return backend.inject(command.run, event, command.step)

    def _snapshot(self, command: wire.Snapshot) -> wire.SnapshotResult:
        """In one go on the run's loop: nothing moves between the two."""
        result = self._named(command.run, self._backend_of(command.run).snapshot(command.run))
        self._control.freeze()
        self._debugger.frozen.add(command.run)
        return result

    def _keep(self, run: str) -> wire.SnapshotResult:
        return self._named(run, self._backend_of(run).checkpoint(run))

    def _named(self, run: str, written: wire.SnapshotResult) -> wire.SnapshotResult:
        """With the workflow that it goes on as."""
        name = self._started.get(run) or self._backend_of(run).workflow_of(run).__name__
        return written.model_copy(update={"workflow": name})

    def _thaw(self, command: wire.Thaw) -> None:
        self._debugger.frozen.clear()
        self._control.thaw()

    def _take_checkpoint(self, command: wire.TakeCheckpoint) -> wire.CheckpointRef:
        return wire.CheckpointRef(checkpoint=self._checkpoints.take(command.run))

    def _fork(self, command: wire.Fork) -> wire.ResumeResult:
        point = self._checkpoints.get(command.checkpoint)
        snapshot = {**point.snapshot, "run": command.run}
        return self._resume_run(wire.ResumeRun(workflow=point.workflow, snapshot=snapshot))

    def _cancel_run(self, command: wire.CancelRun) -> None:
        backend = self._backend_of(command.run)
        backend.on_loop_of(command.run, lambda: backend.cancel(command.run))

    def cancel_all(self) -> None:
        """Cancel every live run, on its loop."""
        for backend in self._backends:
            for run in backend.live_runs():
                backend.on_loop_of(run, lambda b=backend, r=run: b.cancel(r))  # type: ignore[misc]

    def _get_state(self, command: wire.GetState) -> wire.StateView:
        return wire.StateView(state=self._backend_of(command.run).state(command.run))

    # -- the debugger
    def _arm(self) -> list[wire.Verification.Item]:
        with self._arming:
            known = self._known()
            modules = [m for o in known if (m := sys.modules.get(o.workflow.__module__)) is not None]
            resolved = resolve(self._points, [o.info.graph for o in known], modules, self._is_loaded)
            self._control.set_breakpoints(resolved)
        return [
            wire.Verification.Item(
                id=r.breakpoint.id, ok=r.armed is not None, reason=r.reason, resolved=r.breakpoint
            )
            for r in resolved
        ]

    def _is_loaded(self, event: str) -> bool:
        return any(backend.knows_event(event) for backend in self._backends)

    def _set_breakpoints(self, command: wire.SetBreakpoints) -> wire.Verification:
        self._points = command.breakpoints
        return wire.Verification(items=self._arm())

    def _run_to(self, command: wire.RunTo) -> None:
        steps = {s.name for o in self._known() for s in o.info.graph.steps}
        if command.step not in steps:
            hint = suggestion(command.step, steps)
            raise Refused("unknown_step", f"there is no step named {command.step!r}", hint=hint)
        self._control.run_to(command.step)

    def _release(self, command: wire.Release) -> None:
        edit = command.action == "edit"
        value = self._edited(self._control.hold(command.hold).visit, command.data or {}) if edit else None
        self._control.release(command.hold, Decision(command.action, value))

    def _edited(self, visit: Visit, data: Mapping[str, Any]) -> Any:
        """What is at the gate with these fields replaced."""
        backend = self._backend_of(visit.run)
        if visit.value is not None:
            return backend.rebuild(visit.value, data)
        if isinstance(data.get("type"), str) and isinstance(data.get("data", {}), dict):
            return backend.build(backend.workflow_of(visit.run), data["type"], data.get("data", {}))
        raise Refused(
            "invalid_input",
            f"what is held here ({visit.type}) is not one event, so it has no fields to edit",
            hint='to go on with an event instead, send {"type": "EventName", "data": {its fields}}',
        )

    def _validate(self, command: wire.Validate) -> wire.Validation:
        offer = _choose({o.info.name: o for o in reversed(self._known())}, command.workflow)
        backend = next(b for b in self._backends if b.name == offer.info.engine)
        try:
            event = backend.build(offer.workflow, command.type, command.data)
        except Refused as refused:
            if refused.error.code != "invalid_input":
                raise
            return wire.Validation(data=None, errors=refused.error.fields)
        return wire.Validation(data=self._debugger.payloads.plain(event))

    def _get_status(self, command: wire.GetStatus) -> wire.HostStatus:
        blocked_for, thread = self._main.pulse.blocked()
        status = wire.HostStatus(
            live_runs=[r for b in self._backends for r in b.live_runs()],
            paused=self._control.paused,
            blocked_for=blocked_for,
            loading=self._main.importing,
        )
        if status.blocked_for or status.loading or self.script.running:
            place = self._debugger.user_code.place_of(self._main.stack(thread))
            if place:
                status.where, status.function = place
        return status


def _with_graph(offer: Offer, graph: FlowGraph) -> Offer:
    return replace(offer, info=offer.info.model_copy(update={"graph": graph}))


def _choose(offers: dict[str, Offer], name: str) -> Offer:
    if name in offers:
        return offers[name]
    called = [o for o in offers.values() if o.info.is_called(name) or o.info.graph.name == name]
    if called:
        return called[0]
    hint = suggestion(name, offers) or "no flow is loaded"
    raise Refused("unknown_workflow", f"there is no workflow named {name!r}", hint=hint)
