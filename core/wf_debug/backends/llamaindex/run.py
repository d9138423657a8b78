"""What the debugger keeps of one live run of this engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from workflows import Workflow
from workflows.events import Event

from wf_debug.backends.llamaindex.graph import StepFacts, steps_of
from wf_debug.backends.llamaindex.store import read_now
from wf_debug.trace.records import EmittedBy

Key = Any
"""Tells one input of a step from another for as long as the engine may start the step on it again."""


@dataclass(slots=True, eq=False)
class Work:
    """A step and the input it runs on: one invocation with all its attempts."""

    id: int
    step: str
    events: tuple[int, ...]
    inputs: tuple[Event, ...] = ()
    key: Key = None
    attempt: int = 0
    worker: int = 0
    began: float | None = None
    parked: bool = False
    """At the gate before it starts."""
    open: bool = False
    """The engine has no outcome of it yet: it would start it again after a resume."""
    waiting: bool = False
    """In `wait_for_event`."""
    rerun: bool = False
    """The engine started it again by itself, for the events it collects changed while it ran."""
    answers: list[tuple[int | None, Event | None]] = field(default_factory=list)
    """Number of the awaited event that came, and the event; None for a timeout."""
    edited: tuple[Event, ...] | None = None
    """The input that the person put in place of the real one, for later attempts too."""
    sent: dict[int, tuple[Event, Event | None]] = field(default_factory=dict)
    """Sends that the person changed, by the id of the event: the event, and what went out instead."""

    def has_inputs(self, inputs: Sequence[Event]) -> bool:
        """Whether it runs on events like these."""
        return len(inputs) == len(self.inputs) and all(map(same_event, inputs, self.inputs))

    def again(self) -> Work:
        """Another invocation on the same input."""
        return Work(0, self.step, self.events, self.inputs, worker=self.worker)


@dataclass(slots=True, eq=False)
class Emission:
    """An event with its number."""

    number: int
    event: Event
    by: EmittedBy
    source: Work | None = None
    attempt: int = 0
    target: str | None = None


@dataclass(slots=True, eq=False)
class Waiter:
    """A step in `wait_for_event`, as the engine keeps it: until the step completes."""

    step: str
    id: str
    awaits: type[Event]
    requirements: Mapping[str, Any]
    work: Work
    due: float | None = None
    """When the wait times out, on the run clock."""

    def takes(self, event: Event, subclasses: bool) -> bool:
        fits = isinstance(event, self.awaits) if subclasses else type(event) is self.awaits
        return fits and all(getattr(event, k, None) == v for k, v in self.requirements.items())


@dataclass(slots=True, eq=False)
class LiveRun:
    """A run between its start and its end."""

    run_id: str
    workflow: Workflow
    loop: asyncio.AbstractEventLoop
    init_state: Any
    """The engine's state that the run began with."""
    known_types: set[type]
    """Event classes that the workflow is known to use."""
    steps: dict[str, StepFacts] = field(init=False)
    external: Any = None
    """Adapter for those outside the run."""
    internal: Any = None
    """Adapter for the run's own loop and steps."""
    ours: bool = False
    """Started by the debugger: nobody reads its stream."""
    last_event: int = 0
    last_invocation: int = 0
    on_their_way: dict[int, list[Emission]] = field(default_factory=dict)
    """Emitted, not yet routed, by the id of the event."""
    delivered: dict[tuple[str, int], list[Work]] = field(default_factory=dict)
    """Given to a step that did not start on it yet."""
    returning: dict[tuple[str, Key], list[Work]] = field(default_factory=dict)
    """To be started once more: retries, and steps that got what they waited for."""
    gathered: dict[tuple[str, int], tuple[Event, int]] = field(default_factory=dict)
    """Events that a join keeps until it has all, with their numbers."""
    collected: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Types of the events in `collect_events`, by step and buffer."""
    waiters: list[Waiter] = field(default_factory=list)
    asking: dict[int, tuple[Any, Work]] = field(default_factory=dict)
    """Prompts about to be published, by the id of the event: what the engine was told, and who waits."""
    workers: dict[tuple[str, int], Work] = field(default_factory=dict)
    """What each worker ran last."""
    restored: list[Work] = field(default_factory=list)
    """Invocations of a continued run that did not start here yet."""
    unarrived: list[Emission] = field(default_factory=list)
    """Events of a continued run that were on their way."""
    failed: Work | None = None
    """The invocation whose failure ends the run."""
    decisions: dict[int, float | None] = field(default_factory=dict)
    """Delay before the retry, by the id of the exception, where the engine's results don't carry it."""
    timed_out: tuple[float, tuple[str, ...]] | None = None
    told_stuck: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _accepting: dict[tuple[type, str | None], list[str]] = field(default_factory=dict)
    """What `accepting` answered, by event class and target."""

    def __post_init__(self) -> None:
        self.steps = steps_of(type(self.workflow))

    def send_soon(self, tick: Any) -> None:
        """Into the run's mailbox. On its loop."""
        task = self.loop.create_task(self.external.send_event(tick))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # -- events
    def note_emission(self, emission: Emission) -> None:
        self.on_their_way.setdefault(id(emission.event), []).append(emission)

    def emission_of(self, event: Event) -> Emission | None:
        """The oldest emission of this very event that is still on its way."""
        waiting = self.on_their_way.get(id(event))
        return waiting[0] if waiting else None

    def arrived(self, event: Event) -> Emission | None:
        """As `emission_of`; it is on its way no longer."""
        waiting = self.on_their_way.get(id(event))
        if not waiting:
            return None
        emission = waiting.pop(0)
        if not waiting:
            del self.on_their_way[id(event)]
        return emission

    def next_event(self) -> int:
        """A number for an event."""
        self.last_event += 1
        return self.last_event

    def recalled(self, event: Event) -> Emission | None:
        """An event from before the run was continued here that only now arrives."""
        found = next((e for e in self.unarrived if same_event(e.event, event)), None)
        if found is not None:
            self.unarrived.remove(found)
            found.event = event
        return found

    # -- invocations
    def next_invocation(self) -> int:
        """A number for an invocation."""
        self.last_invocation += 1
        return self.last_invocation

    def new_work(self, step: str, events: tuple[int, ...], inputs: Sequence[Event], key: Key) -> Work:
        return Work(self.next_invocation(), step, events, tuple(inputs), key)

    def starting(self, step: str, worker: int, event: Event, key: Key, inputs: Sequence[Event]) -> Work:
        """The invocation that the engine now starts (again)."""
        work = (
            _pop(self.returning, (step, key))
            or _pop(self.delivered, (step, id(event)))
            or self._gathered_work(step, inputs, key)
            or self._run_again(step, worker, key)
            or self._restored_work(step, inputs)
            or self.new_work(step, (), inputs, key)
        )
        work.key, work.worker = key, worker
        self.workers[step, worker] = work
        return work

    def _gathered_work(self, step: str, inputs: Sequence[Event], key: Key) -> Work | None:
        numbers = [n for e in inputs if (n := self._gathered_number(step, e)) is not None]
        return self.new_work(step, tuple(numbers), inputs, key) if numbers else None

    def _gathered_number(self, step: str, event: Event) -> int | None:
        """The number of an event that the join kept, before the run was continued here perhaps."""
        key: tuple[str, int] | None = (step, id(event))
        if key not in self.gathered:
            alike = (k for k, (e, _) in self.gathered.items() if k[0] == step and same_event(e, event))
            key = next(alike, None)
        return None if key is None else self.gathered.pop(key)[1]

    def _run_again(self, step: str, worker: int, key: Key) -> Work | None:
        last = self.workers.get((step, worker))
        if last is None or last.key != key:
            return None
        last.rerun = True
        return last

    def _restored_work(self, step: str, inputs: Sequence[Event]) -> Work | None:
        """An invocation from the time before the run was continued here, found by its input."""
        mine = [w for w in self.restored if w.step == step]
        same = [w for w in mine if w.has_inputs(inputs)]
        for work in (same or mine)[:1]:
            self.restored.remove(work)
            work.inputs = tuple(inputs)
            return work
        return None

    def comes_back(self, work: Work) -> None:
        self.returning.setdefault((work.step, work.key), []).append(work)

    def accepting(self, event: Event, target: str | None) -> list[str]:
        """Steps that take the event as their input."""
        key = (type(event), target)
        found = self._accepting.get(key)
        if found is None:
            takers = [s.name for s in self.steps.values() if target in (None, s.name) and s.takes(event)]
            found = self._accepting[key] = takers
        return found

    def awaiting(self, event: Event) -> list[Waiter]:
        """Waiting steps that take the event."""
        if not self.waiters:
            return []
        return [
            w
            for w in self.waiters
            if w.step in self.steps
            and w.takes(event, bool(self.steps[w.step].option("accept_event_subclasses", False)))
        ]


def state_of(run: LiveRun) -> Callable[[], dict[str, Any]]:
    """Reads the run's state."""
    return lambda: read_now(run.external.get_state_store())


def _pop(works: dict[Any, list[Work]], key: Any) -> Work | None:
    found = works.get(key)
    if not found:
        return None
    work = found.pop(0)
    if not found:
        del works[key]
    return work


def same_event(one: Event, other: Event) -> bool:
    """Whether two events are of one class and have the same values."""
    try:
        return one is other or (type(one) is type(other) and bool(one == other))
    except Exception:
        return False


current_run: ContextVar[LiveRun | None] = ContextVar("wf_debug_llamaindex_run", default=None)
"""The run whose loop or step is executing."""
current_work: ContextVar[Work | None] = ContextVar("wf_debug_llamaindex_work", default=None)
"""The invocation whose step is executing."""
current_worker: ContextVar[int] = ContextVar("wf_debug_llamaindex_worker", default=0)
"""The worker slot of a step that is about to start."""
