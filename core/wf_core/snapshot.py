"""Snapshots: a run as JSON, to be continued in another context, process or day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wf_core.engine import statefile
from wf_core.engine.broker import Broker
from wf_core.engine.plan import FlowPlan
from wf_core.errors import ContextSerdeError, UnserializableError, WorkflowRuntimeError
from wf_core.serializers import BaseSerializer, class_resolver
from wf_core.state_store import InMemoryStateStore

if TYPE_CHECKING:
    from wf_core.engine.journal import Journal
    from wf_core.engine.runner import Run
    from wf_core.workflow import Workflow

VERSION = 1
ENGINE = "wf_core"
_VERSION_ELSEWHERE = 2
"""Up to which snapshots of the engine that this one is compatible with exist."""


@dataclass
class Snapshot:
    """A snapshot as it was read; `broker_data` is empty for a run that starts afresh."""

    state: dict[str, Any] = field(default_factory=dict)
    is_running: bool = False
    elapsed: float = 0.0
    """Seconds of run clock already spent."""
    broker_data: dict[str, Any] = field(default_factory=dict)

    def broker(self, plan: FlowPlan, serializer: BaseSerializer) -> Broker:
        """The state of the run to be continued, or of a new one."""
        if not self.broker_data:
            return Broker(plan)
        try:
            return statefile.load(plan, self.broker_data, serializer.deserialize, class_resolver(serializer))
        except (KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
            raise ContextSerdeError(f"Context dict specified in an invalid format: {error!r}") from error

    def to_dict(self, state: dict[str, Any]) -> dict[str, Any]:
        """As JSON data, with this state."""
        return _document(state, self.is_running, self.elapsed, dict(self.broker_data))


NOTHING = Snapshot()
"""A fresh start."""


def read(workflow: Workflow, data: Mapping[str, Any], serializer: BaseSerializer) -> Snapshot:
    """Read what `to_dict` wrote; `{}` is a fresh start. Raises ContextSerdeError for anything else."""
    if not data:
        return NOTHING
    version = data.get("version")
    known = VERSION if data.get("engine") == ENGINE else _VERSION_ELSEWHERE
    if version is not None and (not isinstance(version, int) or version > known):
        raise ContextSerdeError(
            "Context dict specified in an invalid format: Cannot load serialized workflow context with "
            f"version={version!r}; this library supports up to version {VERSION}. The payload was likely "
            "written by a newer version."
        )
    if data.get("engine") != ENGINE:
        raise ContextSerdeError(
            "Context dict specified in an invalid format: the provided payload has a wrong or old format (it "
            f"was not written by {ENGINE}). Make it with ctx.to_dict() of this engine."
        )
    if version is None:
        raise ContextSerdeError("Context dict specified in an invalid format: it has no version.")
    try:
        snapshot = Snapshot(
            state=dict(data["state"]),
            is_running=bool(data["is_running"]),
            elapsed=float(data["elapsed"]),
            broker_data=dict(data["broker"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ContextSerdeError(f"Context dict specified in an invalid format: {error!r}") from error
    snapshot.broker(workflow._plan(), serializer)
    return snapshot


def of_run(run: Run, serializer: BaseSerializer, state: dict[str, Any]) -> dict[str, Any]:
    """A run as JSON data. Raises ContextSerdeError naming what has no JSON form."""
    running = not run.over or (run.ended is not None and run.ended.how == "cancelled")
    broker_data = statefile.dump(run.broker, _encoder(serializer), run.clock.now()) if running else {}
    return _document(state, running, run.elapsed if running else 0.0, broker_data)


def of_store(store: InMemoryStateStore[Any], serializer: BaseSerializer) -> dict[str, Any]:
    """The state as JSON data. Raises UnserializableError naming the key that has no JSON form."""
    try:
        return store.to_dict(serializer)
    except ValueError as error:
        raise UnserializableError(f"state: {error}") from error


def left_behind(run: Run, serializer: BaseSerializer) -> Snapshot:
    """What an ended run leaves to the next one on the same context: what was under way, if it was
    cancelled."""
    data = of_run(run, serializer, {})
    return Snapshot({}, data["is_running"], data["elapsed"], data["broker"])


def _document(
    state: dict[str, Any], is_running: bool, elapsed: float, broker_data: dict[str, Any]
) -> dict[str, Any]:
    return {
        "engine": ENGINE,
        "version": VERSION,
        "is_running": is_running,
        "elapsed": elapsed,
        "state": state,
        "broker": broker_data,
    }


def _encoder(serializer: BaseSerializer) -> statefile.Encode:
    def encode(place: str, value: Any) -> str:
        try:
            return serializer.serialize(value)
        except Exception as error:
            raise UnserializableError(
                f"{place}: {type(value).__name__} has no serialized form: {error}"
            ) from error

    return encode


def of_journal(
    workflow: Workflow, journal: Journal, run_id: str, serializer: BaseSerializer
) -> dict[str, Any]:
    """A journaled run as JSON data: where its last record left it. What was running then is to run again;
    of a run that came to its result only that is left, on its way.

    Raises ContextSerdeError for records that do not fit the workflow, WorkflowRuntimeError for a run that has
    ended without a result.
    """
    from wf_core.engine.journal import has_ended
    from wf_core.engine.rebuild import rebuild

    try:
        run = rebuild(workflow._plan(), journal.read(run_id), serializer)
    except ValueError as error:
        raise ContextSerdeError(f"The journal of run {run_id!r} can't be followed: {error}") from error
    broker = run.broker
    if has_ended(journal, run_id):
        if run.result is None:
            raise WorkflowRuntimeError(
                f"Run {run_id!r} has ended without a result; there is nothing to resume"
            )
        broker = Broker(workflow._plan())
        broker.announce(run.result, "returned")
    broker_data = statefile.dump(broker, _encoder(serializer), run.elapsed)
    return _document(of_store(run.state, serializer), True, run.elapsed, broker_data)
