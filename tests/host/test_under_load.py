"""A slow reader, many runs, loops inside of loops."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from hostclient import HostClient
from hostflows import write_flow

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOP = """
class Tick(Event):
    n: int
class Loop(Workflow):
    @step
    async def begin(self, ev: StartEvent) -> Tick:
        return Tick(n=0)
    @step
    async def hop(self, ev: Tick) -> Tick | StopEvent:
        return Tick(n=ev.n + 1) if ev.n < 1500 else StopEvent(result=ev.n)
flow = Loop(timeout=5)
"""


async def test_a_slow_reader_slows_the_run_and_its_clock_and_loses_nothing(own_host: HostClient) -> None:
    write_flow(own_host, LOOP.replace("1500", "3000").replace("timeout=5", "timeout=20"))
    await own_host.load()
    assert own_host.reader is not None
    own_host.reader._transport.pause_reading()  # type: ignore[attr-defined]
    own_host.write(b'{"cmd": "start_run", "id": 900, "workflow": "Loop", "input": {}}\n')
    await asyncio.sleep(1.0)
    own_host.reader._transport.resume_reading()  # type: ignore[attr-defined]
    (end,) = await own_host.until(lambda: own_host.of("run_finished"))
    assert [r.seq for r in own_host.records] == list(range(1, len(own_host.records) + 1))
    started = own_host.of("run_started")[0]
    assert len(own_host.of("invocation_started", step="hop")) == 3001
    assert end.t < end.wall - started.wall, "waiting for the reader is not the run's time"


async def test_runs_side_by_side_keep_their_records_apart(host: HostClient) -> None:
    write_flow(host, LOOP.replace("1500", "20"))
    await host.load()
    runs = [await host.start_run("Loop") for _ in range(10)]
    for run in runs:
        assert (await host.ended(run)).result.data == 20
        assert [r.invocation for r in host.of("invocation_started", run=run)] == list(range(1, 23))


async def test_a_run_on_a_loop_of_its_own_can_be_held_and_released(host: HostClient) -> None:
    write_flow(host, """
        class Child(Workflow):
            @step
            async def inner(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result=4)
        class Outer(Workflow):
            @step
            def outer(self, ev: StartEvent) -> StopEvent:
                async def child():
                    return await Child().run()
                return StopEvent(result=asyncio.run(child()))
    """)  # fmt: skip
    await host.load()
    await host.ask("set_breakpoints", breakpoints=[{"id": 1, "step": "inner"}])
    run = await host.start_run("Outer")
    held = await host.seen("held", step="inner")
    assert held.run != run
    assert next(r for r in host.of("run_started") if r.run == held.run).parent_run == run
    await host.ask("release", hold=held.hold, action="accept")
    assert (await host.ended(run)).result.data == 4


async def test_a_thousand_events_held_at_once_are_all_released(host: HostClient) -> None:
    write_flow(host, """
        class Item(Event):
            n: int
        class Wide(Workflow):
            @step
            async def split(self, ev: StartEvent) -> list[Item]:
                return [Item(n=n) for n in range(500)]
            @step(num_workers=500)
            async def work(self, ev: Item) -> Item.__base__:
                return Event(n=ev.n)
            @step
            async def join(self, done: list[Event]) -> StopEvent:
                return StopEvent(result=len(done))
    """)  # fmt: skip
    await host.load()
    await host.ask("set_breakpoints", breakpoints=[{"id": 1, "step": "work"}])
    run = await host.start_run("Wide")
    await host.until(lambda: len(host.of("held")) == 500)
    await host.ask("accept_all")
    assert (await host.ended(run)).result.data == 500


async def test_sigterm_is_said_before_it_ends_the_host(own_host: HostClient) -> None:
    write_flow(
        own_host, LOOP.replace("return Tick(n=0)", "await asyncio.sleep(60)\n        return Tick(n=0)")
    )
    await own_host.load()
    await own_host.start_run("Loop")
    await own_host.seen("invocation_started")
    os.kill(own_host.process.pid, signal.SIGTERM)
    await own_host.gone.wait()
    assert await own_host.process.wait() == -signal.SIGTERM
    assert "SIGTERM" in own_host.of("note")[-1].text
