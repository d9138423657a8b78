"""A run as JSON data, and going on from it: the engine's own snapshot and what the debugger knows beside."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows import Context
from workflows.context.serializers import BaseSerializer, JsonSerializer, PickleSerializer
from workflows.runtime import control_loop
from workflows.runtime.types import ticks

from wf_debug.backends.llamaindex.adapters import add_event
from wf_debug.backends.llamaindex.carry import carry_over
from wf_debug.backends.llamaindex.run import Emission, LiveRun, Waiter, Work
from wf_debug.backends.llamaindex.store import read_now
from wf_debug.backends.refusal import Refused
from wf_debug.control.clock import FreezableClock
from wf_debug.control.debugger import Debugger
from wf_debug.control.payload import safe_str
from wf_debug.wire import SnapshotResult

Part = Mapping[str, Any]
_WaiterTimeout: Any = getattr(ticks, "TickWaiterTimeout", None)
"""Engines without it never time a wait out."""


# -- writing down
class _Here:
    """Marks data of this very process, whose pickled parts may be read. Nothing that comes over a wire can be
    one."""


_KEPT_HERE = "kept_here"


def written_down(run: LiveRun, debugger: Debugger) -> SnapshotResult:
    """All of the run as JSON data.

    Raises:
        Refused: cannot_snapshot, naming what has no JSON form.
    """
    return _written_with(serializer_of(run.workflow), run, debugger)


def kept_here(run: LiveRun, debugger: Debugger) -> SnapshotResult:
    """All of the run, what has no JSON form pickled, as the memory of an agent.

    Raises:
        Refused: cannot_snapshot, naming what can't even be pickled.
    """
    result = _written_with(PickleSerializer(), run, debugger)
    result.snapshot[_KEPT_HERE] = _Here()
    return result


def _written_with(serializer: BaseSerializer, run: LiveRun, debugger: Debugger) -> SnapshotResult:
    try:
        state = _state_now(run)
        context = state.to_serialized(serializer)
        context.state = run.external.get_state_store().to_dict(serializer)
        _refuse_left_out(run, context.state)
        written = _Written(run, serializer, debugger.clock.now())
        data = {
            "run": run.run_id,
            "elapsed": debugger.tracer.elapsed(run.run_id),
            "context": context.model_dump(mode="json"),
            "last_event": run.last_event,
            "last_invocation": run.last_invocation,
            "works": [written.work(w) for w in _works(run)],
            "gathered": [written.gathered(step, *kept) for (step, _), kept in run.gathered.items()],
            "pending": [written.pending(e, state) for e in _to_come(run)],
            "waiters": [written.waiter(w) for w in run.waiters],
            "collected": [[step, buffer, types] for (step, buffer), types in run.collected.items()],
        }
    except Refused:
        raise
    except Exception as error:
        hint = "give the value a JSON form, or restart the host, which ends the run"
        text = f"the run can't be frozen: {safe_str(error)}"
        raise Refused("cannot_snapshot", text, hint=hint) from error
    running = [w.step for w in _works(run) if w.waiting or (w.open and not w.parked)]
    return SnapshotResult(snapshot=data, restarts=list(dict.fromkeys(running)))


def serializer_of(workflow: Any) -> BaseSerializer:
    """What the engine would write this workflow's state with."""
    choose = getattr(workflow.runtime, "get_serializer", None)
    return choose(workflow) if choose else JsonSerializer()


def _state_now(run: LiveRun) -> Any:
    """The engine's state: what it began with and everything that happened since."""
    rebuild: Any = control_loop.rebuild_state_from_ticks
    more = {"run_id": run.run_id} if "run_id" in inspect.signature(rebuild).parameters else {}
    state = rebuild(run.init_state, list(run.external.replay()), **more)
    run.decisions.clear()
    return state


def _refuse_left_out(run: LiveRun, serialized: Part) -> None:
    """The engine leaves some keys out of a snapshot without a word; the run would miss them."""
    data = serialized.get("state_data")
    kept = data.get("_data") if isinstance(data, Mapping) else None
    if not isinstance(kept, Mapping):
        return
    if missing := [key for key in read_now(run.external.get_state_store()) if key not in kept]:
        hint = "the engine has no JSON form for it; restart the host, which ends the run"
        text = f"the run can't be frozen: the engine does not save the state's {missing[0]!r}"
        raise Refused("cannot_snapshot", text, hint=hint)


def _works(run: LiveRun) -> list[Work]:
    """Every invocation that is not over, oldest first."""
    queued = (w for works in (*run.delivered.values(), *run.returning.values()) for w in works)
    running = (w for w in run.workers.values() if w.open)
    waiting = (w.work for w in run.waiters if w.work.waiting)
    return sorted(dict.fromkeys([*queued, *running, *waiting, *run.restored]), key=lambda w: w.id)


def _to_come(run: LiveRun) -> Iterator[Emission]:
    """Events on their way. What a running step sent is not among them: the step runs, and sends, again."""
    for emissions in run.on_their_way.values():
        for emission in emissions:
            if emission.by != "prompt" and (emission.source is None or not emission.source.open):
                yield emission
    yield from run.unarrived


class _Written:
    def __init__(self, run: LiveRun, serializer: BaseSerializer, now: float) -> None:
        self._run, self._text, self._now = run, serializer.serialize, now

    def work(self, work: Work) -> dict[str, Any]:
        return {
            "id": work.id,
            "step": work.step,
            "events": work.events,
            "inputs": [self._text(e) for e in work.inputs],
            "attempt": work.attempt,
            "waiting": work.waiting,
        }

    def gathered(self, step: str, event: Any, number: int) -> dict[str, Any]:
        return {"step": step, "event": self._text(event), "number": number}

    def pending(self, emission: Emission, state: Any) -> dict[str, Any]:
        """`saved`: the engine's snapshot has it too."""
        deliveries = getattr(state, "deliveries", {}).values()
        return {
            "event": self._text(emission.event),
            "number": emission.number,
            "by": emission.by,
            "target": emission.target,
            "saved": any(d.event is emission.event for d in deliveries),
        }

    def waiter(self, waiter: Waiter) -> dict[str, Any]:
        left = None if waiter.due is None else max(0.0, waiter.due - self._now)
        return {"step": waiter.step, "id": waiter.id, "work": waiter.work.id, "left": left}


# -- going on
@dataclass
class Known:
    """What the debugger knew of the run, in terms of the present code."""

    elapsed: float
    last_event: int
    last_invocation: int
    works: list[Work]
    gathered: list[tuple[str, Any, int]]
    pending: list[Emission]
    waiters: list[Part]
    collected: list[Any]

    def restore(self, run: LiveRun) -> None:
        """Put it into the run, before the engine starts."""
        run.last_event, run.last_invocation = self.last_event, self.last_invocation
        run.restored, run.unarrived = list(self.works), list(self.pending)
        run.gathered = {(step, id(event)): (event, number) for step, event, number in self.gathered}
        run.collected = {(step, buffer): list(types) for step, buffer, types in self.collected}
        for name, worker in run.init_state.workers.items():
            for waiter in worker.collected_waiters:
                self._restore_waiter(run, str(name), waiter)

    def _restore_waiter(self, run: LiveRun, step: str, waiter: Any) -> None:
        noted = next((w for w in self.waiters if (w["step"], w["id"]) == (step, waiter.waiter_id)), None)
        work = next((w for w in run.restored if noted and w.id == noted["work"]), None)
        if work is None:
            work = run.new_work(step, (), (waiter.event,), None)
            work.waiting = True
        else:
            run.restored.remove(work)
        work.key = id(waiter.event)
        run.waiters.append(Waiter(step, waiter.waiter_id, waiter.waiting_for_event, {}, work))
        if waiter.has_requirements:
            run.comes_back(work)


@dataclass
class Thawed:
    """A snapshot ready to go on."""

    context: Any
    known: Known
    rest: list[Part] = field(default_factory=list)
    """Events on their way that the engine's snapshot lacks."""
    lost: list[str] = field(default_factory=list)

    async def send_rest(self, run: LiveRun, clock: FreezableClock) -> None:
        """What the engine does not do when it goes on: bring in the rest, and time the waits out."""
        for emission in [e for e in run.unarrived if e.number in {part["number"] for part in self.rest}]:
            await run.external.send_emitted(add_event(emission.event, emission.target), emission)
        for noted in self.known.waiters:
            if noted["left"] is not None and _WaiterTimeout is not None:
                self._time_out(run, noted, clock)

    def _time_out(self, run: LiveRun, noted: Part, clock: FreezableClock) -> None:
        waiter = next((w for w in run.waiters if (w.step, w.id) == (noted["step"], noted["id"])), None)
        if waiter is None:
            return
        waiter.due = clock.now() + noted["left"]
        target = add_event(waiter.work.inputs[0], waiter.step)
        tick = _WaiterTimeout(**{_step_field(): _step_value(target)}, waiter_id=waiter.id)
        clock.call_later(noted["left"], lambda: run.send_soon(tick))


def _step_field() -> str:
    return "step_id" if "step_id" in _WaiterTimeout.model_fields else "step_name"


def _step_value(tick: Any) -> Any:
    return getattr(tick, "step_id", None) or getattr(tick, "step_name", None)


def thaw(flow: Any, snapshot: Part, drop_lost: bool) -> Thawed:
    """The snapshot in terms of the present code.

    Raises:
        Refused: cannot_carry_over with one entry for everything that would be lost, unless `drop_lost`.
    """
    here = isinstance(snapshot.get(_KEPT_HERE), _Here)
    serializer = PickleSerializer() if here else serializer_of(flow)
    data, lost = carry_over(flow, snapshot, serializer)
    if lost and not drop_lost:
        parts = "1 part" if len(lost) == 1 else f"{len(lost)} parts"
        text = f"{parts} of the run can't go on with the changed code"
        raise Refused("cannot_carry_over", text, fields=lost, hint="go on without them, or restore the code")
    try:
        context: Any = Context.from_dict(flow, dict(data["context"]), serializer=serializer)
    except Exception as error:
        text = f"the run can't go on: {type(error).__name__}: {safe_str(error)}"
        raise Refused("cannot_carry_over", text) from error
    rest = [part for part in data["pending"] if not part["saved"]]
    return Thawed(context, _known(data, serializer), rest, [f"{f.field}: {f.message}" for f in lost])


def _known(data: Part, serializer: BaseSerializer) -> Known:
    read = serializer.deserialize
    return Known(
        elapsed=data["elapsed"],
        last_event=data["last_event"],
        last_invocation=data["last_invocation"],
        works=[
            Work(
                w["id"],
                w["step"],
                tuple(w["events"]),
                tuple(map(read, w["inputs"])),
                attempt=w["attempt"],
                waiting=w["waiting"],
            )
            for w in data["works"]
        ],
        gathered=[(g["step"], read(g["event"]), g["number"]) for g in data["gathered"]],
        pending=[
            Emission(p["number"], read(p["event"]), p["by"], target=p["target"]) for p in data["pending"]
        ],
        waiters=data["waiters"],
        collected=data["collected"],
    )
