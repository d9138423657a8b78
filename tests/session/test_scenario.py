"""What a person did at the keyboard becomes rules, and the rules do it again; a run is tried both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers import OpenPeer

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.rules import read_rules, write_rules
from wf_debug.session import Session, SessionError
from wf_debug.session.scenario import rules_of
from wf_debug.trace.records import RunFinished

FLOW = """
from wf_core import Event, StartEvent, StopEvent, Workflow, step

class Order(Event):
    item: str
    amount: int

class Priced(Event):
    text: str

class Shop(Workflow):
    @step
    async def split(self, ev: StartEvent) -> list[Order]:
        return [Order(item=item, amount=n) for n, item in enumerate(["pen", "ink", "cup", "map"], 1)]

    @step(num_workers=1)
    async def price(self, ev: Order) -> Priced:
        return Priced(text=f"{ev.amount} {ev.item}")

    @step
    async def bill(self, ev: list[Priced]) -> StopEvent:
        return StopEvent(result=[p.text for p in ev])
"""


async def result_of(session: Session, run: str) -> object:
    await session.wait_run_end(run)
    (end,) = [r for r in session.recording.records(run=run) if isinstance(r, RunFinished)]
    return end.result.data


async def decide(session: Session, item: str, action: str, data: dict[str, object] | None = None) -> None:
    await session.wait_for(lambda s: any(h.payload.data["item"] == item for h in s.live.holds.values()))
    held = next(h for h in session.live.holds.values() if h.payload.data["item"] == item)
    await session.release(held.hold, action, data)


async def test_a_session_at_the_keyboard_becomes_a_scenario(open_flow: OpenPeer, tmp_path: Path) -> None:
    session = await open_flow(FLOW)
    await session.set_breakpoints([Breakpoint(event="Order")])
    run = await session.start_run({})
    await decide(session, "pen", "edit", {"item": "pen", "amount": 70})
    await decide(session, "ink", "drop")
    await decide(session, "cup", "accept")
    await decide(session, "map", "duplicate")
    by_hand = await result_of(session, run)
    assert by_hand == ["70 pen", "3 cup", "4 map", "4 map"]

    path = tmp_path / "shop.rules.toml"
    path.write_text(write_rules(rules_of(session.recording)))
    rules = read_rules(path)
    assert [(r.action, r.condition, r.edit, r.times) for r in rules] == [
        ("edit", "ev.item == 'pen' and ev.amount == 1", '{"amount": 70}', 1),
        ("drop", "ev.item == 'ink' and ev.amount == 2", "", 1),
        ("duplicate", "ev.item == 'map' and ev.amount == 4", "", 1),
    ]
    await session.set_breakpoints(rules)
    assert await result_of(session, await session.start_run({})) == by_hand
    assert len(rules_of(session.recording)) == 3  # what rules did is not done by hand


async def test_a_fork_has_the_history_of_its_run_and_goes_its_own_way(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    await session.set_breakpoints([Breakpoint(event="Order", condition="ev.item == 'ink'")])
    run = await session.start_run({})
    await session.wait_for(lambda s: bool(s.live.holds))
    fork = await session.fork(run)
    await session.wait_for(lambda s: len(s.live.holds) == 2)
    theirs, ours = session.live.holds.values()
    assert (theirs.run, ours.run) == (run, fork)
    assert ours.event == theirs.event
    assert session.recording.event(fork, ours.event or 0) is not None  # what came before is known there too
    assert session.live.edge_counts(fork) == session.live.edge_counts(run)

    await session.release(ours.hold, "edit", {"item": "ink", "amount": 20})
    await session.release(theirs.hold, "drop")
    assert await result_of(session, fork) == ["1 pen", "20 ink", "3 cup", "4 map"]
    assert await result_of(session, run) == ["1 pen", "3 cup", "4 map"]


async def test_a_run_that_is_over_cannot_be_forked(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    run = await session.start_run({})
    await session.wait_run_end(run)
    with pytest.raises(SessionError, match="is over"):
        await session.fork(run)


async def test_what_was_done_before_a_fork_is_one_rule(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    await session.set_breakpoints([Breakpoint(event="Order", condition="ev.amount < 3")])
    run = await session.start_run({})
    await decide(session, "pen", "drop")
    await session.wait_for(lambda s: bool(s.live.holds))
    await session.fork(run)
    assert [(rule.action, rule.condition) for rule in rules_of(session.recording)] == [
        ("drop", "ev.item == 'pen' and ev.amount == 1")
    ]


async def test_a_fork_from_a_moment_that_its_host_does_not_keep_is_over_at_once(open_flow: OpenPeer) -> None:
    session = await open_flow(FLOW)
    await session.set_breakpoints([Breakpoint(event="Order", condition="ev.amount == 1")])
    run = await session.start_run({})
    await session.wait_for(lambda s: s.recording.last_checkpoint(run) is not None)
    point = session.recording.last_checkpoint(run)
    await session.restart_host()
    with pytest.raises(SessionError, match="not kept any more"):
        await session.fork(run, point)
    assert session.live.live_runs == []
