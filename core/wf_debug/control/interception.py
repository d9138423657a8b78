"""What becomes of a visit: what an interception rule makes of it, and the record of every intervention."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wf_debug.control.clock import FreezableClock
from wf_debug.control.matching import Armed
from wf_debug.control.payload import safe_str
from wf_debug.control.tracer import Tracer
from wf_debug.control.visit import Decision, Visit
from wf_debug.trace.records import Dropped, Duplicated, Edited, Note, Payload


class Delayed:
    """The visit goes on by itself, after some seconds of run clock."""


class Interceptor:
    """Applies rules. One that does not fit what it meets is explained once, and all goes on as if it was not
    there."""

    def __init__(self, tracer: Tracer, clock: FreezableClock, encode: Callable[[Any], Payload]) -> None:
        self._tracer, self._clock, self._encode = tracer, clock, encode
        self.edited: Callable[[Visit, Mapping[str, Any]], Any] = _unedited
        """Gives what is at the gate with these fields replaced; raises what says why that can't be."""

    def answer(self, visit: Visit, rule: Armed, *, waited: bool = False) -> Decision | Delayed | None:
        """What the rule makes of the visit, recorded; None: nothing. A delay was long enough for one that has
        `waited`, otherwise it begins now, on the running loop."""
        if rule.breakpoint.action == "delay":
            return None if waited else self._delay(visit, rule)
        try:
            decision = self._decision(visit, rule)
        except Exception as error:
            self.complain(
                rule,
                visit.run,
                f"rule {rule.breakpoint.id} ({rule.breakpoint.describe()}) does not "
                f"fit {visit.type}: {safe_str(error)}",
            )
            return None
        self.record(visit, decision, rule=rule.breakpoint.id)
        return decision

    def record(
        self,
        visit: Visit,
        decision: Decision,
        *,
        hold: int | None = None,
        rule: int | None = None,
        before: Payload | None = None,
    ) -> None:
        """Record what a person (`hold`) or a rule did to the visit; nothing for what goes on as it is."""
        about = {"hold": hold, "rule": rule, "event": visit.event, "type": visit.type, **visit.actor()}
        if decision.verb == "edit":
            before, after = before or visit.payload(), self._encode(decision.value)
            self._tracer.emit(Edited, visit.run, before=before, after=after, **about)
        elif decision.verb == "drop":
            self._tracer.emit(Dropped, visit.run, **about)
        elif decision.verb == "duplicate":
            self._tracer.emit(Duplicated, visit.run, **about)
        elif decision.verb == "raise":
            error = f"{type(decision.value).__name__}: {safe_str(decision.value)}"
            self._tracer.emit(Note, visit.run, text=f"rule {rule}: {visit.step} raises {error}")

    def complain(self, armed: Armed, run: str, text: str) -> None:
        """Once for each text."""
        if text not in armed.complained:
            armed.complained.add(text)
            self._tracer.emit(Note, run, level="error", text=text)

    def _decision(self, visit: Visit, rule: Armed) -> Decision:
        point = rule.breakpoint
        match point.action:
            case "edit":
                return Decision("edit", self.edited(visit, rule.fields))
            case "raise":
                if rule.error is None or not visit.can_raise:
                    raise ValueError("no step can fail here")
                return Decision("raise", rule.error(point.error.partition(":")[2].strip()))
            case "duplicate":
                return Decision("duplicate")
            case _:
                return Decision("drop")

    def _delay(self, visit: Visit, rule: Armed) -> Delayed:
        seconds = rule.breakpoint.delay
        to = f" to {visit.step}" if visit.when == "deliver" and visit.step else ""
        self._tracer.emit(
            Note, visit.run, text=f"rule {rule.breakpoint.id}: {visit.type}{to} waits for {seconds:g} s"
        )
        self._clock.call_later(seconds, lambda: visit.decide(Decision("accept")))
        return Delayed()


def _unedited(visit: Visit, fields: Mapping[str, Any]) -> Any:
    raise ValueError("there is nobody who could edit it")
