"""Interception rules and breakpoints on the state: what acts without a person, and what stops at no event."""

from __future__ import annotations

from typing import Any

import pytest
from engineflows import CHAIN, FAN, SENDS
from enginehost import EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

RETRIED = """
from PACKAGE.retry_policy import ConstantDelayRetryPolicy
class Broken(RuntimeError):
    pass
class Retried(Workflow):
    @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=3, delay=0.01))
    async def work(self, ev: StartEvent) -> StopEvent:
        print("really works")
        return StopEvent(result="worked")
"""


async def given_rule(host: EngineHost, flow: str, **rule: Any) -> None:
    await host.given(flow)
    answer = await host.stop_at(**rule)
    assert answer["ok"], answer


@pytest.mark.parametrize("when", ["emit", "deliver"])
@pytest.mark.parametrize(
    ("rule", "result"),
    [
        ({"action": "edit", "edit": '{"n": 7}'}, [0, 20, 30, 70]),
        ({"action": "drop"}, [0, 20, 30]),
        ({"action": "duplicate"}, [0, 10, 10, 20, 30]),
        ({"action": "delay", "delay": 0.02}, [0, 10, 20, 30]),
    ],
)
async def test_an_event_is_changed_on_its_way(
    host: EngineHost, when: str, rule: dict[str, Any], result: list[int]
) -> None:
    host.needs("lists")
    await given_rule(host, FAN, event="Item", condition="ev.n == 1", when=when, **rule)
    assert await host.run_result("Fan") == result
    assert not host.of("held")
    done = [*host.of("edited"), *host.of("dropped"), *host.of("duplicated")]
    assert [(r.rule, r.hold, r.type) for r in done] == [(1, None, "Item")] * (rule["action"] != "delay")


async def test_what_a_step_returned_is_changed_before_anybody_sees_it(host: EngineHost) -> None:
    await given_rule(host, CHAIN, event="B", step="second", when="after", action="edit", edit='{"n": 50}')
    assert await host.run_result("Chain") == 50


@pytest.mark.parametrize("when", ["deliver", "after"])
@pytest.mark.parametrize("error", ["TimeoutError: too slow", "Broken: too slow", "json.JSONDecodeError"])
async def test_a_step_fails_as_if_by_itself_and_is_tried_again(
    host: EngineHost, when: str, error: str
) -> None:
    fits = "JSON" not in error  # that class wants more than a message
    await given_rule(
        host, RETRIED, step="work", when=when, condition="attempt < 2", action="raise", error=error
    )
    assert await host.run_result("Retried") == "worked"
    failed = host.of("invocation_failed")
    assert [(f.attempt, f.error.message) for f in failed] == [(0, "too slow"), (1, "too slow")] * fits
    assert len(host.of("retry_scheduled")) == 2 * fits
    assert len(host.printed()) == (1 if when == "deliver" or not fits else 3)
    complaints = [n.text for n in host.of("note", level="error")]
    assert len(complaints) == (0 if fits else 1)


async def test_a_rule_acts_from_a_match_on_and_so_many_times(host: EngineHost) -> None:
    host.needs("lists")
    await given_rule(host, FAN, event="Item", action="drop", hits=2, times=2)
    assert await host.run_result("Fan") == [0, 30]


async def test_while_all_is_paused_a_rule_waits_too(host: EngineHost) -> None:
    await given_rule(host, CHAIN, event="A", action="edit", edit='{"n": 10}')
    await host.ask("pause")
    run = await host.start_run("Chain")
    await host.release(await host.seen("held", step="first"))
    held = await host.seen("held", step="second")
    assert held.payload.data == {"n": 1}
    await host.ask("continue")
    assert await host.result_of(run) == 11


async def test_what_the_person_decides_goes_before_a_rule(host: EngineHost) -> None:
    await host.given(CHAIN)
    points = [{"id": 1, "event": "A"}, {"id": 2, "event": "A", "action": "drop"}]
    await host.ask("set_breakpoints", breakpoints=points)
    run = await host.start_run("Chain")
    await host.release(await host.seen("held"), "edit", data={"n": 5})
    assert await host.result_of(run) == 6
    assert not host.of("dropped")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"event": "A", "action": "raise", "error": "Nonsense: no"}, "no exception class 'Nonsense'"),
        ({"event": "A", "when": "emit", "action": "raise", "error": "ValueError"}, "no step runs at 'emit'"),
        ({"event": "A", "action": "edit", "edit": "[1]"}, "cannot read the edit '[1]'"),
        ({"state": "x", "action": "drop"}, "a change of state can stop the run or be logged, not drop"),
    ],
)
async def test_a_rule_that_cannot_act_says_why(host: EngineHost, rule: dict[str, Any], reason: str) -> None:
    await host.given(CHAIN)
    answer = await host.stop_at(**rule)
    assert not answer["ok"]
    assert answer["reason"].startswith(reason)


async def test_an_edit_that_does_not_fit_is_explained_and_changes_nothing(host: EngineHost) -> None:
    await given_rule(host, CHAIN, event="A", action="edit", edit='{"n": "many"}')
    assert await host.run_result("Chain") == 2
    (note,) = host.of("note", level="error")
    assert "n" in note.text


async def test_a_change_of_state_holds_who_made_it(host: EngineHost) -> None:
    await given_rule(host, SENDS, state="got", condition="2 in value and state.got == [1, 2]")
    run = await host.start_run("Sends")
    held = await host.seen("held")
    assert (held.step, held.when, held.reason, held.breakpoint) == ("take", "after", "breakpoint", 1)
    assert (await host.ask("get_state", run=run))["state"]["got"] == [1, 2]
    await host.release(held)
    assert await host.result_of(run) == [1, 2]


async def test_changes_of_state_are_logged_and_other_keys_are_not(host: EngineHost) -> None:
    await host.given(SENDS)
    points = [
        {"id": 1, "state": "got", "action": "log", "log": "{step} makes it {value}"},
        {"id": 2, "state": "gotten"},
        {"id": 3, "state": "got", "step": "first"},
    ]
    await host.ask("set_breakpoints", breakpoints=points)
    assert await host.run_result("Sends") == [1, 2]
    assert [n.text for n in host.of("note")] == ["take makes it [1]", "take makes it [1, 2]"]
