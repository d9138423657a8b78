"""A run frozen in one host and continued in another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hostclient import HostClient
from hostflows import write_flow

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW = """
class Item(Event):
    n: int
class Done(Event):
    n: int
class Answer(HumanResponseEvent):
    text: str = ""
class Carry(Workflow):
    @step
    async def split(self, ctx: Context, ev: StartEvent) -> list[Item]:
        await ctx.store.set("seen", ["split"])
        return [Item(n=n) for n in range(3)]
    @step(num_workers=1)
    async def work(self, ev: Item) -> Done:
        return Done(n=ev.n * 2)
    @step
    async def join(self, ctx: Context, done: list[Done]) -> StopEvent:
        return StopEvent(result=[sorted(d.n for d in done), await ctx.store.get("seen")])
"""


@pytest_asyncio.fixture(loop_scope="module")
async def second_host(tmp_path: Path) -> AsyncIterator[HostClient]:
    client = await HostClient(tmp_path).start(first_seq=1000)
    yield client
    await client.stop()


async def frozen(host: HostClient) -> tuple[str, dict[str, Any]]:
    """A run held in its fan-out: one item held, two queued."""
    write_flow(host, FLOW)
    await host.load()
    await host.ask("set_breakpoints", breakpoints=[{"id": 1, "step": "work"}])
    run = await host.start_run("Carry")
    await host.seen("held")
    await host.until(lambda: len(host.of("invocation_queued")) == 2)
    return run, (await host.ask("snapshot", run=run))["snapshot"]


async def test_a_run_goes_on_in_a_fresh_host_under_its_old_numbers(
    host: HostClient, second_host: HostClient
) -> None:
    run, snapshot = await frozen(host)
    write_flow(second_host, FLOW.replace("ev.n * 2", "ev.n * 3"))
    await second_host.load()
    assert await second_host.ask("resume_run", workflow="Carry", snapshot=snapshot) == {
        "run": run,
        "lost": [],
    }
    end = await second_host.ended(run)
    assert end.result.data == [[0, 3, 6], ["split"]]
    started = second_host.of("run_started")[0]
    assert (started.seq, started.resumed, started.run) == (1000, True, run)
    assert started.t >= host.of("held")[0].t
    old = {r.event for r in host.of("event_emitted")}
    assert not old & {r.event for r in second_host.of("event_emitted")}, "numbers are never used twice"
    items = {r.event for r in host.of("event_emitted", type="Item")}
    assert {r.events[0] for r in second_host.of("invocation_started", step="work")} == items


@pytest.mark.parametrize(
    ("change", "field", "word"),
    [
        (("async def work", "async def labour"), "work", "gone"),
        (("    n: int\nclass Done", "    n: int\n    colour: str\nclass Done"), "work", "Item.colour"),
        (("class Item", "class Thing"), "work", "Item is gone"),
    ],
)
async def test_what_cannot_go_on_is_listed_and_left_out_only_on_request(
    host: HostClient, second_host: HostClient, change: tuple[str, str], field: str, word: str
) -> None:
    run, snapshot = await frozen(host)
    text = FLOW.replace(*change)
    if "Thing" in text:
        text = text.replace("[Item]", "[Thing]").replace("ev: Item", "ev: Thing").replace(" Item(", " Thing(")
    write_flow(second_host, text)
    await second_host.load()
    error = await second_host.refused("resume_run", workflow="Carry", snapshot=snapshot)
    assert error.code == "cannot_carry_over"
    assert {f.field for f in error.fields} == {field}
    assert all(word in f.message for f in error.fields)
    assert len(error.fields) == 3
    result = await second_host.ask("resume_run", workflow="Carry", snapshot=snapshot, drop_lost=True)
    assert len(result["lost"]) == 3
    assert (await second_host.seen("run_started", run=run)).resumed


async def test_a_waiting_step_waits_on_in_the_fresh_host(host: HostClient, second_host: HostClient) -> None:
    text = """
        class Answer(HumanResponseEvent):
            text: str
        class Waits(Workflow):
            @step
            async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
                print("asked")
                answer = await ctx.wait_for_event(Answer)
                return StopEvent(result=answer.text)
    """
    write_flow(host, text)
    await host.load()
    run = await host.start_run("Waits")
    await host.seen("invocation_waiting")
    result = await host.ask("snapshot", run=run)
    assert result["restarts"] == ["ask"]
    write_flow(second_host, text)
    await second_host.load()
    await second_host.ask("resume_run", workflow="Waits", snapshot=result["snapshot"])
    await second_host.seen("run_started")
    answer = await second_host.ask("inject", run=run, type="Answer", data={"text": "late"})
    assert answer["accepted_by"] == ["ask"]
    assert (await second_host.ended(run)).result.data == "late"


async def test_a_state_without_a_json_form_is_named(host: HostClient) -> None:
    write_flow(host, """
        class Locked(Workflow):
            @step
            async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
                await ctx.store.set("lock", threading.Lock())
                await asyncio.sleep(60)
                return StopEvent()
    """)  # fmt: skip
    await host.load()
    run = await host.start_run("Locked")
    await host.seen("state_changed")
    error = await host.refused("snapshot", run=run)
    assert error.code == "cannot_snapshot"
    assert "lock" in error.message
