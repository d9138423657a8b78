"""The broker's state as JSON, and back.

What was running is written as queued: it runs again. Times are written as what is left of them, so a
restored state can be put on any clock. How much is alive, in the run and in each stream, is counted anew on
reading.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from wf_core.engine import collecting
from wf_core.engine.broker import Broker
from wf_core.engine.collecting import Buffer
from wf_core.engine.plan import FlowPlan
from wf_core.engine.state import Batch, Pending, Stream, Wait, Work
from wf_core.errors import UnserializableError
from wf_core.events import Event, dump_exception, load_exception

logger = logging.getLogger("wf_core")
Encode = Callable[[str, Any], str]
"""A value as text; the first argument says where it was found, for the error."""
Decode = Callable[[str], Any]


def dump(broker: Broker, encode: Encode, now: float) -> dict[str, Any]:
    """The state as JSON data; `now` is the run clock. Raises what `encode` raises."""
    return _Writer(broker, encode, now).state()


def load(plan: FlowPlan, data: Mapping[str, Any], decode: Decode, resolve: Callable[[str], type]) -> Broker:
    """The state that `dump` wrote. What belongs to steps that no longer exist is left out, with a warning.

    `resolve` finds an event class by its qualified name. Raises KeyError, TypeError or ValueError for
    foreign data.
    """
    return _Reader(plan, data, decode, resolve).broker()


class _Writer:
    def __init__(self, broker: Broker, encode: Encode, now: float) -> None:
        self._broker = broker
        self._encode = encode
        self._now = now

    def state(self) -> dict[str, Any]:
        broker = self._broker
        return {
            "emissions": broker.emissions,
            "invocations": broker.invocations,
            "waits_made": broker.wait_count,
            "streams_opened": broker.joins.opened,
            "streams": [self._stream(stream) for stream in broker.joins.streams.values()],
            "works": [self._work(work) for work in self._in_order()],
            "waits": [saved for wait in broker.waits.values() if (saved := self._wait(wait)) is not None],
            "pending": [self._pending(pending) for pending in broker.pending.values()],
            "buffers": self._buffers(),
            "slots": {
                name: [self._pending(pending) for pending in state.slots]
                for name, state in broker.steps.items()
                if state.slots
            },
        }

    def _buffers(self) -> dict[str, dict[str, list[str]]]:
        """The buffers as they will be for works in flight, which run again."""
        steps = self._broker.steps
        buffers = {name: dict(state.buffers) for name, state in steps.items() if state.buffers}
        for work in self._broker.works.values():
            if work.collected:
                collecting.undo(buffers[work.step], work.collected)
        return {
            name: {key: self._events(f"collected by {name}", buffer.events) for key, buffer in kept.items()}
            for name, kept in buffers.items()
        }

    def _in_order(self) -> list[Work]:
        queued = [work for state in self._broker.steps.in_order() for work in state.queue]
        waiting_in_line = {work.id for work in queued}
        return [w for w in self._broker.works.values() if w.id not in waiting_in_line] + queued

    def _events(self, place: str, events: Any) -> list[str]:
        return [self._encode(place, event) for event in events]

    def _stream(self, stream: Stream) -> dict[str, Any]:
        return {
            "id": stream.id,
            "source": stream.source,
            "parent": stream.parent.id if stream.parent else None,
            "joins": {
                name: {
                    "events": self._events(f"joined by {name}", batch.events),
                    "emissions": batch.emissions,
                    "released": batch.released,
                }
                for name, batch in stream.joins.items()
            },
        }

    def _work(self, work: Work) -> dict[str, Any]:
        place = f"input of step {work.step!r}"
        error = work.last_error
        answers = work.answers or {}
        return {
            "id": work.id,
            "step": work.step,
            "events": self._events(place, work.events),
            "emissions": list(work.emissions),
            "trigger": work.trigger,
            "attempt": work.attempt,
            "scope": work.scope.id if work.scope else None,
            "recoveries": dict(work.recoveries),
            "elapsed": None if work.began is None else self._now - work.began,
            "failed_at": work.failed_at,
            "last_error": None if error is None else dump_exception(error),
            "delay": self._left(work.due) if work.id in self._broker.delayed else None,
            "answers": {k: None if e is None else self._encode(place, e) for k, e in answers.items()},
            "asked": sorted(work.asked or ()),
        }

    def _wait(self, wait: Wait) -> dict[str, Any] | None:
        """None if its requirements can't be written: the step then runs again, and says them again."""
        try:
            requirements = self._encode("requirements of a wait", dict(wait.requirements))
        except UnserializableError:
            return None
        return {
            "id": wait.id,
            "work": wait.work.id,
            "key": wait.key,
            "kind": f"{wait.kind.__module__}.{wait.kind.__qualname__}",
            "requirements": requirements,
            "timeout": None if wait.timeout is None else self._left(wait.deadline),
        }

    def _pending(self, pending: Pending) -> dict[str, Any]:
        return {
            "id": pending.id,
            "event": self._encode("an event on its way", pending.event),
            "how": pending.how,
            "source": pending.source,
            "target": pending.target,
            "scope": pending.scope.id if pending.scope else None,
            "recoveries": dict(pending.recoveries),
        }

    def _left(self, deadline: float | None) -> float:
        return max(0.0, (deadline or self._now) - self._now)


class _Reader:
    def __init__(
        self, plan: FlowPlan, data: Mapping[str, Any], decode: Decode, resolve: Callable[[str], type]
    ) -> None:
        self._broker = Broker(plan)
        self._data = data
        self._decode = decode
        self._resolve = resolve
        self._streams: dict[int | None, Stream | None] = {None: None}

    def broker(self) -> Broker:
        data, broker = self._data, self._broker
        broker.emissions = data["emissions"]
        broker.invocations = data["invocations"]
        broker.wait_count = data["waits_made"]
        broker.joins.opened = data["streams_opened"]
        for each in data["streams"]:
            self._stream(each)
        waiting = {each["work"] for each in data["waits"]}
        for each in data["works"]:
            if self._known(each["step"]):
                self._work(each, suspended=each["id"] in waiting)
        for each in data["waits"]:
            if each["work"] in broker.works:
                self._wait(each)
        for each in data["pending"]:
            self._alive(self._pending(each))
        self._gathered()
        return broker

    def _known(self, step: str) -> bool:
        if step in self._broker.plan.steps:
            return True
        logger.warning("The snapshot has work for step %r, which the workflow does not have; left out", step)
        return False

    def _events(self, texts: list[str]) -> list[Event]:
        return [self._decode(text) for text in texts]

    def _stream(self, data: Mapping[str, Any]) -> None:
        parent = self._streams[data["parent"]]
        stream = Stream(data["id"], data["source"], parent)
        for name, kept in data["joins"].items():
            if self._known(name):
                batch = stream.joins[name] = Batch()
                batch.events = self._events(kept["events"])
                batch.emissions = list(kept["emissions"])
                batch.released = kept["released"]
                if parent is not None and not batch.released:
                    parent.open += 1
        self._streams[stream.id] = self._broker.joins.streams[stream.id] = stream

    def _work(self, data: Mapping[str, Any], *, suspended: bool) -> None:
        broker = self._broker
        plan = broker.plan.steps[data["step"]]
        scope = self._streams.get(data["scope"])
        events = tuple(self._events(data["events"]))
        work = Work(
            data["id"],
            plan,
            events,
            tuple(data["emissions"]),
            scope,
            data["recoveries"],
            data["trigger"],
        )
        work.attempt = data["attempt"]
        work.began = None if data["elapsed"] is None else -data["elapsed"]
        work.failed_at = data["failed_at"]
        error = data["last_error"]
        work.last_error = None if error is None else load_exception(error)
        work.answers = {k: None if t is None else self._decode(t) for k, t in data["answers"].items()} or None
        work.asked = set(data["asked"]) or None
        broker.works[work.id] = work
        if scope is not None:
            scope.open += 1
        work.suspended = suspended
        if suspended:
            return
        broker.live += 1
        if data["delay"] is None:
            broker.steps[plan.name].line().append(work)
        else:
            work.due = data["delay"]
            broker.delayed[work.id] = work

    def _wait(self, data: Mapping[str, Any]) -> None:
        kind = self._resolve(data["kind"])
        work = self._broker.works[data["work"]]
        wait = Wait(data["id"], work, data["key"], kind, self._decode(data["requirements"]), data["timeout"])
        wait.detached = True
        self._broker.register(wait)

    def _pending(self, data: Mapping[str, Any]) -> Pending:
        return Pending(
            data["id"],
            self._decode(data["event"]),
            data["how"],
            data["source"],
            data["target"],
            self._streams.get(data["scope"]),
            data["recoveries"],
        )

    def _alive(self, pending: Pending) -> None:
        self._broker.pending[pending.id] = pending
        self._broker.live += 1
        if pending.scope is not None:
            pending.scope.open += 1

    def _gathered(self) -> None:
        steps = self._broker.steps
        for name, buffers in self._data["buffers"].items():
            if self._known(name):
                steps[name].buffers = {key: Buffer(self._events(texts)) for key, texts in buffers.items()}
        for name, waiting in self._data["slots"].items():
            if self._known(name):
                for each in waiting:
                    steps[name].slots.add(self._pending(each))
