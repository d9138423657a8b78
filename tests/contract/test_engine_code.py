"""Loading, reloading and carrying a run over to a fresh process."""

from __future__ import annotations

from typing import Any

import pytest
from engineflows import CHAIN, FAN, WAITS
from enginehost import FIRST_LINE, EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_flow_is_described_with_its_graph(host: EngineHost) -> None:
    path = host.folder / "flow.py"
    (info,) = await host.given("""
        from PACKAGE.retry_policy import ConstantDelayRetryPolicy
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            POLICY = ConstantDelayRetryPolicy(maximum_attempts=3, delay=2)
        class Item(Event):
            '''Something to do.'''
            n: int = 3
        class Answer(HumanResponseEvent): ...
        class Flow(Workflow):
            '''Does much.'''
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> Item | None:
                '''Sends.'''
                ctx.send_event(Item(n=1))
            @step(num_workers=7, retry_policy=POLICY)
            async def work(self, ctx: Context, ev: Item) -> StopEvent:
                await ctx.wait_for_event(Answer)
                return StopEvent()
        flow = Flow(disable_validation=True)
    """)
    assert (info["name"], info["engine"]) == ("Flow", host.engine.name)
    assert info["source"] == {"file": str(path), "line": FIRST_LINE + 10}
    graph = info["graph"]
    begin, work = graph["steps"]
    assert (begin["name"], begin["emits"], begin["doc"]) == ("begin", ["Item"], "Sends.")
    assert (work["num_workers"], work["waits_for"]) == (7, ["Answer"])
    assert "3" in work["retry"]
    assert work["source"]["line"] in (FIRST_LINE + 16, FIRST_LINE + 17)
    events = {e["name"]: e for e in graph["events"]}
    assert {name: e["role"] for name, e in events.items()} == {
        "StartEvent": "start",
        "Item": "event",
        "StopEvent": "stop",
        "Answer": "human_response",
    }
    assert events["Item"]["fields"]["properties"]["n"]["default"] == 3
    assert events["Item"]["doc"] == "Something to do."
    assert {(e["source"], e["target"], e["event"]) for e in graph["edges"]} == {
        ("start", "begin", "StartEvent"),
        ("begin", "work", "Item"),
        ("human", "work", "Answer"),
        ("work", "stop", "StopEvent"),
    }


async def test_instances_at_module_level_keep_their_options(host: EngineHost) -> None:
    offers = await host.given("""
        class Small(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result=self._timeout)
        flow = Small(timeout=5)
        other = Small(timeout=6)
    """)
    assert [o["name"] for o in offers] == ["flow", "other"]
    assert await host.run_result("flow") == 5
    assert await host.run_result("other") == 6
    assert await host.run_result("flow") == 5


async def test_an_only_instance_goes_by_its_class_and_answers_to_its_variable(host: EngineHost) -> None:
    offers = await host.given(CHAIN)
    assert [o["name"] for o in offers] == ["Chain"]
    assert await host.run_result("flow") == 2


async def test_the_resources_of_a_step_are_on_the_graph(host: EngineHost) -> None:
    (info,) = await host.given("""
        from typing import Annotated
        from PACKAGE.resource import Resource
        def make_store() -> dict:
            return {}
        class Flow(Workflow):
            @step
            async def only(self, ev: StartEvent, store: Annotated[dict, Resource(make_store)]) -> StopEvent:
                return StopEvent()
    """)
    (only,) = info["graph"]["steps"]
    assert only["resources"] == [{"parameter": "store", "type": "dict", "maker": "make_store"}]


async def test_an_invalid_workflow_is_drawn_and_refused(host: EngineHost) -> None:
    (info,) = await host.given("""
        class Odd(Event): ...
        class Broken(Workflow):
            @step
            async def begin(self, ev: StartEvent) -> StopEvent:
                return StopEvent()
            @step
            async def never(self, ev: Odd) -> StopEvent:
                return StopEvent()
    """)
    problem = info["problems"][0]
    assert problem["fatal"]
    assert "Odd" in problem["message"] or problem["step"] == "never"
    assert len(info["graph"]["steps"]) == 2
    assert (await host.refused("start_run", workflow="Broken")).code == "invalid_workflow"


async def test_an_author_may_run_what_validation_refuses(host: EngineHost) -> None:
    (info,) = await host.given("""
        class Odd(Event): ...
        class Loose(Workflow):
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> StopEvent | None:
                ctx.send_event(Odd())
            @step
            async def later(self, ev: Odd) -> StopEvent:
                return StopEvent(result="ran")
        flow = Loose(disable_validation=True)
    """)
    assert [problem["fatal"] for problem in info["problems"]] == [False] * len(info["problems"])
    assert info["problems"]
    assert await host.run_result("Loose") == "ran"


async def test_a_run_at_import_is_refused_with_its_line(host: EngineHost) -> None:
    host.write_flow("""
        class Small(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent:
                return StopEvent()
        async def main():
            await Small().run()
        asyncio.run(main())
    """)
    error = await host.refused("load", path=str(host.folder / "flow.py"))
    assert error.code == "ran_at_import"
    assert error.where.line in (FIRST_LINE + 6, FIRST_LINE + 7)
    assert "__main__" in error.hint


async def test_a_wrong_start_event_is_refused_field_by_field(host: EngineHost) -> None:
    await host.given("""
        class Begin(StartEvent):
            n: int
        class Typed(Workflow):
            @step
            async def only(self, ev: Begin) -> StopEvent:
                return StopEvent(result=ev.n)
    """)
    error = await host.refused("start_run", workflow="Typed", input={"n": "x"})
    assert (error.code, [f.field for f in error.fields]) == ("invalid_input", ["n"])
    error = await host.refused("start_run", workflow="Typed", input={})
    assert error.code == "invalid_input"
    run = await host.start_run("Typed", n=3)
    assert await host.result_of(run) == 3


async def test_new_bodies_are_used_by_the_live_run(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(step="third")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    host.write_flow(CHAIN.replace("StopEvent(result=ev.n)", "StopEvent(result=['new', ev.n])"))
    assert (await host.ask("reload"))["outcome"] == "swapped"
    await host.release(held)
    assert await host.result_of(run) == ["new", 2]
    assert await host.run_result_without_stops("Chain") == ["new", 2]


async def test_a_change_of_structure_is_left_to_a_fresh_host(host: EngineHost) -> None:
    await host.given(CHAIN)
    await host.stop_at(step="third")
    run = await host.start_run("Chain")
    held = await host.seen("held")
    host.write_flow(CHAIN.replace("n: int = 0", "n: int = 0\n    extra: str = ''"))
    assert (await host.ask("reload"))["outcome"] == "structural"
    await host.release(held)
    assert await host.result_of(run) == 2


async def frozen_chain(host: EngineHost) -> tuple[str, dict[str, Any]]:
    """A run that is held before its second step."""
    await host.given(CHAIN)
    await host.stop_at(step="second")
    run = await host.start_run("Chain")
    await host.seen("held")
    return run, (await host.ask("snapshot", run=run))["snapshot"]


async def test_a_run_goes_on_in_a_fresh_host_under_its_old_numbers(
    host: EngineHost, second_host: EngineHost
) -> None:
    run, snapshot = await frozen_chain(host)
    second_host.write_flow(CHAIN.replace("ev.n + 1", "ev.n + 100"))
    await second_host.load()
    answer = await second_host.ask("resume_run", workflow="Chain", snapshot=snapshot)
    assert answer == {"run": run, "lost": []}
    assert await second_host.result_of(run) == 101
    (started,) = second_host.of("run_started")
    assert (started.seq, started.resumed, started.run) == (1000, True, run)
    assert started.t >= host.of("held")[0].t
    (second,) = second_host.of("invocation_started", step="second")
    (held,) = host.of("held")
    assert (second.invocation, second.events) == (held.invocation, (held.event,))
    old = {r.event for r in host.of("event_emitted")}
    assert not old & {r.event for r in second_host.of("event_emitted")}, "numbers are never used twice"


@pytest.mark.parametrize("when", ["emit", "after"])
async def test_a_step_held_on_its_way_out_is_not_delivered_twice(
    host: EngineHost, second_host: EngineHost, when: str
) -> None:
    await host.given(CHAIN)
    await host.stop_at(event="B", step="second", when=when)
    run = await host.start_run("Chain")
    await host.seen("held")
    snapshot = (await host.ask("snapshot", run=run))["snapshot"]
    second_host.write_flow(CHAIN)
    await second_host.load()
    await second_host.ask("resume_run", workflow="Chain", snapshot=snapshot)
    assert await second_host.result_of(run) == 2
    assert len(second_host.of("invocation_started", step="third")) == 1


async def test_a_fan_out_goes_on_with_all_its_parts(host: EngineHost, second_host: EngineHost) -> None:
    host.needs("lists")
    await host.given(FAN)
    await host.stop_at(step="work", condition="ev.n > 0")
    run = await host.start_run("Fan")
    await host.until(lambda: len(host.of("held")) == 2 and host.of("event_emitted", type="Done"))
    snapshot = (await host.ask("snapshot", run=run))["snapshot"]
    second_host.write_flow(FAN)
    await second_host.load()
    await second_host.ask("resume_run", workflow="Fan", snapshot=snapshot)
    assert await second_host.result_of(run) == [0, 10, 20, 30]
    items = {r.event for r in host.of("event_emitted", type="Item")}
    assert {r.events[0] for r in second_host.of("invocation_started", step="work")} < items
    (join,) = second_host.of("invocation_started", step="join")
    done = [*host.of("event_emitted", type="Done"), *second_host.of("event_emitted", type="Done")]
    assert set(join.events) == {r.event for r in done}


@pytest.mark.parametrize(
    ("old", "new", "field", "word"),
    [
        ("async def second", "async def other", "second", "gone"),
        ("class A(Event):\n    n: int = 0", "class A(Event):\n    n: int = 0\n    c: str", "second", "A.c"),
    ],
)
async def test_what_cannot_go_on_is_listed_and_left_out_only_on_request(
    host: EngineHost, second_host: EngineHost, old: str, new: str, field: str, word: str
) -> None:
    run, snapshot = await frozen_chain(host)
    assert old in CHAIN
    second_host.write_flow(CHAIN.replace(old, new).replace("A(n=1)", "A(n=1, c='')"))
    await second_host.load()
    error = await second_host.refused("resume_run", workflow="Chain", snapshot=snapshot)
    assert error.code == "cannot_carry_over"
    assert [f.field for f in error.fields] == [field]
    assert word in error.fields[0].message
    answer = await second_host.ask("resume_run", workflow="Chain", snapshot=snapshot, drop_lost=True)
    assert len(answer["lost"]) == 1
    assert (await second_host.seen("run_started", run=run)).resumed


async def test_a_waiting_step_waits_on_in_the_fresh_host(host: EngineHost, second_host: EngineHost) -> None:
    await host.given(WAITS)
    run = await host.start_run("Waits")
    waiting = await host.seen("invocation_waiting")
    frozen = await host.ask("snapshot", run=run)
    assert frozen["restarts"] == ["ask"]
    second_host.write_flow(WAITS)
    await second_host.load()
    await second_host.ask("resume_run", workflow="Waits", snapshot=frozen["snapshot"])
    await second_host.seen("run_started")
    while not (answer := await second_host.ask("inject", run=run, type="Answer", data={"text": "late"}))[
        "accepted_by"
    ]:
        pass
    assert answer["accepted_by"] == ["ask"]
    assert await second_host.result_of(run) == "late"
    again = [*second_host.of("invocation_started"), *second_host.of("invocation_resumed")]
    assert {r.invocation for r in again} == {waiting.invocation}


async def test_a_state_without_a_json_form_is_named(host: EngineHost) -> None:
    await host.given("""
        class Locked(Workflow):
            @step
            async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
                await ctx.store.set("lock", threading.Lock())
                await asyncio.sleep(60)
                return StopEvent()
    """)
    run = await host.start_run("Locked")
    await host.seen("state_changed")
    error = await host.refused("snapshot", run=run)
    assert error.code == "cannot_snapshot"
    assert "lock" in error.message
