"""A run is written down while it goes on, and another goes on from there."""

from __future__ import annotations

from typing import Any

import pytest
from engineflows import CHAIN, FAN, SENDS, WAITS
from enginehost import EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def forked(host: EngineHost, run: str) -> Any:
    """The first thing that is held in the fork."""
    point = await host.ask("take_checkpoint", run=run)
    await host.ask("fork", **point, run=f"{run}-2")
    return await host.seen("held", run=f"{run}-2")


async def test_what_is_held_is_held_in_the_fork_and_each_goes_its_own_way(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(event="A")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    again = await forked(host, run)
    assert (again.step, again.type, again.payload) == (held.step, held.type, held.payload)
    await host.release(again, "edit", data={"n": 10})
    assert await host.result_of(again.run) == 11
    await host.release(held)
    assert await host.result_of(run) == 2
    assert host.printed() == ["second got 10", "second got 1"]


async def test_what_was_queued_and_gathered_is_in_both(host: EngineHost) -> None:
    host.needs("lists")
    await host.given(FAN)
    await host.stop_at(event="Item", condition="ev.n == 1")
    run = await host.start_run("Fan")
    held = await host.seen("held")
    await host.until(lambda: len(host.of("invocation_finished", step="work")) == 3)
    again = await forked(host, run)
    await host.release(again, "drop")
    assert await host.result_of(again.run) == [0, 20, 30]
    await host.release(held)
    assert await host.result_of(run) == [0, 10, 20, 30]


async def test_the_state_is_copied_not_shared(host: EngineHost) -> None:
    await host.given(SENDS)
    await host.stop_at(event="Item", condition="ev.n == 2")
    run = await host.start_run("Sends")
    held = await host.seen("held")
    again = await forked(host, run)
    assert (await host.ask("get_state", run=again.run))["state"] == {"got": [1]}
    await host.release(held)
    assert await host.result_of(run) == [1, 2]
    assert (await host.ask("get_state", run=again.run))["state"] == {"got": [1]}
    await host.release(again)
    assert await host.result_of(again.run) == [1, 2]


async def test_a_question_is_open_in_both(host: EngineHost) -> None:
    await host.given(WAITS)
    run = await host.start_run("Waits")
    await host.seen("invocation_waiting")
    point = await host.ask("take_checkpoint", run=run)
    await host.ask("fork", **point, run="other")
    await host.ask("inject", run="other", type="Answer", data={"text": "no"})
    assert await host.result_of("other") == "no"
    await host.ask("inject", run=run, type="Answer", data={"text": "yes"})
    assert await host.result_of(run) == "yes"


async def test_a_run_that_is_over_goes_on_from_where_it_was_held(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(step="second")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    point = await host.seen("checkpoint", run=run)
    await host.release(held, "edit", data={"n": 10})
    assert await host.result_of(run) == 11
    await host.ask("fork", checkpoint=point.checkpoint, run="again")
    again = await host.seen("held", run="again")
    assert again.payload == held.payload
    await host.release(again)
    assert await host.result_of("again") == 2


async def test_a_moment_that_is_not_kept_is_refused(host: EngineHost) -> None:
    await host.given(CHAIN)
    error = await host.refused("fork", checkpoint="none", run="again")
    assert error.code == "not_found"
