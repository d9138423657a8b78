"""A run is written down while it goes on, and another goes on from there."""

from __future__ import annotations

from typing import Any

import pytest
from engineflows import CHAIN, FAN, SENDS, WAITS
from enginehost import EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def forked(host: EngineHost, run: str, workflow: str) -> Any:
    """The first thing that is held in the fork."""
    point = await host.ask("checkpoint", run=run, note="here")
    await host.ask("resume_run", workflow=workflow, snapshot=point["snapshot"], fork=f"{run}-2")
    return await host.seen("held", run=f"{run}-2")


async def test_what_is_held_is_held_in_the_fork_and_each_goes_its_own_way(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(event="A")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    again = await forked(host, run, "Chain")
    assert (again.step, again.type, again.payload) == (held.step, held.type, held.payload)
    await host.release(again, "edit", data={"n": 10})
    assert await host.result_of(again.run) == 11
    assert len(host.of("note", text="here", run=run)) == 1
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
    again = await forked(host, run, "Fan")
    await host.release(again, "drop")
    assert await host.result_of(again.run) == [0, 20, 30]
    await host.release(held)
    assert await host.result_of(run) == [0, 10, 20, 30]


async def test_the_state_is_copied_not_shared(host: EngineHost) -> None:
    await host.given(SENDS)
    await host.stop_at(event="Item", condition="ev.n == 2")
    run = await host.start_run("Sends")
    held = await host.seen("held")
    again = await forked(host, run, "Sends")
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
    point = await host.ask("checkpoint", run=run, note="here")
    await host.ask("resume_run", workflow="Waits", snapshot=point["snapshot"], fork="other")
    await host.ask("inject", run="other", type="Answer", data={"text": "no"})
    assert await host.result_of("other") == "no"
    await host.ask("inject", run=run, type="Answer", data={"text": "yes"})
    assert await host.result_of(run) == "yes"
