"""The broker under any order of inputs: nothing is lost or given twice, workers are never more than they may
be, joins run once, and the journal tells at every entry what the state is.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wf_core import (
    Event,
    HumanResponseEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
    Workflow,
    catch_error,
    step,
)
from wf_core.engine import statefile
from wf_core.engine.broker import Broker, Failure
from wf_core.engine.commands import Command, Fail, Queued, Resume, RetryLater, Unhandled
from wf_core.engine.journal import MemoryJournal
from wf_core.engine.rebuild import Fold
from wf_core.engine.recorder import Recorder
from wf_core.engine.state import Pending, Wait, Work
from wf_core.serializers import JsonSerializer


class A(Event):
    pass


class B(Event):
    pass


class Member(Event):
    pass


class Inner(Event):
    pass


class Left(Event):
    pass


class Right(Event):
    pass


class Nobody(Event):
    """No step takes it."""


class Shapes(Workflow):
    """Every way in which events come to steps. The bodies never run; the test says what they return."""

    @step(num_workers=2)
    async def one(self, ev: A) -> B | None: ...

    @step(num_workers=1)
    async def another(self, ev: A | HumanResponseEvent) -> Left | Right | None: ...

    @step(num_workers=2)
    async def fan_out(self, ev: StartEvent | B) -> list[Member]: ...

    @step(num_workers=3)
    async def fan_out_again(self, ev: Member) -> list[Inner]: ...

    @step(num_workers=1)
    async def join_inner(self, evs: list[Inner]) -> Member | None: ...

    @step
    async def both(self, left: Left, right: Right) -> StopEvent | None: ...

    @catch_error(max_recoveries=2)
    async def rescue(self, ev: StepFailedEvent) -> A | None: ...


PLAN = Shapes._plan()
SERIALIZER = JsonSerializer()
FROM_OUTSIDE: Sequence[type[Event]] = (StartEvent, A, B, Left, Right, Nobody, HumanResponseEvent)
PLAIN = {"one", "another", "fan_out", "fan_out_again", "rescue"}
"""Steps that run once for each event they are given."""
EMITS: dict[str, Sequence[type[Event]]] = {
    "one": (B, A),
    "another": (Left, Right),
    "fan_out": (Member,),
    "fan_out_again": (Inner,),
    "join_inner": (Member,),
    "both": (),
    "rescue": (A,),
}
FAILURE = Failure(ValueError("no"), 0.0, datetime(2026, 1, 1, tzinfo=UTC))


def written(broker: Broker) -> dict[str, Any]:
    """The whole state as data, without times."""
    data = statefile.dump(broker, lambda place, value: SERIALIZER.serialize(value), 0.0)
    for work in data["works"]:
        work["elapsed"] = work["delay"] = None
    return data


class BrokerModel(RuleBasedStateMachine):
    """Does what a runner would do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = MemoryJournal()
        recorder = Recorder(self.journal, "r", SERIALIZER, lambda flush: None)
        self.raw = Broker(PLAN)
        self.broker = recorder.recorded(self.raw)
        self.on_their_way: dict[int, Pending] = {}
        self.running: dict[int, Work] = {}
        self.delayed: dict[int, Work] = {}
        self.waits: dict[int, Wait] = {}
        self.expected: Counter[tuple[str, int]] = Counter()
        """By step and event, how often the step must be invoked on the event."""
        self.invoked: Counter[tuple[str, int]] = Counter()
        self.seen: set[int] = set()
        self.opened: list[int] = []
        self.joined: list[int] = []
        self.slots: dict[type[Event], list[int]] = {Left: [], Right: []}
        self.failed = False
        self.fold, self.folded = Fold(PLAN, SERIALIZER), 0

    # -- what the runner does with commands
    def perform(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Work():
                    self.meet(command)
                    self.running[command.id] = command
                case Queued(work=work):
                    self.meet(work)
                case Pending():
                    self.on_their_way[command.id] = command
                case RetryLater(work=work):
                    self.delayed[work.id] = work
                case Resume(wait=wait):
                    self.running[wait.work.id] = wait.work
                case Fail():
                    self.failed = True
                case Unhandled(pending=pending):
                    assert isinstance(pending.event, Nobody)
                case _:
                    raise AssertionError(command)

    def meet(self, work: Work) -> None:
        """A work is seen for the first time, or again when it is started from the queue or retried."""
        if work.id in self.seen:
            return
        self.seen.add(work.id)
        if work.step == "join_inner":
            self.joined.append(work.id)
        self.invoked.update((work.step, number) for number in work.emissions)

    # -- inputs
    @rule(kind=st.sampled_from(FROM_OUTSIDE), addressed=st.booleans())
    def send(self, kind: type[Event], addressed: bool) -> None:
        takers = [s.name for s in PLAN.takers[kind] if s.name in PLAIN]
        target = takers[0] if addressed and takers else None
        pending = self.broker.announce(kind(), "external", None, target)
        self.on_their_way[pending.id] = pending

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data())
    def route(self, data: st.DataObject) -> None:
        pending = self.on_their_way.pop(data.draw(st.sampled_from(sorted(self.on_their_way))))
        self.expect(type(pending.event), pending.id, pending.target)
        self.perform(self.broker.route(pending))

    def expect(self, kind: type[Event], number: int, target: str | None = None) -> None:
        """An event is about to be routed."""
        answered = {w.work.step for w in self.waits.values()}
        for taker in PLAN.takers[kind]:
            if target not in (None, taker.name):
                continue
            if kind is HumanResponseEvent and taker.name in answered:
                continue  # it goes on with the event where it waits for it
            if taker.name == "both":
                self.slots[kind].append(number)
            else:
                self.expected[taker.name, number] += 1
        for left, right in zip(*self.slots.values(), strict=False):
            self.expected.update({("both", left): 1, ("both", right): 1})
        if kind is HumanResponseEvent:
            self.waits.clear()  # answered, though they may have to queue for a worker
        paired = min(map(len, self.slots.values()))
        self.slots = {k: numbers[paired:] for k, numbers in self.slots.items()}

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        pending = self.on_their_way.pop(data.draw(st.sampled_from(sorted(self.on_their_way))))
        self.perform(self.broker.forget(pending))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), number=st.integers(0, 3), at_once=st.booleans())
    def finish(self, data: st.DataObject, number: int, at_once: bool) -> None:
        work = self.running.pop(data.draw(st.sampled_from(sorted(self.running))))
        fans_out = work.plan.fans_out and data.draw(st.booleans())
        kinds = EMITS[work.step]
        events = [kinds[i % len(kinds)]() for i in range(number)] if fans_out else [k() for k in kinds[:1]]
        if not fans_out and (work.plan.fans_out or number == 0):
            events = []
        if fans_out and work.step == "fan_out_again":
            self.opened.append(work.id)
        if at_once:
            for index, event in enumerate(events, self.raw.emissions + 1):
                self.expect(type(event), index)
            self.perform(self.broker.handed_on(work, events, fanned_out=fans_out))
        else:
            self.perform(self.broker.returned(work, events, fanned_out=fans_out))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), delay=st.sampled_from([None, 0, 3.0]))
    def fail(self, data: st.DataObject, delay: float | None) -> None:
        work = self.running.pop(data.draw(st.sampled_from(sorted(self.running))))
        if work.step == "rescue" or work.recoveries.get("rescue") == 2:
            delay = delay or 0  # giving up would end the run
        self.perform(self.broker.failed(work, FAILURE, delay))

    @precondition(lambda self: self.delayed)
    @rule(data=st.data())
    def time_for_the_next_attempt(self, data: st.DataObject) -> None:
        work = self.delayed.pop(data.draw(st.sampled_from(sorted(self.delayed))))
        self.perform(self.broker.due(work))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def suspend(self, data: st.DataObject) -> None:
        work = self.running.pop(data.draw(st.sampled_from(sorted(self.running))))
        wait, commands = self.broker.wait(work, f"key {self.raw.wait_count}", HumanResponseEvent, {}, None)
        self.waits[wait.id] = wait
        self.perform(commands)

    @precondition(lambda self: self.waits)
    @rule(data=st.data())
    def wait_in_vain(self, data: st.DataObject) -> None:
        wait = self.waits.pop(data.draw(st.sampled_from(sorted(self.waits))))
        self.perform(self.broker.wait_timed_out(wait))

    # -- promises
    @invariant()
    def no_step_has_more_workers_than_it_may(self) -> None:
        for name, plan in PLAN.steps.items():
            workers = [w.worker for w in self.raw.works.values() if w.step == name and w.worker is not None]
            assert len(workers) == len(set(workers)) <= plan.workers
            if any(w for w in self.raw.steps[name].queue or ()):
                assert len(workers) == plan.workers  # nobody queues beside a free worker

    @invariant()
    def every_event_is_given_to_each_taker_once(self) -> None:
        got = Counter({key: n for key, n in self.invoked.items() if key[0] != "join_inner"})
        want = Counter({key: n for key, n in self.expected.items() if key[0] != "join_inner"})
        assert got == want

    @invariant()
    def a_join_runs_once_for_each_stream_at_most(self) -> None:
        assert len(self.joined) <= len(self.opened)
        assert all(n == 1 for (name, _), n in self.invoked.items() if name == "join_inner")

    @invariant()
    def what_is_alive_is_counted(self) -> None:
        works = [w for w in self.raw.works.values() if not w.suspended or w.resuming is not None]
        assert self.raw.live == len(self.raw.pending) + len(works)

    @invariant()
    def the_journal_tells_the_state(self) -> None:
        for record in itertools.islice(self.journal.read("r"), self.folded, None):
            self.fold.add(record)
            self.folded += 1
        told = self.fold.run.broker
        assert written(told) == written(self.raw)
        assert (told.live, told.running()) == (self.raw.live, self.raw.running())

    @invariant()
    def nothing_ends_the_run(self) -> None:
        assert not self.failed

    def teardown(self) -> None:
        """When everything has come to its end, every stream has been joined and nothing is left."""
        while self.on_their_way or self.running or self.delayed or self.waits:
            for pending in list(self.on_their_way.values()):
                del self.on_their_way[pending.id]
                self.perform(self.broker.forget(pending))
            for wait in list(self.waits.values()):
                if self.waits.pop(wait.id, None):
                    self.perform(self.broker.wait_timed_out(wait))
            for work in list(self.delayed.values()):
                del self.delayed[work.id]
                self.perform(self.broker.due(work))
            for work in list(self.running.values()):
                del self.running[work.id]
                self.perform(self.broker.returned(work, [], fanned_out=False))
        assert (self.raw.live, self.raw.works, self.raw.joins.streams) == (0, {}, {})
        assert len(self.joined) == len(self.opened)


BrokerModel.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestBroker = BrokerModel.TestCase
