"""Pausing, stepping, injecting, cancelling, answering: the clock stands still and nothing is lost."""

from __future__ import annotations

import time

import pytest
from engineflows import CHAIN, FAN, WAITS
from enginehost import EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def real_time_passes(host: EngineHost, seconds: float) -> None:
    """Until so much wall time has gone by since the clock stopped."""
    await host.seen("clock_paused")
    since = host.records[-1].wall
    while time.time() - since < seconds:
        assert (await host.ask("get_status"))["paused"]


async def test_the_workflow_timeout_stands_still_while_something_is_held(host: EngineHost) -> None:
    await host.given(CHAIN.replace("timeout=1.0", "timeout=0.3"))
    await host.stop_at(event="A")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    await real_time_passes(host, 0.5)
    await host.release(held)
    assert await host.result_of(run) == 2


async def test_a_retry_delay_stands_still_while_paused(host: EngineHost) -> None:
    await host.given("""
        from PACKAGE.retry_policy import ConstantDelayRetryPolicy
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            POLICY = ConstantDelayRetryPolicy(maximum_attempts=2, delay=0.3)
        class Flaky(Workflow):
            tries = 0
            @step(retry_policy=POLICY)
            async def attempt(self, ev: StartEvent) -> StopEvent:
                self.tries += 1
                if self.tries == 1:
                    raise ValueError("once")
                return StopEvent(result=self.tries)
        flow = Flaky(timeout=5)
    """)
    await host.stop_at(step="attempt", exception=True)
    run = await host.start_run("Flaky")
    held = await host.seen("held")
    await host.ask("pause")
    await host.release(held)
    await host.seen("retry_scheduled")
    await real_time_passes(host, 0.5)
    assert not host.of("invocation_started", attempt=1)
    await host.ask("continue")
    assert await host.result_of(run) == 2
    (scheduled,), (second,) = host.of("retry_scheduled"), host.of("invocation_started", attempt=1)
    assert second.t - scheduled.t >= 0.29
    assert second.wall - scheduled.wall >= 0.5


async def test_a_wait_does_not_time_out_while_paused(host: EngineHost) -> None:
    host.needs("wait_timeout")
    await host.given(WAITS)
    run = await host.start_run("Waits", wait=0.2)
    await host.seen("invocation_waiting")
    await host.ask("pause")
    await real_time_passes(host, 0.4)
    assert not host.of("invocation_resumed")
    await host.ask("continue")
    assert await host.result_of(run) == "nobody"
    assert host.of("invocation_resumed")[0].event is None


async def test_a_question_is_told_and_its_answer_goes_to_who_asked(host: EngineHost) -> None:
    await host.given(WAITS)
    run = await host.start_run("Waits")
    waiting = await host.seen("invocation_waiting")
    assert (waiting.step, waiting.awaits, waiting.requirements) == ("ask", "Answer", {"who": "me"})
    prompt = await host.seen("published", type="Ask")
    (emitted,) = host.of("event_emitted", by="prompt")
    assert (prompt.event, prompt.step, prompt.payload.data) == (emitted.event, "ask", {"q": "name?"})
    wrong = await host.ask("inject", run=run, type="Answer", data={"text": "no", "who": "you"})
    assert wrong["accepted_by"] == []
    assert (await host.seen("event_unhandled")).event == wrong["event"]
    right = await host.ask("inject", run=run, type="Answer", data={"text": "Ada"})
    assert right["accepted_by"] == ["ask"]
    assert await host.result_of(run) == "Ada"
    assert host.of("event_routed", event=right["event"])[0].waiters == (waiting.invocation,)
    assert (host.of("invocation_resumed")[0].invocation, host.of("invocation_resumed")[0].event) == (
        waiting.invocation,
        right["event"],
    )
    assert not host.of("run_stuck"), "somebody outside may still answer"


async def test_an_answer_can_be_held_and_edited_before_the_step_gets_it(host: EngineHost) -> None:
    await host.given(WAITS)
    await host.stop_at(event="Answer")
    run = await host.start_run("Waits")
    waiting = await host.seen("invocation_waiting")
    await host.ask("inject", run=run, type="Answer", data={"text": "Ada"})
    held = await host.seen("held")
    assert (held.type, held.step, held.invocation) == ("Answer", "ask", waiting.invocation)
    await host.release(held, "edit", data={"text": "Eve"})
    assert await host.result_of(run) == "Eve"


async def test_a_dropped_answer_leaves_the_step_waiting(host: EngineHost) -> None:
    await host.given(WAITS)
    await host.stop_at(event="Answer", condition="ev.text == 'no'")
    run = await host.start_run("Waits")
    await host.seen("invocation_waiting")
    await host.ask("inject", run=run, type="Answer", data={"text": "no"})
    await host.release(await host.seen("held"), "drop")
    await host.ask("inject", run=run, type="Answer", data={"text": "yes"})
    assert await host.result_of(run) == "yes"


async def test_a_returned_question_is_published_and_answered(host: EngineHost) -> None:
    await host.given("""
        class Ask(InputRequiredEvent):
            q: str
        class Answer(HumanResponseEvent):
            text: str
        class Quiz(Workflow):
            @step
            async def ask(self, ev: StartEvent) -> Ask:
                return Ask(q="name?")
            @step
            async def hear(self, ev: Answer) -> StopEvent:
                return StopEvent(result=ev.text)
    """)
    run = await host.start_run("Quiz")
    shown = await host.seen("published", type="Ask")
    assert shown.event == host.of("event_emitted", type="Ask")[0].event
    answer = await host.ask("inject", run=run, type="Answer", data={"text": "Ada"})
    assert answer["accepted_by"] == ["hear"]
    assert await host.result_of(run) == "Ada"
    assert not host.of("event_unhandled")


async def test_pause_then_step_through_the_run(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.ask("pause")
    run = await host.start_run("Chain")
    first = await host.seen("held", step="first")
    assert first.reason == "pause"
    await host.ask("step_next")
    second = await host.seen("held", step="second")
    assert second.reason == "step"
    assert not host.of("invocation_started", step="second")
    await host.ask("follow", hold=second.hold)
    assert (await host.seen("held", step="third")).reason == "follow"
    await host.ask("continue")
    assert await host.result_of(run) == 2


async def test_run_to_a_step_stops_there_once(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.ask("pause")
    run = await host.start_run("Chain")
    await host.seen("held", step="first")
    await host.ask("run_to", step="third")
    assert (await host.seen("held", step="third")).reason == "run_to"
    await host.ask("continue")
    await host.ended(run)
    await host.run("Chain")
    assert len(host.of("held", step="third")) == 1


async def test_a_hold_parks_one_delivery_and_everything_else_goes_on(host: EngineHost) -> None:
    await host.given("""
        class Left(Event): ...
        class Right(Event): ...
        class Two(Workflow):
            @step
            async def split(self, ctx: Context, ev: StartEvent) -> Left | Right:
                ctx.send_event(Right())
                return Left()
            @step
            async def left(self, ev: Left) -> StopEvent:
                return StopEvent()
            @step
            async def right(self, ev: Right) -> None:
                print("right went on")
    """)
    await host.stop_at(step="left")
    run = await host.start_run("Two")
    held = await host.seen("held")
    await host.seen("log", text="right went on")
    await host.release(held)
    await host.ended(run)


async def test_follow_stops_only_at_what_the_event_causes(host: EngineHost) -> None:
    host.needs("lists")
    await host.given(FAN)
    await host.stop_at(step="work", condition="ev.n == 1")
    run = await host.start_run("Fan")
    held = await host.seen("held", step="work")
    await host.ask("follow", hold=held.hold)
    caused = await host.seen("held", step="join")
    assert caused.reason == "follow"
    await host.ask("continue")
    await host.ended(run)


@pytest.mark.parametrize("paused", [False, True])
async def test_a_run_can_be_cancelled_while_it_is_stopped(host: EngineHost, paused: bool) -> None:
    await host.given(CHAIN)
    if paused:
        await host.ask("pause")
    else:
        await host.stop_at(event="A")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    await host.ask("cancel_run", run=run)
    assert (await host.ended(run)).kind == "run_cancelled"
    assert host.of("released", hold=held.hold)[0].action == "cancelled"
    await host.ask("continue")
    assert (await host.ask("get_status")) | {"blocked_for": 0} == {
        **(await host.ask("get_status")),
        "live_runs": [],
        "paused": False,
        "blocked_for": 0,
    }


async def test_injected_events_reach_the_steps_that_take_them(host: EngineHost) -> None:
    await host.given("""
        class Item(Event):
            n: int
        class Odd(Event): ...
        class Idle(Workflow):
            @step
            async def wait(self, ev: StartEvent) -> Item | Odd | None:
                await asyncio.sleep(60)
            @step
            async def left(self, ev: Item) -> StopEvent | None:
                print("left", ev.n)
                return StopEvent(result=ev.n) if ev.n == 3 else None
            @step
            async def right(self, ev: Item) -> None:
                print("right", ev.n)
            @step
            async def odd(self, ev: Odd) -> StopEvent: ...
    """)
    run = await host.start_run("Idle")
    await host.seen("invocation_started")
    both = await host.ask("inject", run=run, type="Item", data={"n": 1})
    assert sorted(both["accepted_by"]) == ["left", "right"]
    one = await host.ask("inject", run=run, type="Item", data={"n": 2}, step="right")
    assert one["accepted_by"] == ["right"]
    assert (await host.refused("inject", run=run, type="Item", data={"n": "x"})).code == "invalid_input"
    assert (await host.refused("inject", run=run, type="Itm")).hint == "closest: Item"
    assert (
        await host.refused("inject", run=run, type="Item", data={"n": 1}, step="lft")
    ).code == "unknown_step"
    await host.ask("inject", run=run, type="Item", data={"n": 3})
    assert await host.result_of(run) == 3
    assert {"left 1", "right 1", "right 2", "left 3"} <= set(host.printed())
    assert "left 2" not in host.printed()
    assert [r.by for r in host.of("event_emitted", type="Item")] == ["injected"] * 3
    assert [r.type for r in host.of("injected")] == ["Item"] * 3


async def test_a_child_is_held_and_its_parent_does_not_time_out(host: EngineHost) -> None:
    await host.given("""
        class Inner(Event): ...
        class Child(Workflow):
            @step
            async def first(self, ev: StartEvent) -> Inner:
                return Inner()
            @step
            async def last(self, ev: Inner) -> StopEvent:
                return StopEvent(result=1)
        class Parent(Workflow):
            @step
            async def call(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result=await Child().run())
        flow = Parent(timeout=0.3)
    """)
    await host.stop_at(event="Inner")
    run = await host.start_run("Parent")
    held = await host.seen("held")
    assert held.run != run
    await real_time_passes(host, 0.5)
    await host.release(held)
    assert await host.result_of(run) == 1
