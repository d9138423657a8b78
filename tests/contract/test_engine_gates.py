"""Holding, editing, dropping and duplicating at the four gates."""

from __future__ import annotations

from typing import Any

import pytest
from engineflows import ASKING, CHAIN, FAN, HELPED, SENDS
from enginehost import EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("when", "place", "held"),
    [
        ("emit", {"event": "A"}, ("A", "first", 1, 2)),
        ("deliver", {"event": "A"}, ("A", "second", 2, 2)),
        ("after", {"step": "second"}, ("B", "second", 2, 2)),
        ("publish", {"event": "B"}, ("B", "first", 1, None)),
    ],
)
async def test_each_gate_holds_and_lets_go(
    host: EngineHost, when: str, place: dict[str, Any], held: tuple[Any, ...]
) -> None:
    await host.given(CHAIN)
    points = [{"id": 1, "when": when, **place}, {"id": 2, "step": "third"}]
    answer = await host.ask("set_breakpoints", breakpoints=points)
    assert all(item["ok"] for item in answer["items"])
    run = await host.start_run("Chain")
    found = await host.seen("held", breakpoint=1)
    assert (found.type, found.step, found.invocation, found.event) == held
    assert (found.when, found.reason, found.breakpoint) == (when, "breakpoint", 1)
    await host.seen("clock_paused")
    await host.release(found)
    await host.release(await host.seen("held", breakpoint=2))
    assert await host.result_of(run) == 2
    assert [r.action for r in host.of("released")] == ["accept", "accept"]
    assert host.of("clock_resumed")


async def test_a_held_delivery_has_not_started(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(event="A")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    assert held.payload.data == {"n": 1}
    assert not host.of("invocation_started", step="second")
    assert (await host.ask("get_status"))["paused"]
    await host.release(held)
    await host.ended(run)


@pytest.mark.parametrize("when", ["emit", "deliver"])
async def test_an_edited_event_goes_on_with_its_new_fields(host: EngineHost, when: str) -> None:
    await host.given(CHAIN)
    await host.stop_at(event="A", when=when)
    run = await host.start_run("Chain")
    held = await host.seen("held")
    error = await host.refused("release", hold=held.hold, action="edit", data={"n": "many"})
    assert (error.code, error.fields[0].field) == ("invalid_input", "n")
    await host.release(held, "edit", data={"n": 41})
    assert await host.result_of(run) == 42
    (edit,) = host.of("edited")
    assert (edit.before.data, edit.after.data) == ({"n": 1}, {"n": 41})
    assert "second got 41" in host.printed()


async def test_an_edited_outcome_takes_the_place_of_the_real_one(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(step="second", when="after")
    run = await host.start_run("Chain")
    await host.release(await host.seen("held"), "edit", data={"n": 50})
    assert await host.result_of(run) == 50
    assert host.of("event_emitted", type="B")[0].payload.data == {"n": 50}


@pytest.mark.parametrize("when", ["emit", "deliver"])
async def test_a_dropped_event_reaches_nobody(host: EngineHost, when: str) -> None:
    await host.given(CHAIN)
    await host.stop_at(event="A", when=when)
    run = await host.start_run("Chain")
    held = await host.seen("held")
    await host.release(held, "drop")
    await host.seen("run_stuck")
    assert not host.of("invocation_started", step="second")
    assert host.of("dropped")[0].event == held.event
    await host.ask("cancel_run", run=run)
    await host.ended(run)


async def test_a_dropped_outcome_is_no_outcome(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(step="second", when="after")
    run = await host.start_run("Chain")
    await host.release(await host.seen("held"), "drop")
    await host.seen("run_stuck")
    assert not host.of("event_emitted", type="B")
    await host.ask("cancel_run", run=run)
    await host.ended(run)


@pytest.mark.parametrize("when", ["emit", "deliver"])
async def test_a_duplicated_event_runs_its_step_twice(host: EngineHost, when: str) -> None:
    await host.given(
        CHAIN.replace("return StopEvent(result=ev.n)", "return None").replace(
            "-> StopEvent", "-> StopEvent | None"
        )
    )
    await host.stop_at(event="A", when=when)
    run = await host.start_run("Chain")
    await host.release(await host.seen("held"), "duplicate")
    await host.seen("run_stuck")
    assert len({r.invocation for r in host.of("invocation_started", step="second")}) == 2
    assert len({r.invocation for r in host.of("invocation_started", step="third")}) == 2
    assert len({r.event for r in host.of("event_emitted", type="B")}) == 2
    await host.ask("cancel_run", run=run)
    await host.ended(run)


@pytest.mark.parametrize(("action", "result"), [("accept", [1, 2]), ("edit", [5, 2]), ("drop", [2])])
async def test_sent_events_pass_the_emit_gate_too(host: EngineHost, action: str, result: list[int]) -> None:
    await host.given(SENDS)
    await host.stop_at(event="Item", when="emit")
    run = await host.start_run("Sends")
    first, second = await host.until(lambda: len(host.of("held")) == 2 and host.of("held"))
    assert (first.type, first.step, first.payload.data) == ("Item", "first", {"n": 1})
    await host.release(first, action, **({"data": {"n": 5}} if action == "edit" else {}))
    await host.release(second)
    assert await host.result_of(run) == result


async def test_an_exception_is_held_before_the_retry_policy_decides(host: EngineHost) -> None:
    await host.given("""
        from PACKAGE.retry_policy import ConstantDelayRetryPolicy
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            POLICY = ConstantDelayRetryPolicy(maximum_attempts=5, delay=0.0)
        class Fails(Workflow):
            @step(retry_policy=POLICY)
            async def fail(self, ev: StartEvent) -> StopEvent:
                raise ValueError("broken")
    """)
    assert (await host.stop_at(step="fail", exception=True))["resolved"]["when"] == "after"
    run = await host.start_run("Fails")
    first = await host.seen("held")
    assert (first.when, first.type, first.attempt) == ("after", "ValueError", 0)
    assert not host.of("invocation_failed")
    await host.release(first)
    second = await host.until(lambda: next((h for h in host.of("held") if h.hold != first.hold), None))
    assert (second.attempt, second.invocation) == (1, first.invocation)
    error = await host.refused("release", hold=second.hold, action="edit", data={"n": 1})
    assert '"type"' in error.hint
    await host.release(second, "edit", data={"type": "StopEvent", "data": {"result": "mended"}})
    assert await host.result_of(run) == "mended"
    assert [(f.attempt, f.final) for f in host.of("invocation_failed")] == [(0, False)]


async def test_a_retry_starts_on_the_edited_event(host: EngineHost) -> None:
    await host.given("""
        from PACKAGE.retry_policy import ConstantDelayRetryPolicy
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            POLICY = ConstantDelayRetryPolicy(maximum_attempts=3, delay=0.0)
        class A(Event):
            n: int
        class Again(Workflow):
            tries = 0
            @step
            async def first(self, ev: StartEvent) -> A:
                return A(n=1)
            @step(retry_policy=POLICY)
            async def second(self, ev: A) -> StopEvent:
                self.tries += 1
                print("saw", ev.n)
                if self.tries < 3:
                    raise ValueError("again")
                return StopEvent(result=ev.n)
    """)
    await host.stop_at(event="A")
    run = await host.start_run("Again")
    held = await host.seen("held")
    await host.ask("set_breakpoints", breakpoints=[])
    await host.release(held, "edit", data={"n": 9})
    assert await host.result_of(run) == 9
    assert host.printed() == ["saw 9"] * 3


async def test_a_join_is_held_with_all_its_events(host: EngineHost) -> None:
    host.needs("lists")
    await host.given(FAN)
    await host.stop_at(step="join")
    run = await host.start_run("Fan")
    held = await host.seen("held")
    assert held.type == "list[Done]"
    assert sorted(d["n"] for d in held.payload.data) == [0, 10, 20, 30]
    await host.release(held)
    assert await host.result_of(run) == [0, 10, 20, 30]


@pytest.mark.parametrize(
    ("action", "result"),
    [("edit", [0, 20, 30, 70]), ("drop", [0, 20, 30]), ("duplicate", [0, 10, 10, 20, 30])],
)
async def test_a_member_of_a_fan_out_stays_one_when_it_is_changed(
    host: EngineHost, action: str, result: list[int]
) -> None:
    host.needs("lists")
    await host.given(FAN)
    await host.stop_at(event="Item", condition="ev.n == 1")
    run = await host.start_run("Fan")
    held = await host.seen("held")
    await host.release(held, action, **({"data": {"n": 7}} if action == "edit" else {}))
    assert await host.result_of(run) == result


async def test_conditions_see_event_state_and_attempt(host: EngineHost) -> None:
    await host.given(SENDS)
    await host.stop_at(
        event="Item", condition="ev.n == 2 and state.got == [1] and attempt == 0 and step == 'take'"
    )
    run = await host.start_run("Sends")
    held = await host.seen("held")
    assert held.payload.data == {"n": 2}
    await host.release(held)
    assert await host.result_of(run) == [1, 2]


async def test_hits_and_log_messages_count_as_on_any_engine(host: EngineHost) -> None:
    await host.given(SENDS)
    points = [
        {"id": 1, "event": "Item", "hits": 2},
        {"id": 2, "event": "Item", "action": "log", "log": "item {ev.n} for {step}"},
    ]
    await host.ask("set_breakpoints", breakpoints=points)
    run = await host.start_run("Sends")
    held = await host.seen("held")
    assert held.payload.data == {"n": 2}
    assert [n.text for n in host.of("note")] == ["item 1 for take", "item 2 for take"]
    await host.release(held)
    await host.ended(run)


@pytest.mark.parametrize(("event", "where"), [("StopEvent", "emit"), ("Shown", "publish")])
async def test_an_event_that_no_step_takes_is_stopped_where_it_comes_out(
    host: EngineHost, event: str, where: str
) -> None:
    """By its name alone; one that no graph shows counts once its class is loaded."""
    host.write_flow(ASKING, "asking.py")
    await host.given(HELPED.replace("await ask(ctx)", "1"))
    verdict = await host.stop_at(event=event)
    assert (verdict["ok"], verdict["resolved"]["when"]) == (True, where)
    await host.start_run("Helped")
    held = await host.seen("held")
    assert (held.type, held.when) == (event, where)


async def test_what_a_helper_waits_for_is_known_once_it_waits(host: EngineHost) -> None:
    host.write_flow(ASKING, "asking.py")
    (info,) = await host.given(HELPED)
    assert "Verdict" not in [e["name"] for e in info["graph"]["events"]]
    assert (await host.stop_at(event="Verdict"))["ok"]
    run = await host.start_run("Helped")
    await host.seen("invocation_waiting")
    graph = host.described["Helped"].graph
    assert graph.step("begin").waits_for == ("Verdict",)
    assert (graph.event("Verdict").role, graph.event("InputRequiredEvent").role) == (
        "human_response",
        "input_required",
    )
    seen = {(e.source, e.target, e.event) for e in graph.edges if e.origin == "observed"}
    assert seen == {("human", "begin", "Verdict"), ("begin", "human", "InputRequiredEvent")}
    await host.ask("inject", run=run, type="Verdict", data={"text": "yes", "who": "me"})
    held = await host.seen("held")
    assert (held.type, held.when, held.step) == ("Verdict", "deliver", "begin")
    await host.release(held, "edit", data={"text": "no"})
    assert await host.result_of(run) == "no"
