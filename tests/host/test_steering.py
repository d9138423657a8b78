"""Breakpoints, pausing, stepping, editing and injecting in real runs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hostclient import HostClient
from hostflows import write_flow

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHAIN = """
class A(Event):
    n: int = 0
class B(Event):
    n: int = 0
class Chain(Workflow):
    @step
    async def first(self, ev: StartEvent) -> A:
        return A(n=1)
    @step
    async def second(self, ev: A) -> B:
        print("second got", ev.n)
        return B(n=ev.n + 1)
    @step
    async def third(self, ev: B) -> StopEvent:
        return StopEvent(result=ev.n)
flow = Chain(timeout=1.0)
"""


async def breakpoint_at(host: HostClient, **fields: Any) -> dict[str, Any]:
    result = await host.ask("set_breakpoints", breakpoints=[{"id": 1, **fields}])
    return dict(result["items"][0])


async def test_a_held_event_waits_and_the_clock_stands_still(host: HostClient) -> None:
    write_flow(host, CHAIN.replace("timeout=1.0", "timeout=0.2"))
    await host.load()
    assert (await breakpoint_at(host, event="A"))["ok"]
    run = await host.start_run("Chain")
    held = await host.seen("held")
    assert (held.type, held.step, held.when, held.reason) == ("A", "second", "deliver", "breakpoint")
    assert held.payload.data == {"n": 1}
    await host.seen("clock_paused")
    before = held.wall
    while time.time() - before < 0.3:
        assert (await host.ask("get_status"))["paused"]
    await host.ask("release", hold=held.hold, action="accept")
    assert (await host.ended(run)).kind == "run_finished", (
        "the workflow's timeout did not run while it was held"
    )
    assert host.of("released")[0].action == "accept"
    assert host.of("clock_resumed")


async def test_an_edited_event_goes_on_with_its_new_fields(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await breakpoint_at(host, step="second")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    error = await host.refused("release", hold=held.hold, action="edit", data={"n": "many"})
    assert (error.code, error.fields[0].field) == ("invalid_input", "n")
    await host.ask("release", hold=held.hold, action="edit", data={"n": 41})
    await host.ended(run)
    assert host.of("run_finished")[0].result.data == 42
    (edit,) = host.of("edited")
    assert (edit.before.data, edit.after.data) == ({"n": 1}, {"n": 41})


async def test_a_dropped_event_is_never_delivered(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await breakpoint_at(host, event="A")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    await host.ask("release", hold=held.hold, action="drop")
    await host.seen("run_stuck")
    assert not host.of("invocation_started", step="second")
    assert host.of("dropped")[0].event == held.event
    await host.ask("cancel_run", run=run)
    await host.ended(run)


async def test_a_duplicated_event_runs_its_step_twice(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await breakpoint_at(host, event="A")
    run = await host.start_run("Chain")
    await host.ask("release", hold=(await host.seen("held")).hold, action="duplicate")
    await host.ended(run)
    assert len(host.of("invocation_started", step="second")) == 2


async def test_the_outcome_of_a_step_can_be_held_and_replaced(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Fails(Workflow):
            @step
            async def fail(self, ev: StartEvent) -> StopEvent:
                raise ValueError("broken")
    """,
    )
    await host.load()
    assert (await breakpoint_at(host, step="fail", exception=True))["resolved"]["when"] == "after"
    run = await host.start_run("Fails")
    held = await host.seen("held")
    assert (held.when, held.type) == ("after", "ValueError")
    error = await host.refused("release", hold=held.hold, action="edit", data={"n": 1})
    assert '"type"' in error.hint
    data = {"type": "StopEvent", "data": {"result": "mended"}}
    await host.ask("release", hold=held.hold, action="edit", data=data)
    await host.ended(run)
    assert host.of("run_finished")[0].result.data == "mended"


async def test_pause_then_step_through_the_run(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await host.ask("pause")
    run = await host.start_run("Chain")
    first = await host.seen("held", step="first")
    assert first.reason == "pause"
    await host.ask("step_next")
    second = await host.seen("held", step="second")
    assert second.reason == "step"
    assert not host.of("invocation_started", step="second")
    await host.ask("follow", hold=second.hold)
    assert (await host.seen("held", step="third")).type == "B"
    await host.ask("continue")
    assert (await host.ended(run)).kind == "run_finished"
    assert (await host.ask("get_status"))["paused"] is False


async def test_run_to_a_step_stops_there_once(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await host.ask("pause")
    run = await host.start_run("Chain")
    await host.seen("held", step="first")
    error = await host.refused("run_to", step="thrid")
    assert (error.code, error.hint) == ("unknown_step", "closest: third")
    await host.ask("run_to", step="third")
    held = await host.seen("held", step="third")
    assert held.reason == "run_to"
    await host.ask("continue")
    await host.ended(run)
    await host.run("Chain")
    assert len(host.of("held", step="third")) == 1


async def test_follow_stops_only_at_what_the_event_causes(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Item(Event):
            n: int
        class Done(Event):
            n: int
        class Fan(Workflow):
            @step
            async def split(self, ev: StartEvent) -> list[Item]:
                return [Item(n=n) for n in range(3)]
            @step
            async def work(self, ev: Item) -> Done:
                return Done(n=ev.n)
            @step
            async def note(self, ev: Done) -> None:
                return None
            @step
            async def join(self, done: list[Done]) -> StopEvent:
                return StopEvent()
    """,
    )
    await host.load()
    await breakpoint_at(host, step="work", condition="ev.n == 1")
    run = await host.start_run("Fan")
    held = await host.seen("held", step="work")
    await host.ask("follow", hold=held.hold)
    caused = await host.seen("held", step="note")
    assert caused.reason == "follow"
    assert caused.payload.data == {"n": 1}
    assert not [h for h in host.of("held", step="note") if h.payload.data != {"n": 1}]
    await host.ask("continue")
    await host.ended(run)


async def test_a_condition_that_raises_is_noted_once_and_stops_nothing(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await breakpoint_at(host, event="A", condition="ev.missing > 1")
    await host.run("Chain")
    (note,) = host.of("note")
    assert "'ev.missing > 1' raised AttributeError" in note.text


async def test_a_log_breakpoint_writes_its_message_and_goes_on(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await breakpoint_at(host, event="B", action="log", log="{step} gets {ev.n + 1}")
    await host.run("Chain")
    assert [n.text for n in host.of("note")] == ["third gets 3"]


async def test_a_person_is_asked_and_answers(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Ask(InputRequiredEvent):
            prompt: str
        class Answer(HumanResponseEvent):
            text: str
        class Human(Workflow):
            @step
            async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
                got = await ctx.wait_for_event(Answer, waiter_event=Ask(prompt="well?"), timeout=5)
                return StopEvent(result=got.text)
    """,
    )
    (info,) = await host.load()
    edges = {(e["source"], e["target"], e["origin"]) for e in info["graph"]["edges"]}
    assert ("human", "ask", "waited") in edges
    run = await host.start_run("Human")
    waiting = await host.seen("invocation_waiting")
    assert (waiting.awaits, waiting.timeout) == ("Answer", 5)
    assert (await host.seen("published", type="Ask")).payload.data == {"prompt": "well?"}
    error = await host.refused("inject", run=run, type="Answr", data={"text": "x"})
    assert (error.code, error.hint) == ("unknown_event", "closest: Answer, Ask")
    error = await host.refused("inject", run=run, type="Answer", data={})
    assert error.fields[0].field == "text"
    result = await host.ask("inject", run=run, type="Answer", data={"text": "fine"})
    assert result["accepted_by"] == ["ask"]
    await host.ended(run)
    assert host.of("run_finished")[0].result.data == "fine"
    assert host.of("event_emitted", event=result["event"])[0].by == "injected"
    assert host.of("invocation_resumed")[0].event == result["event"]
    kinds = host.kinds()
    assert kinds.index("injected") < kinds.index("event_emitted", kinds.index("injected"))


async def test_an_awaited_event_is_held_before_the_waiting_step_gets_it(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Answer(HumanResponseEvent):
            text: str
        class Human(Workflow):
            @step
            async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
                return StopEvent(result=(await ctx.wait_for_event(Answer)).text)
    """,
    )
    await host.load()
    run = await host.start_run("Human")
    await host.seen("invocation_waiting")
    await host.ask("pause")
    await host.ask("inject", run=run, type="Answer", data={"text": "a"})
    held = await host.seen("held", type="Answer")
    assert (held.step, held.when) == ("ask", "deliver")
    await host.ask("release", hold=held.hold, action="edit", data={"text": "b"})
    await host.ask("continue")
    await host.ended(run)
    assert host.of("run_finished")[0].result.data == "b"


async def test_an_injected_event_that_nobody_takes_names_types_that_are(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await breakpoint_at(host, event="A")
    run = await host.start_run("Chain")
    await host.seen("held")
    result = await host.ask("inject", run=run, type="StopEvent", data={})
    assert result["accepted_by"] == []
    assert "A" in result["closest"]
    error = await host.refused("inject", run=run, type="A", data={}, step="nowhere")
    assert error.code == "unknown_step"
    await host.ask("inject", run=run, type="B", data={"n": 9}, step="third")
    await host.ended(run)
    assert host.of("run_finished")[0].result.data == 9
    assert host.of("released")[-1].action == "cancelled", "what was held when the run ended is let go"


async def test_cancel_while_held_ends_the_run(host: HostClient) -> None:
    write_flow(host, CHAIN)
    await host.load()
    await breakpoint_at(host, event="A")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    await host.ask("cancel_run", run=run)
    assert (await host.ended(run)).kind == "run_cancelled"
    error = await host.refused("release", hold=held.hold, action="accept")
    assert error.code == "unknown_hold"
    error = await host.refused("cancel_run", run=run)
    assert error.code == "unknown_run"


async def test_state_and_validation_answer_without_sending_anything(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Order(StartEvent):
            amount: float
            note: str = "none"
        class Shop(Workflow):
            @step
            async def only(self, ctx: Context, ev: Order) -> StopEvent:
                await ctx.store.set("seen", {"amount": ev.amount})
                await asyncio.sleep(30)
                return StopEvent()
    """,
    )
    await host.load()
    bad = await host.ask("validate", workflow="Shop", type="Order", data={"amount": "lots"})
    assert bad["data"] is None
    assert bad["errors"][0]["field"] == "amount"
    good = await host.ask("validate", workflow="Shop", type="Order", data={"amount": "3", "extra": 1})
    assert good == {"data": {"amount": 3.0, "note": "none", "extra": 1}, "errors": []}
    error = await host.refused("start_run", workflow="Shop", input={})
    assert (error.code, error.fields[0].field) == ("invalid_input", "amount")
    run = await host.start_run("Shop", amount=5)
    await host.seen("state_changed")
    assert (await host.ask("get_state", run=run))["state"] == {"seen": {"amount": 5.0}}
