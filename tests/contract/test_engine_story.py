"""What a run leaves behind: the same records, numbers and causes on every engine."""

from __future__ import annotations

import pytest
from engineflows import FAN
from enginehost import FIRST_LINE, EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHAIN = """
class A(Event):
    n: int = 0
class B(Event):
    n: int = 0
class Chain(Workflow):
    @step
    async def first(self, ctx: Context, ev: StartEvent) -> A:
        print("first runs")
        await ctx.store.set("seen.first", True)
        async with ctx.store.edit_state() as state:
            state["count"] = 1
        ctx.write_event_to_stream(B(n=99))
        return A(n=1)
    @step
    async def second(self, ev: A) -> B:
        return B(n=ev.n + 1)
    @step
    async def third(self, ev: B) -> StopEvent:
        return StopEvent(result=ev.n)
"""


async def test_a_run_is_told_completely_and_in_order(host: EngineHost) -> None:
    await host.given(CHAIN)
    run = await host.run("Chain")
    assert host.story() == [
        "run_started",
        "event_emitted 1 StartEvent start",
        "event_routed 1 StartEvent to ['first'] ()",
        "invocation_started first#1.0 (1,)",
        "state_changed first#1.0 seen.first=True",
        "state_changed first#1.0 count=1",
        "published first#1.0 None B",
        "invocation_finished first#1.0 A",
        "event_emitted first#1.0 2 A returned",
        "event_routed 2 A to ['second'] ()",
        "invocation_started second#2.0 (2,)",
        "invocation_finished second#2.0 B",
        "event_emitted second#2.0 3 B returned",
        "event_routed 3 B to ['third'] ()",
        "invocation_started third#3.0 (3,)",
        "invocation_finished third#3.0 StopEvent",
        "event_emitted third#3.0 4 StopEvent returned",
        "published third#3.0 4 StopEvent",
        "run_finished 2",
    ]
    assert {r.run for r in host.records} == {run}
    assert [r.seq for r in host.records] == sorted(r.seq for r in host.records)
    assert [r.t for r in host.records] == sorted(r.t for r in host.records)


async def test_what_a_step_prints_is_its_own(host: EngineHost) -> None:
    await host.given("""
        import logging
        class Loud(Workflow):
            @step
            async def speak(self, ev: StartEvent) -> StopEvent:
                print("printed")
                logging.getLogger("mine").warning("logged")
                await asyncio.gather(self.helper())
                return StopEvent()
            async def helper(self):
                print("from a task")
    """)
    run = await host.run("Loud")
    logs = [r for r in host.of("log") if r.text in ("printed", "logged", "from a task")]
    assert len(logs) == 3
    assert {(r.run, r.step, r.invocation, r.attempt) for r in logs} == {(run, "speak", 1, 0)}


async def test_sync_steps_are_told_like_others(host: EngineHost) -> None:
    await host.given("""
        class Plain(Workflow):
            @step
            def only(self, ev: StartEvent) -> StopEvent:
                print("in a thread")
                return StopEvent(result=1)
    """)
    await host.run("Plain")
    assert host.of("log")[0].step == "only"
    assert host.of("run_finished")[0].result.data == 1


async def test_events_sent_and_broadcast_name_their_sender(host: EngineHost) -> None:
    await host.given("""
        class Item(Event):
            n: int
        class Many(Workflow):
            @step
            async def split(self, ctx: Context, ev: StartEvent) -> Item | None:
                ctx.send_event(Item(n=1))
                ctx.send_event(Item(n=2), step="left")
            @step
            async def left(self, ctx: Context, ev: Item) -> StopEvent | None:
                got = ctx.collect_events(ev, [Item, Item])
                return StopEvent(result=[e.n for e in got]) if got else None
            @step
            async def right(self, ev: Item) -> None: ...
    """)
    run = await host.start_run("Many")
    assert await host.result_of(run) == [1, 2]
    sent = host.of("event_emitted", type="Item")
    assert [(r.by, r.step, r.invocation, r.target) for r in sent] == [
        ("sent", "split", 1, None),
        ("sent", "split", 1, "left"),
    ]
    routed = {r.event: sorted(r.steps) for r in host.of("event_routed", type="Item")}
    assert list(routed.values()) == [["left", "right"], ["left"]]
    started = host.of("invocation_started", step="left")
    assert {r.events[0] for r in started} == set(routed)


async def test_dynamic_fields_are_part_of_the_payload(host: EngineHost) -> None:
    await host.given("""
        class Loose(Event):
            known: int = 1
        class Dyn(Workflow):
            @step
            async def first(self, ev: StartEvent) -> Loose:
                return Loose(extra=[1, 2], known=3)
            @step
            async def second(self, ev: Loose) -> StopEvent:
                return StopEvent(result=ev.extra)
    """)
    await host.run("Dyn", topic="x")
    assert host.of("event_emitted", by="start")[0].payload.data == {"topic": "x"}
    (loose,) = host.of("event_emitted", type="Loose")
    assert loose.payload.data == {"known": 3, "extra": [1, 2]}
    assert "extra=[1, 2]" in loose.payload.preview
    assert host.of("event_emitted", type="StopEvent")[0].payload.data == {"result": [1, 2]}


async def test_fan_out_and_join_keep_every_cause(host: EngineHost) -> None:
    host.needs("lists")
    await host.given(FAN)
    run = await host.start_run("Fan")
    assert await host.result_of(run) == [0, 10, 20, 30]
    emitted = {r.event: r for r in host.of("event_emitted")}
    started = {r.invocation: r for r in host.of("invocation_started")}
    assert len(started) == 1 + 4 + 1
    assert {r.worker for r in started.values() if r.step == "work"} == {0, 1}
    queued = host.of("invocation_queued")
    assert [emitted[r.events[0]].payload.data["n"] for r in queued] == [2, 3]
    assert {r.invocation for r in queued} < set(started)
    for done in host.of("event_emitted", type="Done"):
        (cause,) = started[done.invocation].events
        assert emitted[cause].payload.data["n"] * 10 == done.payload.data["n"]
    (join,) = host.of("invocation_started", step="join")
    assert [emitted[e].type for e in join.events] == ["Done"] * 4


async def test_the_graph_says_what_leaves_in_a_list_and_what_is_joined(host: EngineHost) -> None:
    host.needs("lists")
    (info,) = await host.given("""
        from typing import Annotated
        from PACKAGE.collect import Collect, Take
        class Part(Event):
            pass
        class Note(Event):
            pass
        class Done(Event):
            pass
        class Fan(Workflow):
            @step
            async def split(self, ev: StartEvent) -> list[Part] | Note:
                return [Part(), Part(), Part()]
            @step
            async def work(self, ev: Part | Note) -> Done:
                return Done()
            @step
            async def join(self, done: Annotated[list[Done], Collect(Take(2))]) -> StopEvent:
                return StopEvent()
    """)
    split, work, join = info["graph"]["steps"]
    assert (split["emits"], split["lists"]) == (["Part", "Note"], ["Part"])
    assert (work["lists"], work["joins"]) == ([], False)
    assert (join["joins"], join["join_size"]) == (True, 2)


async def test_several_slots_name_all_that_filled_them(host: EngineHost) -> None:
    host.needs("lists")
    await host.given("""
        class A(Event):
            n: int = 0
        class B(Event):
            n: int = 0
        class Slots(Workflow):
            @step
            async def a(self, ev: StartEvent) -> A:
                return A(n=1)
            @step
            async def b(self, ev: StartEvent) -> B:
                return B(n=2)
            @step
            async def both(self, left: A, right: B) -> StopEvent:
                return StopEvent(result=left.n + right.n)
    """)
    run = await host.start_run("Slots")
    assert await host.result_of(run) == 3
    (both,) = host.of("invocation_started", step="both")
    types = {r.event: r.type for r in host.of("event_emitted")}
    assert sorted(types[e] for e in both.events) == ["A", "B"]


RETRY = """
from PACKAGE.retry_policy import ConstantDelayRetryPolicy
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    POLICY = ConstantDelayRetryPolicy(maximum_attempts=2, delay=0.01)
class Flaky(Workflow):
    @step(retry_policy=POLICY)
    async def attempt(self, ev: StartEvent) -> StopEvent:
        print("try")
        raise ValueError("no luck")
"""


async def test_failures_and_retries_are_attempts_of_one_invocation(host: EngineHost) -> None:
    path = host.folder / "flow.py"
    await host.given(RETRY)
    await host.run("Flaky")
    failed = host.of("invocation_failed")
    assert [(f.invocation, f.attempt, f.final) for f in failed] == [(1, 0, False), (1, 1, True)]
    assert [(r.invocation, r.attempt, r.delay) for r in host.of("retry_scheduled")] == [(1, 1, 0.01)]
    assert [r.attempt for r in host.of("log", text="try")] == [0, 1]
    (end,) = host.of("run_failed")
    assert (end.error.type, end.error.message, end.step, end.invocation) == (
        "ValueError",
        "no luck",
        "attempt",
        1,
    )
    assert (end.error.where.file, end.error.where.line) == (str(path), FIRST_LINE + 10)
    assert "raise ValueError" in end.error.traceback


async def test_a_handler_of_failures_gets_the_failure_of_the_step(host: EngineHost) -> None:
    host.needs("catch_error")
    await host.given("""
        from PACKAGE.events import StepFailedEvent
        from PACKAGE import catch_error
        class Mends(Workflow):
            @step
            async def fail(self, ev: StartEvent) -> StopEvent:
                raise ValueError("broken")
            @catch_error
            async def mend(self, ev: StepFailedEvent) -> StopEvent:
                return StopEvent(result="mended")
    """)
    run = await host.start_run("Mends")
    assert await host.result_of(run) == "mended"
    (failure,) = host.of("event_emitted", type="StepFailedEvent")
    assert (failure.step, failure.invocation) == ("fail", 1)
    assert host.of("invocation_started", step="mend")[0].events == (failure.event,)


async def test_an_event_that_nobody_takes_names_what_comes_closest(host: EngineHost) -> None:
    await host.given("""
        class Result(Event): ...
        class Special(Result): ...
        class Lost(Workflow):
            @step
            async def first(self, ev: StartEvent) -> Result | None:
                return Special()
            @step
            async def last(self, ev: Result) -> StopEvent:
                return StopEvent()
    """)
    run = await host.start_run("Lost")
    assert "takes Result" in (await host.seen("event_unhandled", type="Special")).hint
    stuck = await host.seen("run_stuck")
    assert stuck.why
    await host.ask("cancel_run", run=run)
    assert (await host.ended(run)).kind == "run_cancelled"


async def test_a_stop_event_that_was_sent_is_said_not_to_end_the_run(host: EngineHost) -> None:
    await host.given("""
        class Sends(Workflow):
            @step
            async def only(self, ctx: Context, ev: StartEvent) -> StopEvent | None:
                ctx.send_event(StopEvent(result=1))
                return None
    """)
    await host.start_run("Sends")
    assert "returns it" in (await host.seen("event_unhandled")).hint
    await host.seen("run_stuck")


async def test_a_stuck_collection_says_what_it_has(host: EngineHost) -> None:
    await host.given("""
        class Item(Event): ...
        class Waits(Workflow):
            @step
            async def first(self, ev: StartEvent) -> Item:
                return Item()
            @step
            async def gather(self, ctx: Context, ev: Item) -> StopEvent | None:
                got = ctx.collect_events(ev, [Item] * 3)
                return StopEvent() if got else None
    """)
    await host.start_run("Waits")
    why = (await host.seen("run_stuck")).why
    assert "'gather'" in why
    assert "Item" in why


async def test_a_timeout_names_the_steps_it_cut_off(host: EngineHost) -> None:
    await host.given("""
        class Slow(Workflow):
            @step
            async def sleep(self, ev: StartEvent) -> StopEvent:
                await asyncio.sleep(60)
                return StopEvent()
        flow = Slow(timeout=0.05)
    """)
    await host.run("Slow")
    (end,) = host.of("run_timed_out")
    assert (end.timeout, end.active) == (0.05, ("sleep",))
    assert host.of("invocation_cancelled", step="sleep")


async def test_the_first_stop_event_cuts_the_other_steps_off(host: EngineHost) -> None:
    await host.given("""
        class Race(Workflow):
            @step
            async def fast(self, ev: StartEvent) -> StopEvent:
                await asyncio.sleep(0.01)
                return StopEvent(result="fast")
            @step
            async def slow(self, ev: StartEvent) -> StopEvent:
                await asyncio.sleep(60)
                return StopEvent(result="slow")
    """)
    run = await host.start_run("Race")
    assert await host.result_of(run) == "fast"
    assert host.of("invocation_cancelled", step="slow")


async def test_a_child_run_names_the_invocation_that_started_it(host: EngineHost) -> None:
    await host.given("""
        class Child(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent:
                print("from the child")
                return StopEvent(result=1)
        class Parent(Workflow):
            @step
            async def call(self, ev: StartEvent) -> StopEvent:
                inner = Child()
                return StopEvent(result=[await inner.run(), await SHARED.run()])
        SHARED = Child()
    """)
    run = await host.run("Parent")
    children = [r for r in host.of("run_started") if r.run != run]
    assert [c.workflow for c in children] == ["Child", "Child"]
    assert {(c.parent_run, c.parent_invocation) for c in children} == {(run, 1)}
    assert [r.run for r in host.of("log", text="from the child")] == [c.run for c in children]
    assert host.of("log")[0].step == "only"
    assert host.of("run_finished", run=run)[0].result.data == [1, 1]


async def test_state_can_be_read_while_the_run_goes_on(host: EngineHost) -> None:
    await host.given("""
        from pydantic import BaseModel
        class Notes(BaseModel):
            count: int = 0
            seen: list[str] = []
        class Typed(Workflow):
            @step
            async def only(self, ctx: Context[Notes], ev: StartEvent) -> StopEvent:
                async with ctx.store.edit_state() as notes:
                    notes.count += 1
                    notes.seen.append("a")
                await asyncio.sleep(60)
                return StopEvent()
    """)
    run = await host.start_run("Typed")
    changes = await host.until(lambda: len(host.of("state_changed")) == 2 and host.of("state_changed"))
    assert {c.path: c.value.data for c in changes} == {"count": 1, "seen": ["a"]}
    assert (await host.ask("get_state", run=run))["state"] == {"count": 1, "seen": ["a"]}


async def test_the_line_that_blocks_the_loop_is_named(host: EngineHost) -> None:
    path = host.folder / "flow.py"
    await host.given("""
        class Blocks(Workflow):
            @step
            async def block(self, ev: StartEvent) -> StopEvent:
                while not os.path.exists(os.path.join(os.path.dirname(__file__), "go")):
                    time.sleep(0.01)
                return StopEvent()
    """)
    run = await host.start_run("Blocks")
    await host.seen("invocation_started")
    while not (status := await host.ask("get_status"))["blocked_for"]:
        pass
    assert (status["where"]["file"], status["function"]) == (str(path), "block")
    assert status["where"]["line"] in (FIRST_LINE + 4, FIRST_LINE + 5)
    path.with_name("go").touch()
    await host.ended(run)
