"""What a person at the debugger decides, and what a gate does about it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.clock import FreezableClock
from wf_debug.control.interception import Delayed, Interceptor
from wf_debug.control.matching import Armed, BreakpointIndex, Classes, ConditionFailed, Scene, arm
from wf_debug.control.resolve import Resolved
from wf_debug.control.tracer import Tracer
from wf_debug.control.visit import Decision, Visit
from wf_debug.trace.records import (
    ClockPaused,
    ClockResumed,
    Held,
    HoldReason,
    Note,
    Payload,
    Released,
    When,
)


@dataclass(slots=True)
class Hold:
    """One parked visit."""

    id: int
    visit: Visit
    reason: HoldReason
    payload: Payload
    breakpoint: int | None = None
    rule: Armed | None = None
    """What happens to it when it is accepted."""


class UnknownHold(LookupError):
    """Nothing is held under that number."""


@dataclass(slots=True)
class _Trail:
    """What is followed in one run: the events, and the invocations whose events will be."""

    events: set[int] = field(default_factory=set)
    invocations: set[int] = field(default_factory=set)


class Controller:
    """Decides at the gates of all runs. Thread-safe: gates are visited on the runs' loops, commands come
    from elsewhere.

    While something is held, or all is paused, the clock stands still.
    """

    def __init__(self, tracer: Tracer, clock: FreezableClock, encode: Callable[[Any], Payload]) -> None:
        self._tracer, self._clock = tracer, clock
        self.interceptor = Interceptor(tracer, clock, encode)
        self._lock = threading.RLock()
        self._index = BreakpointIndex()
        self._holds: dict[int, Hold] = {}
        self._ids = itertools.count(1)
        self._trails: dict[str, _Trail] = {}
        self._changers: dict[str, dict[int, int]] = {}
        """By run: invocations to be held as they end, for a state they changed, each with the breakpoint."""
        self.on_park: Callable[[str], None] = _nobody
        """Told of the run whenever something of it was parked."""
        self._paused = False
        self._parking: HoldReason | None = None
        self._before_freeze: tuple[bool, HoldReason | None] | None = None

    # -- what is so
    @property
    def paused(self) -> bool:
        """Whether the run clock stands still."""
        return self._clock.frozen

    @property
    def frozen(self) -> bool:
        """Whether all is parked by `freeze`, and nobody decided otherwise since."""
        return self._before_freeze is not None

    def holds(self) -> list[Hold]:
        """What is held, oldest first."""
        with self._lock:
            return list(self._holds.values())

    def hold(self, hold_id: int) -> Hold:
        """Raises: UnknownHold."""
        with self._lock:
            if hold_id not in self._holds:
                held = ", ".join(map(str, self._holds)) or "nothing"
                raise UnknownHold(f"nothing is held under number {hold_id} any more; held now: {held}")
            return self._holds[hold_id]

    # -- the gates
    def watches(self, run: str, when: When, step: str | None, classes: Classes) -> bool:
        """Whether a visit could be of any interest: the cheap question asked first."""
        if self._index.candidates(when, step, classes):
            return True
        if when == "deliver":
            return self._parking is not None or run in self._trails
        if when == "after" and run in self._changers:
            return True
        return run in self._trails and when in ("emit", "after")

    def visit(self, visit: Visit) -> Hold | Delayed | Decision | None:
        """None: go on; a decision of a rule: go on like that. Else `visit.decide` will be called."""
        with self._lock:
            followed = self._followed(visit)
            stop, rule = self._breakpoint_stop(visit)
            if stop is None and visit.when == "deliver":
                if followed:
                    stop = ("follow", None)
                elif self._parking is not None:
                    stop = (self._parking, None)
            if stop is not None:
                return self._park(visit, *stop, rule)
            return None if rule is None else self.interceptor.answer(visit, rule)

    def state_changed(
        self, run: str, path: str, step: str | None, invocation: int | None, scene: Callable[[], Scene]
    ) -> None:
        """The state at the dotted `path` was changed, by a step or (no invocation) from outside."""
        if not self._index.of_state:
            return
        with self._lock:
            for armed in self._index.of_state:
                point = armed.breakpoint
                if point.step in (None, step) and _touches(path, str(point.state)):
                    self._changed(armed, run, path, invocation, scene())

    def _changed(self, armed: Armed, run: str, path: str, invocation: int | None, scene: Scene) -> None:
        if not self._hits(armed, run, scene):
            return
        if armed.breakpoint.action == "pause" or invocation is None:
            text = f"breakpoint {armed.breakpoint.id}: state.{path} was changed; everything is paused"
            self._tracer.emit(Note, run, text=text)
            self.pause()
        if invocation is not None:
            self._changers.setdefault(run, {})[invocation] = armed.breakpoint.id

    def _followed(self, visit: Visit) -> bool:
        trail = self._trails.get(visit.run)
        if trail is None:
            return False
        if visit.when == "emit" and visit.source in trail.invocations:
            trail.events.update(visit.events)
        return visit.when == "deliver" and not trail.events.isdisjoint(visit.events)

    def _breakpoint_stop(self, visit: Visit) -> tuple[tuple[HoldReason, int | None] | None, Armed | None]:
        """Run every breakpoint that matches; of those that want to stop, and of the rules, the first
        decides."""
        stop: tuple[HoldReason, int | None] | None = None
        rule: Armed | None = None
        if visit.when == "after" and visit.invocation is not None and visit.run in self._changers:
            point = self._changers[visit.run].pop(visit.invocation, None)
            stop = None if point is None else ("breakpoint", point)
        for armed in self._index.candidates(visit.when, visit.step, visit.classes):
            if not self._hits(armed, visit.run, visit.scene):
                continue
            if armed.breakpoint.intercepts:
                rule = rule or armed
            elif stop is None:
                stop = ("run_to" if armed.breakpoint.id == 0 else "breakpoint", armed.breakpoint.id or None)
                if armed.breakpoint.once:
                    self._index = self._index.without(armed)
                if armed.breakpoint.action == "pause":
                    self._paused, self._parking = True, "pause"
        return stop, rule

    def _hits(self, armed: Armed, run: str, scene: Scene) -> bool:
        try:
            if not armed.hit(scene):
                return False
            if armed.breakpoint.action != "log":
                return True
            self._tracer.emit(Note, run, text=armed.message(scene))
        except ConditionFailed as error:
            self.interceptor.complain(armed, run, str(error))
        return False

    def _park(
        self, visit: Visit, reason: HoldReason, breakpoint_id: int | None = None, rule: Armed | None = None
    ) -> Hold:
        hold = Hold(next(self._ids), visit, reason, visit.payload(), breakpoint_id, rule)
        self._holds[hold.id] = hold
        self._tracer.emit(
            Held,
            visit.run,
            hold=hold.id,
            when=visit.when,
            reason=reason,
            breakpoint=breakpoint_id,
            event=visit.event,
            type=visit.type,
            payload=hold.payload,
            **visit.actor(),
        )
        self._set_clock()
        self.on_park(visit.run)
        return hold

    # -- commands: the whole
    def pause(self) -> None:
        """Park every delivery from now on."""
        with self._lock:
            self._before_freeze = None
            self._paused, self._parking = True, "pause"
            self._set_clock()

    def freeze(self) -> None:
        """Pause for as long as a snapshot is carried elsewhere."""
        with self._lock:
            if self._before_freeze is None:
                before = self._paused, self._parking
                self.pause()
                self._before_freeze = before

    def thaw(self) -> None:
        """Be as before `freeze`: what it parked goes on, what was held or paused stays so. Does nothing when
        somebody decided otherwise since."""
        with self._lock:
            if self._before_freeze is None:
                return
            (self._paused, self._parking), self._before_freeze = self._before_freeze, None
            for hold in [h for h in self._holds.values() if h.reason == "pause" and self._parking is None]:
                self._decide(hold, Decision("accept"))
            self._set_clock()

    def resume(self) -> None:
        """End the pause, stop following, accept everything held."""
        with self._lock:
            self._before_freeze = None
            self._paused, self._parking = False, None
            self._trails.clear()
            self.accept_all()

    def accept_all(self) -> None:
        """Accept what is held now, in order."""
        with self._lock:
            for hold in list(self._holds.values()):
                self._decide(hold, Decision("accept"))
            self._set_clock()

    def step_next(self, hold_id: int | None = None) -> None:
        """Let one delivery through (the oldest by default) and park the next; the clock runs until then.

        Raises: UnknownHold.
        """
        with self._lock:
            chosen = self.hold(hold_id) if hold_id is not None else next(iter(self._holds.values()), None)
            self._before_freeze = None
            self._paused, self._parking = False, "step"
            if chosen is not None:
                self._decide(chosen, Decision("accept"))
            self._set_clock()

    def follow(self, hold_id: int) -> None:
        """Accept a held event and park what it causes. Raises: UnknownHold."""
        with self._lock:
            visit = self.hold(hold_id).visit
            trail = self._trails.setdefault(visit.run, _Trail())
            trail.events.clear()
            if visit.when == "emit":
                trail.events.update(visit.events)
            elif visit.invocation is not None:
                trail.invocations = {visit.invocation}
            self._before_freeze = None
            self._paused = False
            self.release(hold_id, Decision("accept"))

    def run_to(self, step: str) -> None:
        """Go on; park the next delivery to this step."""
        with self._lock:
            self._index = self._index.with_(arm(Breakpoint(step=step, once=True)))
            self.resume()

    def release(self, hold_id: int, decision: Decision) -> None:
        """Decide over one held visit. Raises: UnknownHold."""
        with self._lock:
            self._decide(self.hold(hold_id), decision)
            self._set_clock()

    def set_breakpoints(self, resolved: Sequence[Resolved]) -> None:
        """Replace all breakpoints by those that can match; the hits of unchanged ones stay counted."""
        with self._lock:
            old = {a.breakpoint: a for a in self._index}
            new = [old.get(r.breakpoint, r.armed) for r in resolved if r.armed is not None]
            self._index = BreakpointIndex([a for a in new if a is not None])

    def forget_run(self, run: str) -> None:
        """The run is over: nothing of it stays held or followed."""
        with self._lock:
            self._trails.pop(run, None)
            self._changers.pop(run, None)
            for hold in [h for h in self._holds.values() if h.visit.run == run]:
                self._decide(hold, Decision("cancelled"))
            self._set_clock()

    def forget_invocation(self, run: str, invocation: int) -> None:
        """The invocation was cut off while parked."""
        with self._lock:
            for hold in [
                h for h in self._holds.values() if (h.visit.run, h.visit.invocation) == (run, invocation)
            ]:
                self._decide(hold, Decision("cancelled"))
            self._set_clock()

    # -- inside
    def _decide(self, hold: Hold, decision: Decision) -> None:
        del self._holds[hold.id]
        visit = hold.visit
        self._tracer.emit(Released, visit.run, hold=hold.id, action=decision.verb, **visit.actor())
        if decision.verb == "accept" and hold.rule is not None:
            answer = self.interceptor.answer(visit, hold.rule, waited=True)
            decision = answer if isinstance(answer, Decision) else decision
        else:
            self.interceptor.record(visit, decision, hold=hold.id, before=hold.payload)
        visit.decide(decision)

    def _set_clock(self) -> None:
        """Freeze or thaw as holds and pause demand, and say so."""
        if self._paused or self._holds:
            if self._clock.freeze():
                self._tracer.emit(ClockPaused)
        elif self._clock.thaw():
            self._tracer.emit(ClockResumed)


def _nobody(run: str) -> None:
    pass


def _touches(path: str, watched: str) -> bool:
    """Whether a change at `path` changes what is at `watched`: the same, above it or inside it."""
    return path == watched or path.startswith(f"{watched}.") or watched.startswith(f"{path}.") or not path
