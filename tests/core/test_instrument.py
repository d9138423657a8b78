"""An instrument sees a run at four gates, may change what happens there, and is told the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wf_core import Context, Workflow, step
from wf_core.engine import instrument as seam
from wf_core.engine.instrument import Drop, Duplicate, Hold, Instrument, Raised, Replace, Returned
from wf_core.errors import WorkflowCancelledByUser, WorkflowTimeoutError
from wf_core.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent
from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_fixed


class Item(Event):
    n: int


class Done(Event):
    n: int


class Sums(Workflow):
    @step
    async def split(self, ev: StartEvent) -> list[Item]:
        return [Item(n=n) for n in range(3)]

    @step(num_workers=2)
    async def work(self, ctx: Context, ev: Item) -> Done:
        ctx.write_event_to_stream(Event(seen=ev.n))
        return Done(n=ev.n * 10)

    @step
    async def join(self, evs: list[Done]) -> StopEvent:
        return StopEvent(result=sorted(e.n for e in evs))


class Recorder(Instrument):
    """Notes every call and answers the gates from a table of functions."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers = answers
        self.run: Any = None

    def __getattribute__(self, name: str) -> Any:
        if name in {"calls", "answers", "run", "clock", "names", "of"} or name.startswith("_"):
            return object.__getattribute__(self, name)

        def called(run: Any, *facts: Any) -> Any:
            self.run = run
            self.calls.append((name, *facts))
            answer = self.answers.get(name)
            return answer(*facts) if answer else None

        return called

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


class StillClock:
    """Time that passes only by `tick`."""

    def __init__(self) -> None:
        self.time = 0.0
        self.timers: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> float:
        return self.time

    def call_later(self, delay: float, callback: Callable[[], object]) -> Any:
        entry = (self.time + delay, callback)
        self.timers.append(entry)
        timers = self.timers

        class Handle:
            def cancel(self) -> None:
                if entry in timers:
                    timers.remove(entry)

        return Handle()

    def tick(self, seconds: float) -> None:
        self.time += seconds
        for entry in [each for each in self.timers if each[0] <= self.time]:
            self.timers.remove(entry)
            entry[1]()


@pytest.fixture
def attach() -> Iterator[Callable[[Instrument], Any]]:
    yield lambda instrument: (seam.attach(instrument), instrument)[1]
    seam.attach(None)


def only(kind: type[Event], n: int, verdict: Any) -> Callable[..., Any]:
    """Answers with the verdict once: for the first event of that class and number."""
    left = [verdict]

    def answer(subject: Any, *_: Any) -> Any:
        events = subject.events if hasattr(subject, "events") else (subject.event,)
        hit = any(type(e) is kind and e.n == n for e in events)
        return left.pop() if hit and left else None

    return answer


async def settled() -> None:
    """Until nothing is ready to run any more."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_is_told_the_whole_run_in_order(attach: Any) -> None:
    recorder = attach(Recorder())
    assert await Sums().run() == [0, 10, 20]

    names = recorder.names()
    assert names[:5] == ["run_started", "emitting", "routed", "starting", "started"]
    assert names[-1] == "run_ended"
    assert names.count("queued") == 1  # two workers, three items
    emissions = [e for (e,) in recorder.of("emitting")]
    assert [e.id for e in emissions] == list(range(1, len(emissions) + 1))
    assert [(type(e.event).__name__, e.how, e.source) for e in emissions[:2]] == [
        ("StartEvent", "start", None),
        ("Item", "returned", 1),
    ]
    joined = [i for (i,) in recorder.of("started") if i.step == "join"]
    assert joined[0].emissions == tuple(e.id for e in emissions if type(e.event) is Done)
    assert recorder.of("run_ended")[0][0].how == "finished"


async def test_workers_are_the_smallest_free_ones(attach: Any) -> None:
    workers: list[int] = []
    attach(Recorder(started=lambda invocation: workers.append((invocation.step, invocation.worker))))
    await Sums().run()
    assert sorted(w for s, w in workers if s == "work") == [0, 0, 1]


async def test_a_finished_run_makes_no_call_when_nothing_is_attached(attach: Any) -> None:
    recorder = Recorder()
    attach(recorder)
    seam.attach(None)
    await Sums().run()
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (Replace(Item(n=7)), [0, 20, 70]),
        (Drop(), [0, 20]),
        (Duplicate(), [0, 10, 10, 20]),
        (None, [0, 10, 20]),
    ],
)
@pytest.mark.parametrize("gate", ["emitting", "starting"])
async def test_verdicts_on_events_and_deliveries(attach: Any, gate: str, verdict: Any, result: Any) -> None:
    attach(Recorder(**{gate: only(Item, 1, verdict)}))
    assert await Sums().run() == result


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (Replace(Done(n=5)), [0, 5, 20]),
        (Replace(None), [0, 20]),
        (Drop(), [0, 20]),
        (Duplicate(), [0, 10, 10, 20]),
    ],
)
async def test_verdicts_on_results(attach: Any, verdict: Any, result: Any) -> None:
    attach(Recorder(ended=only(Item, 1, verdict)))
    assert await Sums().run() == result


async def test_a_result_can_become_an_error_and_an_error_a_result(attach: Any) -> None:
    attach(Recorder(ended=only(Item, 1, Replace(Raised(ValueError("injected"))))))
    with pytest.raises(ValueError, match="injected"):
        await Sums().run()

    class Broken(Workflow):
        @step
        async def fail(self, ev: StartEvent) -> StopEvent:
            raise ValueError("own")

    attach(Recorder(ended=lambda i, o: Replace(StopEvent(result="saved")) if isinstance(o, Raised) else None))
    assert await Broken().run() == "saved"


async def test_the_stream_can_be_edited(attach: Any) -> None:
    verdicts = {0: Drop(), 1: Replace(Event(seen="edited")), 2: Duplicate()}
    attach(Recorder(publishing=lambda ev, source: verdicts.get(ev.get("seen")) if source else None))
    handler = Sums().run()
    seen = [e.get("seen") async for e in handler.stream_events() if not isinstance(e, StopEvent)]
    assert seen == ["edited", 2, 2]


@pytest.mark.parametrize("gate", ["emitting", "starting", "ended"])
async def test_a_held_event_parks_alone_and_keeps_the_join_open(attach: Any, gate: str) -> None:
    until: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    recorder = attach(Recorder(**{gate: only(Item, 1, Hold(until))}))
    handler = Sums().run()
    await settled()
    others = {i.events[0].n for (i, *_) in recorder.of("finished") if i.step == "work"}
    assert others == {0, 2}
    assert not handler.is_done()
    assert not recorder.of("stuck")
    until.set_result(None)
    assert await handler == [0, 10, 20]


async def test_a_held_publication_lets_the_run_end_and_keeps_the_stream_open(attach: Any) -> None:
    until: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    attach(Recorder(publishing=lambda ev, source: Hold(until) if isinstance(ev, StopEvent) else None))
    handler = Sums().run()
    assert await handler == [0, 10, 20]
    until.set_result(Replace(StopEvent(result="edited")))
    assert [e async for e in handler.stream_events()][-1].result == "edited"


async def test_a_held_stop_event_keeps_the_run_alive(attach: Any) -> None:
    until: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    attach(Recorder(emitting=lambda e: Hold(until) if isinstance(e.event, StopEvent) else None))
    handler = Sums().run()
    await settled()
    assert not handler.is_done()
    until.set_result(Replace(StopEvent(result="late")))
    assert await handler == "late"


async def test_holds_end_with_the_run(attach: Any) -> None:
    until: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    recorder = attach(Recorder(starting=only(Item, 1, Hold(until))))
    handler = Sums().run()
    await settled()
    await handler.cancel_run()
    with pytest.raises(WorkflowCancelledByUser):
        await handler
    assert until.cancelled()
    assert [i.events[0].n for (i,) in recorder.of("cancelled")] == [1]


async def test_a_failing_instrument_is_detached(attach: Any, caplog: pytest.LogCaptureFixture) -> None:
    def explode(emission: Any) -> None:
        raise RuntimeError("debugger bug")

    recorder = attach(Recorder(emitting=explode))
    assert await Sums().run() == [0, 10, 20]
    assert "debugger bug" in caplog.text
    assert len(recorder.of("emitting")) == 1


class Patient(Workflow):
    @step(retry_policy=retry_policy(wait=wait_fixed(100), stop=stop_after_attempt(2)))
    async def begin(self, ctx: Context, ev: StartEvent) -> StopEvent:
        if ctx.retry_info().retry_number == 0:
            raise ValueError("once")
        answer = await ctx.wait_for_event(
            HumanResponseEvent, waiter_event=InputRequiredEvent(), requirements={"k": 1}, timeout=50
        )
        return StopEvent(result=answer.text)


async def test_delays_and_limits_run_on_its_clock(attach: Any) -> None:
    clock = StillClock()
    recorder = attach(Recorder())
    recorder.clock = clock
    handler = Patient(timeout=1000).run()
    await settled()
    invocation, outcome, delay = recorder.of("finished")[0]
    assert (type(outcome), delay) == (Raised, 100)
    assert len(recorder.of("started")) == 1
    clock.tick(100)
    await settled()
    assert [i.attempt for (i,) in recorder.of("started")] == [1, 1]  # one invocation, seen twice
    waiting, kind, requirements, limit = recorder.of("waiting")[0]
    assert (waiting, kind, requirements, limit) == (invocation, HumanResponseEvent, {"k": 1}, 50)
    assert [e.how for (e,) in recorder.of("emitting")] == ["start", "prompt"]
    assert recorder.run.accepts(HumanResponseEvent(k=1)) == ([], [invocation.id])
    sent = recorder.run.send(HumanResponseEvent(k=1, text="yes"))
    assert await handler == "yes"
    assert recorder.of("resumed") == [(invocation, sent)]
    assert not clock.timers


async def test_the_timeout_runs_on_its_clock(attach: Any) -> None:
    clock = StillClock()
    recorder = attach(Recorder())
    recorder.clock = clock
    handler = Patient(timeout=10).run()
    await settled()
    clock.tick(10)
    with pytest.raises(WorkflowTimeoutError):
        await handler
    assert recorder.of("run_ended")[0][0].how == "timed_out"


async def test_a_wait_that_times_out_resumes_without_an_event(attach: Any) -> None:
    clock = StillClock()
    recorder = attach(Recorder())
    recorder.clock = clock

    class Asking(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            try:
                await ctx.wait_for_event(HumanResponseEvent, timeout=5)
            except TimeoutError:
                return StopEvent(result="nobody")
            return StopEvent(result="somebody")

    handler = Asking().run()
    await settled()
    clock.tick(5)
    assert await handler == "nobody"
    assert recorder.of("resumed")[0][1] is None


async def test_is_told_that_a_run_is_stuck_and_why(attach: Any) -> None:
    class Partial(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Item | StopEvent:
            return Item(n=1)

        @step
        async def join(self, ctx: Context, ev: Item) -> StopEvent | None:
            return StopEvent() if ctx.collect_events(ev, [Item, Item]) else None

    recorder = attach(Recorder())
    handler = Partial().run()
    await settled()
    [(why,)] = recorder.of("stuck")
    assert "join" in why
    assert "Item" in why
    await handler.cancel_run()


async def test_is_told_of_state_and_its_invocation(attach: Any) -> None:
    class Stateful(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await ctx.store.set("a.b", 1)
            return StopEvent()

    recorder = attach(Recorder())
    await Stateful().run()
    assert recorder.of("state_changed") == [(1, "a.b", 1)]
    assert recorder.run.state()["a"] == {"b": 1}


async def test_bodies_and_threads_run_in_the_context_of_started(attach: Any) -> None:
    import contextvars

    here: contextvars.ContextVar[int] = contextvars.ContextVar("here")

    class Threaded(Workflow):
        @step
        def begin(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=here.get())

    attach(Recorder(started=lambda invocation: here.set(invocation.id) and None))
    assert await Threaded().run() == 1


async def test_returned_values_are_reported_as_they_are(attach: Any) -> None:
    recorder = attach(Recorder())
    await Sums().run()
    first = recorder.of("ended")[0][1]
    assert isinstance(first, Returned)
    assert [e.n for e in first.value] == [0, 1, 2]
