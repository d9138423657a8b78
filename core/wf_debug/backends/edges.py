"""The edges that steps and event classes imply, for any engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wf_debug.graph import HUMAN, START, STOP, Edge, EventType, Step


@dataclass(frozen=True, slots=True)
class Wiring:
    """What of a step matters to its edges beside the step itself."""

    step: Step
    catches: Sequence[str] | None = None
    """Names of the steps whose failures a `catch_error` step handles, None for all."""
    accepts_subclasses: bool = False


def edges_of(wirings: Sequence[Wiring], events: Sequence[EventType]) -> tuple[Edge, ...]:
    """Each once, those into a step before those out of it."""
    return tuple(dict.fromkeys(_Edges(wirings, {e.name: e for e in events})))


class _Edges:
    def __init__(self, wirings: Sequence[Wiring], events: Mapping[str, EventType]) -> None:
        self._wirings, self._events = wirings, events
        self._produced = {name for w in wirings for name in w.step.emits}

    def __iter__(self) -> Iterator[Edge]:
        for wiring in self._wirings:
            yield from self._into(wiring)
        for wiring in self._wirings:
            yield from self._out_of(wiring.step)

    def _role(self, name: str) -> str:
        return self._events[name].role if name in self._events else "event"

    def _into(self, wiring: Wiring) -> Iterator[Edge]:
        step = wiring.step
        for name in step.accepts:
            role = self._role(name)
            if role == "start":
                yield Edge(source=START, target=step.name, event=name)
            elif role == "human_response":
                yield Edge(source=HUMAN, target=step.name, event=name)
            elif role == "step_failed":
                yield from (Edge(source=s, target=step.name, event=name) for s in self._caught_by(wiring))
        for name in step.waits_for:
            if name not in self._produced:
                yield Edge(source=HUMAN, target=step.name, event=name, origin="waited")

    def _caught_by(self, handler: Wiring) -> Sequence[str]:
        claimed = {name for w in self._wirings if w is not handler for name in w.catches or ()}
        steps = [w.step for w in self._wirings]
        ordinary = [s.name for s in steps if s.role != "catch_error" and s.name not in claimed]
        return ordinary if handler.catches is None else handler.catches

    def _out_of(self, step: Step) -> Iterator[Edge]:
        for name in step.emits:
            role = self._role(name)
            if role == "stop":
                yield Edge(source=step.name, target=STOP, event=name)
            if role == "input_required":
                yield Edge(source=step.name, target=HUMAN, event=name)
            for taker in self._wirings:
                if self._takes(taker, name):
                    yield Edge(source=step.name, target=taker.step.name, event=name)
                if name in taker.step.waits_for:
                    yield Edge(source=step.name, target=taker.step.name, event=name, origin="waited")

    def _takes(self, taker: Wiring, name: str) -> bool:
        if name in taker.step.accepts:
            return True
        if not taker.accepts_subclasses or name not in self._events:
            return False
        return any(base in self._events[name].bases for base in taker.step.accepts)
