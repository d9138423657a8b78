"""The pieces of a run's state: pending events, works, waits, streams. Plain data, changed in place by the
broker alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from wf_core.engine.collecting import Buffer, Collected
from wf_core.engine.instrument import Invocation
from wf_core.engine.partners import Partners
from wf_core.engine.plan import FlowPlan, StepPlan
from wf_core.events import CollectionReleaseEvent, Event

if TYPE_CHECKING:
    from wf_core.context import Context
    from wf_core.engine.limits import Limit

How = Literal["start", "returned", "sent", "external", "prompt"]
NO_RECOVERIES: Mapping[str, int] = {}


class Stream:
    """What one fan-out opened: it closes when nothing is alive in it any more, and its joins then run."""

    __slots__ = ("id", "joins", "open", "parent", "source")

    def __init__(self, id_: int, source: str, parent: Stream | None) -> None:
        self.id = id_
        self.source = source
        """The step that fanned out."""
        self.parent = parent
        self.open = 0
        """Events, works and unfinished inner joins alive in it."""
        self.joins: dict[str, Batch] = {}
        """Per collecting step what has arrived."""


class Batch:
    """The members that a collecting step has got so far from one stream."""

    __slots__ = ("emissions", "events", "released")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.emissions: list[int] = []
        self.released = False


class Pending:
    """An event on its way: emitted, not yet routed."""

    __slots__ = ("event", "how", "id", "recoveries", "scope", "source", "target")

    def __init__(
        self,
        id_: int,
        event: Event,
        how: How,
        source: int | None,
        target: str | None,
        scope: Stream | None,
        recoveries: Mapping[str, int],
    ) -> None:
        self.id = id_
        self.event = event
        self.how = how
        self.source = source
        """The invocation that emitted it, None from outside."""
        self.target = target
        """The only step that may take it, None for all."""
        self.scope = scope
        self.recoveries = recoveries
        """How often each error handler has already recovered this lineage."""


class Work(Invocation):
    """One invocation and what the engine keeps about it between its attempts."""

    __slots__ = (
        "answers",
        "asked",
        "began",
        "collected",
        "context",
        "due",
        "failed_at",
        "gated",
        "input_type",
        "last_error",
        "limit",
        "plan",
        "recoveries",
        "resuming",
        "scope",
        "suspended",
        "trigger",
        "waited",
    )

    def __init__(
        self,
        id_: int,
        plan: StepPlan,
        events: tuple[Event, ...],
        emissions: tuple[int, ...],
        scope: Stream | None,
        recoveries: Mapping[str, int],
        trigger: int = 0,
    ) -> None:
        self.id = id_
        self.step = plan.name
        self.events = events
        self.emissions = emissions
        self.attempt = 0
        self.worker = None
        self.plan = plan
        self.scope = scope
        self.recoveries = recoveries
        self.trigger = trigger
        """Index in `events` of the one that arrived last."""
        self.input_type: type[Event] = (
            type(events[trigger]) if plan.collects is None else CollectionReleaseEvent
        )
        """Class of `input`."""
        self.began: float | None = None
        """Run clock at the start of the first attempt."""
        self.due: float | None = None
        """Run clock at which a delayed attempt starts."""
        self.last_error: Exception | None = None
        self.failed_at: float | None = None
        """Unix time of the last failure."""
        self.suspended = False
        """Its body is in `wait_for_event` and holds no worker."""
        self.resuming: list[Wait] | None = None
        """Answered waits that go on when a worker is free."""
        self.waited = 0
        """Unnamed waits of this attempt so far."""
        self.answers: dict[str, Event | None] | None = None
        """Awaited events by wait key, for attempts to come; None marks a timeout."""
        self.asked: set[str] | None = None
        """Wait keys whose prompt has been published."""
        self.collected: list[Collected] | None = None
        """What `collect_events` did in this attempt, to undo if it fails."""
        self.context: Context[Any] | None = None
        """What the running body knows of the run."""
        self.limit: Limit | None = None
        """The time left to the running attempt, if the step has a timeout."""
        self.gated = True
        """Whether an instrument is asked before it starts."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def input(self) -> Event:
        """The event that stands for the whole input."""
        if self.plan.collects is not None:
            return CollectionReleaseEvent(events=list(self.events))
        return self.events[self.trigger]

    def replace_input(self, events: tuple[Event, ...]) -> None:
        """Run on these events instead."""
        self.events = events
        if self.plan.collects is None:
            self.input_type = type(events[self.trigger])


class Wait:
    """A body in `wait_for_event`, or, after a restore, a work that runs again once its answer is there."""

    __slots__ = ("deadline", "detached", "emission", "id", "key", "kind", "requirements", "timeout", "work")

    def __init__(
        self,
        id_: int,
        work: Work,
        key: str,
        kind: type[Event],
        requirements: Mapping[str, Any],
        timeout: float | None,
    ) -> None:
        self.id = id_
        self.work = work
        self.key = key
        """Identifies this wait among those of the same work, over attempts and restarts."""
        self.kind = kind
        self.requirements = requirements
        self.timeout = timeout
        """Seconds from its beginning."""
        self.deadline: float | None = None
        """Run clock at which it times out."""
        self.detached = False
        """There is no suspended body."""
        self.emission: int | None = None
        """The event that answered it."""

    def matches(self, event: Event) -> bool:
        """Whether the event is the awaited one."""
        kind = type(event)
        if kind is not self.kind and not (self.work.plan.subclasses and issubclass(kind, self.kind)):
            return False
        return all(getattr(event, name, None) == value for name, value in self.requirements.items())


class StepState:
    """What one step has waiting and running."""

    __slots__ = ("buffers", "busy", "plan", "queue", "running", "slots")

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.queue: deque[Work] | tuple[()] = ()
        """Works that wait for a worker; most steps never have any."""
        self.running = 0
        """Number of invocations on a worker."""
        self.busy = 0
        """Bit mask of the workers in use."""
        self.buffers: dict[str, Buffer] = {}
        """`collect_events` buffers."""
        self.slots = Partners()
        """Events of a step with several event parameters that have no partners yet."""

    def line(self) -> deque[Work]:
        """The queue, to be changed."""
        if isinstance(self.queue, tuple):
            self.queue = deque()
        return self.queue


class StepStates(dict[str, StepState]):
    """By step name; a step has none until something happens to it."""

    def __init__(self, plan: FlowPlan) -> None:
        self._plan = plan

    def in_order(self) -> list[StepState]:
        """In the order of the workflow's steps."""
        return [self[name] for name in self._plan.steps if name in self]

    def __missing__(self, name: str) -> StepState:
        state = self[name] = StepState(self._plan.steps[name])
        return state
