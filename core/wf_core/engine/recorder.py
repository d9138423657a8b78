"""Writes what happens to a run to its journal: its broker's inputs and its state's changes, each before it
takes effect outside.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from pydantic_core import to_json

from wf_core.engine.broker import Broker, Failure
from wf_core.engine.commands import Command
from wf_core.engine.journal import Journal, Record
from wf_core.engine.state import Pending, Stream, Wait, Work
from wf_core.errors import UnserializableError, WorkflowRuntimeError
from wf_core.events import Event, dump_exception
from wf_core.serializers import BaseSerializer, JsonSerializer, record_name
from wf_core.state_store import InMemoryStateStore

INPUTS = (
    "announce",
    "route",
    "forget",
    "replace_event",
    "replace_input",
    "repeat",
    "returned",
    "handed_on",
    "failed",
    "due",
    "skipped",
    "wait",
    "unwait",
    "wait_timed_out",
    "asked",
    "collect",
    "resume",
    "stop",
)
"""The methods of a broker that change its state."""
RESTORED = "restored"
"""Kind of the record with the broker's whole state, as `statefile.dump` made it."""
STATE = "state"
"""Kind of the record with the whole state of the store, as its `to_dict` made it."""
STATE_AT = "state_at"
"""Kind of the record with a new value at one path of the store."""
FINISHED = "finished"
"""Kind of the record with the stop event that ended the run well."""
_NUMBERED: dict[type, str] = {kind: kind.__name__ for kind in (Pending, Work, Wait, Stream)}


_AS_IT_IS = frozenset((type(None), bool, int, float, str))


def _text(data: Any) -> str:
    """JSON, in a third of the time that the standard library takes; that one also writes half a surrogate
    pair."""
    try:
        return to_json(data, inf_nan_mode="constants").decode()
    except ValueError:
        return json.dumps(data)


def _ignore(error: WorkflowRuntimeError) -> None:
    """Nobody listens."""


class Recorder:
    """The journal of one run, as the run sees it."""

    def __init__(
        self,
        journal: Journal,
        run_id: str,
        serializer: BaseSerializer,
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        """`soon` has a call made when the loop's turn is over."""
        self._journal = journal
        self._run_id = run_id
        self._serializer = serializer
        self._encode = serializer.serialize
        self._models: dict[type[Event], str | None] = {}
        """The names of the event classes whose fields are written as they are; None: as the serializer's
        text."""
        last = journal.last(run_id)
        self._seq = 0 if last is None else last.seq + 1
        self._soon = soon
        self._dirty = self._flush_due = False
        self.elapsed: Callable[[], float] = float
        """Gives the run clock of the next record."""
        self.lost: Callable[[WorkflowRuntimeError], None] = _ignore
        """Called once the journal can't be written."""
        self._error: WorkflowRuntimeError | None = None

    def write(self, kind: str, data: Any) -> None:
        """Append a record; it is durable when the loop's turn is over."""
        self.put(kind, data)
        self.flush_soon()

    def put(self, kind: str, data: Any) -> None:
        """Append a record that somebody else makes durable."""
        record = Record(self._seq, kind, _text(data), self.elapsed())
        try:
            self._journal.append(self._run_id, record)
        except Exception as error:
            self._give_up(error)
        self._seq += 1
        self._dirty = True

    def flush_soon(self) -> None:
        """Make durable what was written when the loop's turn is over."""
        if self._dirty and not self._flush_due:
            self._flush_due = True
            self._soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flush_due = False
        self.flush()

    def flush(self) -> bool:
        """Make durable what was written: a body must not begin before it is known what led to it. False if
        that can't be."""
        if self._dirty:
            self._dirty = False
            try:
                self._journal.flush()
            except Exception as error:
                self._give_up(error)
        return self._error is None

    def _give_up(self, error: Exception) -> None:
        if self._error is None:
            self._error = WorkflowRuntimeError(
                f"The journal of run {self._run_id!r} can't be written: {str(error).rstrip('.')}. "
                "The run was stopped; it can be resumed from what its journal holds."
            )
            self._error.__cause__ = error
            self.lost(self._error)

    def begin(self, restored: dict[str, Any], state: dict[str, Any]) -> None:
        """What the run starts with: its state, and if it continues another, that one's broker."""
        if restored:
            self.write(RESTORED, restored)
        self.write(STATE, state)

    def state_changed(self, path: str, value: Any, store: InMemoryStateStore[Any]) -> None:
        """The state changed, at this path or, if it is empty, altogether. It is durable when this returns.

        Raises UnserializableError for what has no serialized form, WorkflowRuntimeError if the journal can't
        be written.
        """
        try:
            if path:
                self.write(STATE_AT, [path, self._encode(value)])
            else:
                self.write(STATE, store.to_dict(self._serializer))
            self.flush()
        except ValueError as error:
            raise UnserializableError(
                f"The state of a run with a journal must be serializable; at {path or 'some key'!r}: {error}"
            ) from error
        if self._error is not None:
            raise self._error

    def finished(self, stop: Event) -> None:
        """The run has come to its result; one without a serialized form can't be given out again."""
        with suppress(Exception):
            self.write(FINISHED, self.plain(stop))

    def recorded(self, broker: Broker) -> Broker:
        """The broker, with every input written before it acts on it."""
        return cast("Broker", _Recorded(broker, self))

    def plain(self, value: Any) -> Any:
        """JSON data for an argument; what the broker numbers is written as its number."""
        kind = type(value)
        if kind in _AS_IT_IS:
            return value
        if (name := _NUMBERED.get(kind)) is not None:
            return {"#": value.id, "of": name}
        if kind is tuple:
            return [self.plain(each) for each in value]
        if isinstance(value, Event):
            return self._event(value)
        match value:
            case bool() | int() | float() | str():
                return value
            case Failure():
                error = dump_exception(value.error)
                return {"error": error, "elapsed": value.elapsed, "at": value.at.isoformat()}
            case type():
                return {"class": f"{value.__module__}.{value.__qualname__}"}
            case [type(), *_]:  # expected classes, often many times the same
                runs = [(kind, len(list(same))) for kind, same in itertools.groupby(value)]
                return {"classes": [[f"{k.__module__}.{k.__qualname__}", count] for k, count in runs]}
            case Mapping():
                return {"value": self._encode(dict(value))}
            case _:
                return [self.plain(each) for each in value]

    def _event(self, event: Event) -> dict[str, Any]:
        kind = type(event)
        if kind not in self._models:
            as_it_is = type(self._serializer) is JsonSerializer and not hasattr(kind, "class_name")
            self._models[kind] = record_name(kind) if as_it_is else None
        name = self._models[kind]
        if name is not None:
            with suppress(ValueError):  # the serializer will say better what is wrong
                return {"model": name, "value": event.model_dump(mode="json")}
        return {"event": self._encode(event)}


class _Recorded:
    """Stands in for a broker: inputs are written down, everything else is the broker's own."""

    def __init__(self, broker: Broker, recorder: Recorder) -> None:
        self._broker = broker
        self._put, self._plain = recorder.put, recorder.plain
        self.plan, self.works, self.waits = broker.plan, broker.works, broker.waits
        for name in set(INPUTS) - {"handed_on"}:
            setattr(self, name, _writing(recorder, name, getattr(broker, name)))

    @property
    def live(self) -> int:
        return self._broker.live

    def handed_on(self, work: Work, events: Sequence[Event], *, fanned_out: bool) -> list[Command]:
        """The one input that comes for every event: it is durable when the next body begins, or at the end
        of the turn if none does."""
        told = [[{"#": work.id, "of": "Work"}, list(map(self._plain, events))], {"fanned_out": fanned_out}]
        self._put("handed_on", told)
        return self._broker.handed_on(work, events, fanned_out=fanned_out)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


def _writing(recorder: Recorder, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
    plain = recorder.plain

    def written(*args: Any, **kwargs: Any) -> Any:
        named = {k: plain(v) for k, v in kwargs.items()} if kwargs else kwargs
        recorder.write(name, [[plain(a) for a in args], named])
        return act(*args, **kwargs)

    return written
