"""The backend for flows written on llama-index-workflows.

The genuine engine runs them, unmodified; the debugger is a runtime of that engine (see `runtime`). The
package may be absent from the interpreter, so nothing here imports it before user code has.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any

from wf_debug.backends import building, hints, offers
from wf_debug.backends.base import Offer
from wf_debug.backends.event_types import is_loaded
from wf_debug.backends.llamaindex import versions
from wf_debug.backends.llamaindex.arrival import when_imported
from wf_debug.backends.refusal import Refused
from wf_debug.control.debugger import Debugger
from wf_debug.control.names import suggestion
from wf_debug.control.payload import safe_str
from wf_debug.graph import SourceRef
from wf_debug.trace.records import Injected, Note
from wf_debug.wire import InjectResult, SnapshotResult

if TYPE_CHECKING:
    from wf_debug.backends.llamaindex.run import LiveRun
    from wf_debug.backends.llamaindex.runtime import DebugRuntime

_IMPORT_NAME = "workflows"


class LlamaIndexBackend:
    """Debugs runs of llama-index-workflows; see `Backend` for what the methods promise."""

    name = "llamaindex"

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._runtime: DebugRuntime | None = None
        self._scope = ExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        """What runs beside the runs; a run that was started here is held on to by its task."""

    @property
    def version(self) -> str:
        return versions.installed()

    def attach(self) -> None:
        when_imported(_IMPORT_NAME, self._arrived)

    def _arrived(self) -> None:
        """User code has the engine: workflows made from now on in this context are debugged."""
        if _workflow_class() is None:
            return
        if not versions.is_supported(found := versions.installed()):
            if not self._debugger.loading:  # a script: nothing is refused, so it must be told
                message, hint = versions.too_old(found)
                text = f"runs of this script are not debugged: {message}; {hint}"
                self._debugger.tracer.emit(Note, level="warning", text=text)
            return
        from wf_debug.backends.llamaindex.listening import listen
        from wf_debug.backends.llamaindex.runtime import DebugRuntime

        self._runtime = DebugRuntime(self._debugger)
        listen(self._debugger, self._runtime)
        self._scope.enter_context(self._runtime.registering())

    # -- flows
    def stand_in(self) -> None:
        """Nothing to do: the names are this engine's own."""

    def find(self, module: ModuleType) -> list[Offer]:
        base = _workflow_class()
        if base is None:
            return []
        if self._runtime is None:
            self._refuse_old(module, base)
            return []
        from wf_debug.backends.llamaindex.adopting import adopt
        from wf_debug.backends.llamaindex.dialect import DIALECT

        adopt(module, self._runtime)
        return offers.find(module, DIALECT, self._debugger.user_code)

    def describe(self, flow: Any) -> Offer | None:
        base = _workflow_class()
        if self._runtime is None or base is None or not isinstance(flow, base):
            return None
        from wf_debug.backends.llamaindex.dialect import DIALECT

        return offers.describe(flow, DIALECT, self._debugger.user_code)

    def _refuse_old(self, module: ModuleType, base: type) -> None:
        values = vars(module).values()
        if any(isinstance(v, base) or (isinstance(v, type) and issubclass(v, base)) for v in values):
            message, hint = versions.too_old(versions.installed())
            where = SourceRef(file=str(module.__file__), line=1)
            raise Refused("missing_package", message, hint=hint, where=where)

    # -- events
    def fields(self, value: Any) -> Mapping[str, Any] | None:
        if self._runtime is None:
            return None
        from wf_debug.backends.llamaindex.events import fields_of

        return fields_of(value)

    def build(self, workflow: type, type_name: str, data: Mapping[str, Any]) -> Any:
        assert self._runtime is not None
        known = self._runtime.met.known(workflow)
        if type_name not in known:
            text = f"the workflow has no event type {type_name!r}"
            raise Refused("unknown_event", text, hint=suggestion(type_name, known))
        return building.build(known[type_name], data)

    def knows_event(self, name: str) -> bool:
        if self._runtime is None:
            return False
        from workflows.events import Event

        return is_loaded(Event, name)

    def rebuild(self, original: Any, data: Mapping[str, Any]) -> Any:
        from wf_debug.backends.llamaindex.events import rebuild

        return rebuild(original, data)

    # -- runs
    def live_runs(self) -> list[str]:
        return list(self._runtime.live) if self._runtime else []

    def workflow_of(self, run: str) -> type:
        return type(self._live(run).workflow)

    def on_loop_of(self, run: str, job: Callable[[], None]) -> None:
        self._live(run).loop.call_soon_threadsafe(job)

    def _live(self, run: str) -> LiveRun:
        found = self._runtime.live.get(run) if self._runtime else None
        if found is None:
            hint = suggestion(run, self.live_runs()) or "no run is live; start one"
            raise Refused("unknown_run", f"there is no live run {run!r}", hint=hint)
        return found

    def start(self, offer: Offer, data: Mapping[str, Any], journal: str | None = None) -> str:
        if journal is not None:
            raise _no_journal()
        flow = self._make(offer)
        start = building.build(flow.start_event_class, data)
        return self._run(offer, flow, start_event=start)

    def _make(self, offer: Offer) -> Any:
        try:
            with self._runtime.registering() if self._runtime else nullcontext():
                return offer.make()
        except Exception as error:
            user_code = self._debugger.user_code
            raise Refused(
                "invalid_workflow",
                f"{offer.info.name}() raises {type(error).__name__}: {safe_str(error)}",
                where=user_code.place_in(error.__traceback__) or offer.info.source,
                traceback=user_code.traceback_of(error),
            ) from error

    def _run(self, offer: Offer, flow: Any, **arguments: Any) -> str:
        """Start it and hold on to it until it has ended."""
        assert self._runtime is not None
        run_id: str = arguments.pop("run_id", None) or uuid.uuid4().hex[:10]
        self._runtime.started_here.add(run_id)
        try:
            with self._runtime.registering():
                handler = flow.run(run_id=run_id, **arguments)
        except Exception as error:
            text = f"{offer.info.name} can't start: {type(error).__name__}: {safe_str(error)}"
            raise Refused("invalid_workflow", text, where=offer.info.source) from error
        finally:
            self._runtime.started_here.discard(run_id)
        self._keep(_see_to_its_end(handler))
        return run_id

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def inject(self, run: str, event: Any, step: str | None) -> InjectResult:
        from wf_debug.backends.llamaindex.adapters import add_event
        from wf_debug.backends.llamaindex.recorder import taken_in

        assert self._runtime is not None
        live = self._live(run)
        if step is not None and step not in live.steps:
            text = f"{type(live.workflow).__name__} has no step {step!r}"
            raise Refused("unknown_step", text, hint=suggestion(step, live.steps))
        woken = [w.step for w in live.awaiting(event)]
        taken_by = [*(s for s in live.accepting(event, step) if s not in woken), *woken]
        payload = self._debugger.payloads.encode(event)
        self._debugger.tracer.emit(Injected, run, type=type(event).__name__, target=step, payload=payload)
        emission = self._runtime.recorder.emitted(live, event, "injected", None, step)
        self._keep(live.external.send_emitted(add_event(event, step), emission))
        near = [] if taken_by else hints.closest_types(taken_in(live), type(event))
        return InjectResult(event=emission.number, accepted_by=taken_by, closest=near)

    def cancel(self, run: str) -> None:
        from workflows.runtime.types.ticks import TickCancelRun

        live = self._runtime.live.get(run) if self._runtime else None
        if live is not None and live.external is not None:
            self._keep(live.external.send_event(TickCancelRun()))

    def state(self, run: str) -> dict[str, Any]:
        from wf_debug.backends.llamaindex.store import read_now

        live = self._live(run)
        store = live.external.get_state_store()
        plain = self._debugger.payloads.plain(read_now(store))
        return plain if isinstance(plain, dict) else {}

    # -- snapshots
    def snapshot(self, run: str) -> SnapshotResult:
        from wf_debug.backends.llamaindex.snapshot import written_down

        return written_down(self._live(run), self._debugger)

    def checkpoint(self, run: str) -> SnapshotResult:
        from wf_debug.backends.llamaindex.snapshot import kept_here

        return kept_here(self._live(run), self._debugger)

    def resume_journal(self, offer: Offer, journal: str) -> str:
        raise _no_journal()

    def resume(self, offer: Offer, snapshot: Mapping[str, Any], drop_lost: bool) -> tuple[str, list[str]]:
        from wf_debug.backends.llamaindex.snapshot import thaw

        assert self._runtime is not None
        run = str(snapshot["run"])
        if run in self.live_runs():
            raise Refused("unknown_run", f"run {run!r} is live here already")
        flow = self._make(offer)
        thawed = thaw(flow, snapshot, drop_lost)
        self._runtime.continued[run] = thawed.known
        try:
            self._run(offer, flow, ctx=thawed.context, run_id=run)
        except Refused as refused:
            self._runtime.continued.pop(run, None)
            raise Refused("cannot_carry_over", f"the run can't go on: {refused}") from refused
        self._keep(thawed.send_rest(self._live(run), self._debugger.clock))
        return run, thawed.lost


def _workflow_class() -> type | None:
    """The engine's own, if user code has imported it: not that of another package of the same name, nor one
    that stands in for it."""
    found = getattr(sys.modules.get(_IMPORT_NAME), "Workflow", None)
    genuine = isinstance(found, type) and found.__module__ == f"{_IMPORT_NAME}.workflow"
    return found if genuine else None


async def _see_to_its_end(handler: Any) -> None:
    try:
        await handler
    except BaseException:
        return  # recorded as the end of the run


def _no_journal() -> Refused:
    return Refused(
        "invalid_input",
        "runs of llama-index-workflows keep no journal",
        hint="--engine native runs the same flow on the engine that does",
    )
