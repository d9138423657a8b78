"""Folds a journal: what its run was when the last record was written. No step runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wf_core.engine import statefile
from wf_core.engine.broker import Broker, Failure
from wf_core.engine.journal import Record
from wf_core.engine.plan import FlowPlan
from wf_core.engine.recorder import FINISHED, INPUTS, RESTORED, STATE, STATE_AT
from wf_core.events import Event, load_exception
from wf_core.serializers import BaseSerializer, class_resolver
from wf_core.state_store import DictState, InMemoryStateStore


@dataclass
class Rebuilt:
    """A run as its journal tells it. Times in the broker are run clock since the run began."""

    broker: Broker
    state: InMemoryStateStore[Any] = field(default_factory=lambda: InMemoryStateStore(DictState()))
    elapsed: float = 0.0
    """Run clock at the last record."""
    result: Event | None = None
    """The stop event of a run that ended well."""


def rebuild(plan: FlowPlan, records: Iterable[Record], serializer: BaseSerializer) -> Rebuilt:
    """What the records lead to. Raises ValueError naming the record that does not fit."""
    fold = Fold(plan, serializer)
    for record in records:
        try:
            fold.add(record)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"Record {record.seq} ({record.kind}) does not fit the run: {error!r}"
            ) from error
    return fold.run


class Fold:
    """The run as far as its records have been added."""

    def __init__(self, plan: FlowPlan, serializer: BaseSerializer) -> None:
        self._plan = plan
        self._serializer = serializer
        self._resolve = class_resolver(serializer)
        self.run = Rebuilt(Broker(plan))
        self._reader = _Reader(self.run.broker, serializer, self._resolve)

    def add(self, record: Record) -> None:
        """Take in the next record. Raises ValueError, KeyError, TypeError or AttributeError if it does not
        fit."""
        data, run = json.loads(record.data), self.run
        run.elapsed = record.at
        if record.kind == RESTORED:
            self._restore(data, record.at)
        elif record.kind == STATE:
            run.state = InMemoryStateStore.from_dict(data, self._serializer)
        elif record.kind == STATE_AT:
            path, text = data
            run.state.put(path, self._serializer.deserialize(text))
        elif record.kind == FINISHED:
            run.result = self._reader.value(data)
        else:
            self._reader.apply(record.kind, *data, at=record.at)

    def _restore(self, data: Mapping[str, Any], at: float) -> None:
        self.run.result = None
        self.run.broker = broker = statefile.load(
            self._plan, data, self._serializer.deserialize, self._resolve
        )
        self._reader = _Reader(broker, self._serializer, self._resolve)
        for work in broker.works.values():
            work.began = None if work.began is None else work.began + at
            work.due = None if work.due is None else work.due + at
        for wait in broker.waits.values():
            wait.deadline = None if wait.timeout is None else at + wait.timeout


class _Reader:
    def __init__(self, broker: Broker, serializer: BaseSerializer, resolve: Callable[[str], Any]) -> None:
        self._broker = broker
        self._tables: dict[str, Mapping[int, Any]] = {
            "Pending": broker.pending,
            "Work": broker.works,
            "Wait": broker.waits,
            "Stream": broker.joins.streams,
        }
        self._serializer = serializer
        self._decode = serializer.deserialize
        self._resolve = resolve

    def apply(self, kind: str, args: list[Any], named: dict[str, Any], *, at: float) -> None:
        """Give the broker this input, and note the times that its runner would have set."""
        if kind not in INPUTS:
            raise KeyError(kind)
        values = [self.value(each) for each in args]
        given = getattr(self._broker, kind)(*values, **{k: self.value(v) for k, v in named.items()})
        if kind == "wait":
            wait, _ = given
            wait.deadline = None if wait.timeout is None else at + wait.timeout
        elif kind == "failed":
            work, failure, delay = values
            work.began = at - failure.elapsed
            work.due = None if delay is None else at + delay

    def value(self, data: Any) -> Any:
        """What `Recorder.plain` wrote."""
        match data:
            case {"#": number, "of": kind}:
                return self._tables[kind][number]
            case {"model": name, "value": fields}:
                with self._serializer.validation_context():
                    return self._resolve(name).model_validate(fields)
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
