"""The backend for flows written on `wf_core`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from wf_core import Context, Workflow, alias
from wf_core.engine import instrument as engine
from wf_core.events import Event
from wf_core.handler import WorkflowHandler
from wf_debug.backends.base import Offer
from wf_debug.backends.event_types import is_loaded
from wf_debug.backends.native import events, offers
from wf_debug.backends.native.carry import carry_over, waiting_steps
from wf_debug.backends.native.hints import closest_types
from wf_debug.backends.native.instrument import NativeInstrument
from wf_debug.backends.native.run import Recorded
from wf_debug.backends.refusal import Refused
from wf_debug.control.debugger import Debugger
from wf_debug.control.names import suggestion
from wf_debug.control.payload import safe_str
from wf_debug.trace.records import Injected
from wf_debug.wire import InjectResult, SnapshotResult

if TYPE_CHECKING:
    from wf_core.engine.journal import SqliteJournal


class NativeBackend:
    """Debugs runs of the native engine; see `Backend` for what the methods promise."""

    name = "native"

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._instrument = NativeInstrument(debugger)
        self._started: dict[str, tuple[WorkflowHandler, asyncio.AbstractEventLoop]] = {}
        """Runs started here, also before their first turn."""
        self._watchers: set[asyncio.Task[None]] = set()

    @property
    def version(self) -> str:
        try:
            return version("wf-tui")
        except PackageNotFoundError:
            return "unknown"

    def attach(self) -> None:
        engine.attach(self._instrument)

    def stand_in(self) -> None:
        alias.install()

    def find(self, module: ModuleType) -> list[Offer]:
        return offers.find(module, self._debugger.user_code)

    def describe(self, flow: Any) -> Offer | None:
        return offers.describe(flow, self._debugger.user_code) if isinstance(flow, Workflow) else None

    # -- events
    def fields(self, value: Any) -> Mapping[str, Any] | None:
        return events.fields_of(value)

    def build(self, workflow: type, type_name: str, data: Mapping[str, Any]) -> Event:
        return events.build(events.event_class(self._instrument.met.known(workflow), type_name), data)

    def knows_event(self, name: str) -> bool:
        return is_loaded(Event, name)

    def rebuild(self, original: Any, data: Mapping[str, Any]) -> Event:
        return events.rebuild(original, data)

    # -- runs
    def live_runs(self) -> list[str]:
        started = [run for run, (handler, _) in list(self._started.items()) if not handler.is_done()]
        return list(dict.fromkeys([*self._instrument.live, *started]))

    def workflow_of(self, run: str) -> type:
        return type(self._handle(run).workflow)

    def on_loop_of(self, run: str, job: Callable[[], None]) -> None:
        live = self._instrument.live.get(run)
        loop = live.loop if live else self._started[run][1] if run in self._started else None
        if loop is None:
            raise self._unknown(run)
        loop.call_soon_threadsafe(job)

    def start(self, offer: Offer, data: Mapping[str, Any], journal: str | None = None) -> str:
        flow = self._make(offer)
        if journal is not None:
            flow._journal = _open_journal(journal)
        start = events.build(flow.start_event_class, data)
        try:
            handler = flow.run(start_event=start)
        except Exception as error:
            text = f"{offer.info.name} can't start: {type(error).__name__}: {safe_str(error)}"
            raise Refused("invalid_workflow", text, where=offer.info.source) from error
        return self._keep(handler)

    def resume_journal(self, offer: Offer, journal: str) -> str:
        flow = self._make(offer)
        flow._journal = _open_journal(journal)
        try:
            handler = flow.resume()
        except Exception as error:
            text = f"the run can't go on: {safe_str(error)}"
            raise Refused("cannot_carry_over", text, where=offer.info.source) from error
        return self._keep(handler)

    def _make(self, offer: Offer) -> Workflow:
        try:
            return cast("Workflow", offer.make())
        except Exception as error:
            user_code = self._debugger.user_code
            raise Refused(
                "invalid_workflow",
                f"{offer.info.name}() raises {type(error).__name__}: {safe_str(error)}",
                where=user_code.place_in(error.__traceback__) or offer.info.source,
                traceback=user_code.traceback_of(error),
            ) from error

    def _keep(self, handler: WorkflowHandler) -> str:
        """Hold on to the run until it has ended; its events are read so that they don't pile up."""
        self._started[handler.run_id] = (handler, asyncio.get_running_loop())
        task = asyncio.get_running_loop().create_task(self._watch(handler))
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)
        return handler.run_id

    async def _watch(self, handler: WorkflowHandler) -> None:
        try:
            async for _ in handler.stream_events():
                pass
            await handler
        except BaseException:
            return  # recorded as the end of the run
        finally:
            self._started.pop(handler.run_id, None)

    def inject(self, run: str, event: Any, step: str | None) -> InjectResult:
        live = self._instrument.live.get(run)
        if live is None:
            raise self._unknown(run)
        self._check_step(live.handle.workflow, step)
        steps, waiters = live.handle.accepts(event, step)
        taken_by = [*steps, *(live.waiting.get(w, "") for w in waiters)]
        payload = self._debugger.payloads.encode(event)
        self._debugger.tracer.emit(Injected, run, type=type(event).__name__, target=step, payload=payload)
        number = live.handle.send(event, step)
        live.injected.add(number)
        near = [] if taken_by else closest_types(live.handle.workflow, event)
        return InjectResult(event=number, accepted_by=taken_by, closest=near)

    def _check_step(self, workflow: Workflow, step: str | None) -> None:
        known = type(workflow)._step_configs()
        if step is not None and step not in known:
            hint = suggestion(step, known)
            raise Refused("unknown_step", f"{type(workflow).__name__} has no step {step!r}", hint=hint)

    def cancel(self, run: str) -> None:
        if run in self._instrument.live or run in self._started:
            self._handle(run).cancel()

    def state(self, run: str) -> dict[str, Any]:
        plain = self._debugger.payloads.plain(dict(self._handle(run).state()))
        return plain if isinstance(plain, dict) else {}

    def _handle(self, run: str) -> Any:
        if live := self._instrument.live.get(run):
            return live.handle
        if run in self._started:
            return self._started[run][0]._run
        raise self._unknown(run)

    def _unknown(self, run: str) -> Refused:
        hint = suggestion(run, self.live_runs()) or "no run is live; start one"
        return Refused("unknown_run", f"there is no live run {run!r}", hint=hint)

    # -- snapshots
    def snapshot(self, run: str) -> SnapshotResult:
        live = self._instrument.live.get(run)
        if live is None:
            raise self._unknown(run)
        try:
            context = live.handle.snapshot()
        except Exception as error:
            hint = "give the value a JSON form, or restart the host, which ends the run"
            raise Refused(
                "cannot_snapshot", f"the run can't be frozen: {safe_str(error)}", hint=hint
            ) from error
        data = {
            "run": run,
            "elapsed": self._debugger.tracer.elapsed(run),
            "events": context["broker"]["emissions"],
            "unrecorded": [p["id"] for p in context["broker"]["pending"] if p["id"] not in live.on_their_way],
            "context": context,
        }
        restarts = dict.fromkeys(live.active[invocation][0] for invocation in live.began)
        return SnapshotResult(snapshot=data, restarts=list(restarts))

    def checkpoint(self, run: str) -> SnapshotResult:
        return self.snapshot(run)

    def resume(self, offer: Offer, snapshot: Mapping[str, Any], drop_lost: bool) -> tuple[str, list[str]]:
        run, context = str(snapshot["run"]), dict(snapshot["context"])
        if run in self.live_runs():
            raise Refused("unknown_run", f"run {run!r} is live here already")
        flow = self._make(offer)
        context, lost = carry_over(flow, context)
        if lost and not drop_lost:
            parts = "1 part" if len(lost) == 1 else f"{len(lost)} parts"
            text = f"{parts} of the run can't go on with the changed code"
            hint = "go on without them, or restore the code"
            raise Refused("cannot_carry_over", text, fields=lost, hint=hint)
        recorded = Recorded(
            snapshot["elapsed"], snapshot["events"], frozenset(snapshot["unrecorded"]), waiting_steps(context)
        )
        self._instrument.continued[run] = recorded
        try:
            handler = flow.run(ctx=Context.from_dict(flow, context), run_id=run)
        except Exception as error:
            del self._instrument.continued[run]
            raise Refused("cannot_carry_over", f"the run can't go on: {safe_str(error)}") from error
        return self._keep(handler), [f"{f.field}: {f.message}" for f in lost]


def _open_journal(file: str) -> SqliteJournal:
    from wf_core.engine.journal import SqliteJournal

    try:
        return SqliteJournal(file)
    except (sqlite3.Error, ValueError) as error:
        hint = "name a file that a run was kept in, or a new one"
        raise Refused("invalid_input", f"{file} is no journal: {error}", hint=hint) from error
