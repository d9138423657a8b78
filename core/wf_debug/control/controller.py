"""What a person at the debugger decides, and what a gate does about it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.clock import FreezableClock
from wf_debug.control.matching import Armed, BreakpointIndex, Classes, ConditionFailed, Scene, arm
from wf_debug.control.resolve import Resolved
from wf_debug.control.tracer import Tracer
from wf_debug.trace.records import (
    ClockPaused,
    ClockResumed,
    Dropped,
    Duplicated,
    Edited,
    Held,
    HoldReason,
    Note,
    Payload,
    Released,
    When,
)

Verb = Literal["accept", "edit", "drop", "duplicate", "cancelled"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a held thing. `value` replaces it for "edit"."""

    verb: Verb
    value: Any = None


@dataclass(slots=True)
class Visit:
    """Something at one of the gates, asking to go on.

    `classes` are those a breakpoint may name (the event's; for "after" those of inputs, results and
    exception). `events` are the numbers of the emitted events it is made of. `decide` lets it go on, from
    any thread.
    """

    run: str
    when: When
    type: str
    classes: Classes
    scene: Scene
    payload: Callable[[], Payload]
    decide: Callable[[Decision], None]
    value: Any = None
    """What "edit" starts from: the event; None for anything but one event."""
    step: str | None = None
    invocation: int | None = None
    attempt: int = 0
    events: tuple[int, ...] = ()
    source: int | None = None
    """For "emit": the invocation that emitted the event."""

    @property
    def event(self) -> int | None:
        return self.events[0] if self.events else None


@dataclass(slots=True)
class Hold:
    """One parked visit."""

    id: int
    visit: Visit
    reason: HoldReason
    payload: Payload
    breakpoint: int | None = None


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
        self._tracer, self._clock, self._encode = tracer, clock, encode
        self._lock = threading.RLock()
        self._index = BreakpointIndex()
        self._holds: dict[int, Hold] = {}
        self._ids = itertools.count(1)
        self._trails: dict[str, _Trail] = {}
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
        return run in self._trails and when in ("emit", "after")

    def visit(self, visit: Visit) -> Hold | None:
        """None: go on. Else the visit is parked and `visit.decide` will be called."""
        with self._lock:
            followed = self._followed(visit)
            stop = self._breakpoint_stop(visit)
            if stop is not None:
                return self._park(visit, *stop)
            if visit.when == "deliver" and followed:
                return self._park(visit, "follow")
            if visit.when == "deliver" and self._parking is not None:
                return self._park(visit, self._parking)
            return None

    def _followed(self, visit: Visit) -> bool:
        trail = self._trails.get(visit.run)
        if trail is None:
            return False
        if visit.when == "emit" and visit.source in trail.invocations:
            trail.events.update(visit.events)
        return visit.when == "deliver" and not trail.events.isdisjoint(visit.events)

    def _breakpoint_stop(self, visit: Visit) -> tuple[HoldReason, int | None] | None:
        """Run every breakpoint that matches; the first that wants to stop decides."""
        stop: tuple[HoldReason, int | None] | None = None
        for armed in self._index.candidates(visit.when, visit.step, visit.classes):
            if self._hits(armed, visit) and stop is None:
                stop = ("run_to" if armed.breakpoint.id == 0 else "breakpoint", armed.breakpoint.id or None)
                if armed.breakpoint.once:
                    self._index = self._index.without(armed)
                if armed.breakpoint.action == "pause":
                    self._paused, self._parking = True, "pause"
        return stop

    def _hits(self, armed: Armed, visit: Visit) -> bool:
        try:
            if not armed.hit(visit.scene):
                return False
            if armed.breakpoint.action != "log":
                return True
            self._tracer.emit(Note, visit.run, text=armed.message(visit.scene))
        except ConditionFailed as error:
            if (text := str(error)) not in armed.complained:
                armed.complained.add(text)
                self._tracer.emit(Note, visit.run, level="error", text=text)
        return False

    def _park(self, visit: Visit, reason: HoldReason, breakpoint_id: int | None = None) -> Hold:
        hold = Hold(next(self._ids), visit, reason, visit.payload(), breakpoint_id)
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
            **_actor(visit),
        )
        self._set_clock()
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
        self._tracer.emit(Released, visit.run, hold=hold.id, action=decision.verb, **_actor(visit))
        self._record_intervention(hold, decision)
        visit.decide(decision)

    def _record_intervention(self, hold: Hold, decision: Decision) -> None:
        visit = hold.visit
        about = {"hold": hold.id, "event": visit.event, "type": visit.type, **_actor(visit)}
        if decision.verb == "edit":
            after = self._encode(decision.value)
            self._tracer.emit(Edited, visit.run, before=hold.payload, after=after, **about)
        elif decision.verb == "drop":
            self._tracer.emit(Dropped, visit.run, **about)
        elif decision.verb == "duplicate":
            self._tracer.emit(Duplicated, visit.run, **about)

    def _set_clock(self) -> None:
        """Freeze or thaw as holds and pause demand, and say so."""
        if self._paused or self._holds:
            if self._clock.freeze():
                self._tracer.emit(ClockPaused)
        elif self._clock.thaw():
            self._tracer.emit(ClockResumed)


def _actor(visit: Visit) -> Mapping[str, Any]:
    return {"step": visit.step, "invocation": visit.invocation, "attempt": visit.attempt}
