"""Writes a broker's inputs to a journal, and gives a broker the inputs of a journal again."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from wf_core.engine import statefile
from wf_core.engine.broker import Broker, Failure
from wf_core.engine.journal import Journal, Record
from wf_core.engine.plan import FlowPlan
from wf_core.engine.state import Pending, Stream, Wait, Work
from wf_core.events import Event, dump_exception, load_exception

Encode = Callable[[Any], str]
Decode = Callable[[str], Any]
INPUTS = (
    "announce",
    "route",
    "forget",
    "replace_event",
    "replace_input",
    "repeat",
    "returned",
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
_NUMBERED: dict[type, str] = {kind: kind.__name__ for kind in (Pending, Work, Wait, Stream)}
RESTORED = "restored"
"""Kind of the record that holds a whole state, as `statefile.dump` made it."""


def recorded(
    broker: Broker, journal: Journal, run_id: str, encode: Encode, restored: dict[str, Any] | None
) -> Broker:
    """The broker, with every input appended to the journal before it acts on it.

    `restored` is the state that it was loaded from, if it was: it becomes the journal's first record.
    """
    recorder = _Recorder(broker, journal, run_id, encode)
    if restored:
        recorder.write(RESTORED, restored)
    return cast("Broker", recorder)


class _Recorder:
    """Stands in for a broker: inputs are written down, everything else is the broker's own."""

    def __init__(self, broker: Broker, journal: Journal, run_id: str, encode: Encode) -> None:
        self._broker = broker
        self._journal = journal
        self._run_id = run_id
        self._encode = encode
        self._seq = journal.length(run_id)
        for name in INPUTS:
            setattr(self, name, self._writing(name, getattr(broker, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def write(self, kind: str, data: Any) -> None:
        """Append a record."""
        self._journal.append(self._run_id, self._seq, kind, json.dumps(data))
        self._seq += 1

    def _writing(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def written(*args: Any, **kwargs: Any) -> Any:
            self.write(name, [[self._plain(a) for a in args], {k: self._plain(v) for k, v in kwargs.items()}])
            return act(*args, **kwargs)

        return written

    def _plain(self, value: Any) -> Any:
        """JSON data for an argument; what the broker numbers is written as its number."""
        if (kind := _NUMBERED.get(type(value))) is not None:
            return {"#": value.id, "of": kind}
        match value:
            case None | bool() | int() | float() | str():
                return value
            case Event():
                return {"event": self._encode(value)}
            case Failure():
                error = dump_exception(value.error)
                return {"error": error, "elapsed": value.elapsed, "at": value.at.isoformat()}
            case type():
                return {"class": f"{value.__module__}.{value.__qualname__}"}
            case [type(), *_]:
                runs = [(kind, len(list(same))) for kind, same in itertools.groupby(value)]
                return {"classes": [[f"{k.__module__}.{k.__qualname__}", count] for k, count in runs]}
            case Mapping():
                return {"value": self._encode(dict(value))}
            case _:
                return [self._plain(each) for each in value]


def replay(
    plan: FlowPlan, records: Iterable[Record], decode: Decode, resolve: Callable[[str], type]
) -> Broker:
    """The broker that these inputs lead to; no step runs.

    `resolve` finds an event class by its qualified name. Raises ValueError naming the record that does not
    fit.
    """
    broker = Broker(plan)
    reader = _Reader(broker, decode, resolve)
    for record in records:
        try:
            if record.kind == RESTORED:
                broker = statefile.load(plan, json.loads(record.data), decode, resolve)
                reader = _Reader(broker, decode, resolve)
            else:
                args, named = json.loads(record.data)
                reader.apply(record.kind, args, named)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"Record {record.seq} ({record.kind}) does not fit the run: {error!r}"
            ) from error
    return broker


class _Reader:
    def __init__(self, broker: Broker, decode: Decode, resolve: Callable[[str], type]) -> None:
        self._broker = broker
        self._tables: dict[str, Mapping[int, Any]] = {
            "Pending": broker.pending,
            "Work": broker.works,
            "Wait": broker.waits,
            "Stream": broker.joins.streams,
        }
        self._decode = decode
        self._resolve = resolve

    def apply(self, kind: str, args: list[Any], named: dict[str, Any]) -> None:
        """Give the broker this input."""
        if kind not in INPUTS:
            raise KeyError(kind)
        values = [self.value(each) for each in args]
        getattr(self._broker, kind)(*values, **{k: self.value(v) for k, v in named.items()})

    def value(self, data: Any) -> Any:
        """What `_Recorder._plain` wrote."""
        match data:
            case {"#": number, "of": kind}:
                return self._tables[kind][number]
            case {"event": text} | {"value": text}:
                return self._decode(text)
            case {"class": name}:
                return self._resolve(name)
            case {"classes": runs}:
                return [self._resolve(name) for name, count in runs for _ in range(count)]
            case {"error": error, "elapsed": elapsed, "at": at}:
                return Failure(load_exception(error), elapsed, datetime.fromisoformat(at))
            case list():
                return [self.value(each) for each in data]
            case _:
                return data
