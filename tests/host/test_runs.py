"""What a run leaves behind in records, and how it ends."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hostclient import HostClient
from hostflows import write_flow

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAN_OUT = """
class Item(Event):
    n: int
class Done(Event):
    n: int
class Fan(Workflow):
    @step
    async def split(self, ev: StartEvent) -> list[Item]:
        return [Item(n=n) for n in range(4)]
    @step(num_workers=2)
    async def work(self, ev: Item) -> Done:
        await asyncio.sleep(0)
        return Done(n=ev.n * 10)
    @step
    async def join(self, done: list[Done]) -> StopEvent:
        return StopEvent(result=sorted(d.n for d in done))
"""


async def test_a_run_is_told_completely_and_in_order(host: HostClient) -> None:
    write_flow(host, FAN_OUT)
    await host.load()
    run = await host.run("Fan")
    kinds = Counter(host.kinds())
    assert kinds["event_emitted"] == 1 + 4 + 4 + 1
    assert kinds["invocation_started"] == kinds["invocation_finished"] == 1 + 4 + 1
    assert kinds["invocation_queued"] == 2
    assert [r.seq for r in host.records] == list(range(1, len(host.records) + 1))
    assert {r.run for r in host.records} == {run}
    assert [r.t for r in host.records] == sorted(r.t for r in host.records)
    assert host.of("run_finished")[0].result.data == [0, 10, 20, 30]


async def test_every_event_names_the_invocation_it_came_from(host: HostClient) -> None:
    write_flow(host, FAN_OUT)
    await host.load()
    await host.run("Fan")
    emitted = {r.event: r for r in host.of("event_emitted")}
    started = {r.invocation: r for r in host.of("invocation_started")}
    for done in host.of("event_emitted", type="Done"):
        (cause,) = started[done.invocation].events
        assert emitted[cause].type == "Item"
        assert emitted[cause].payload.data["n"] * 10 == done.payload.data["n"]
    assert len(host.of("invocation_started", step="join")[0].events) == 4


async def test_a_failing_step_is_retried_and_then_fails_the_run(host: HostClient) -> None:
    write_flow(
        host,
        """
        from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_fixed
        class Flaky(Workflow):
            @step(retry_policy=retry_policy(wait=wait_fixed(0.01), stop=stop_after_attempt(2)))
            async def attempt(self, ev: StartEvent) -> StopEvent:
                raise ValueError("no luck")
    """,
    )
    await host.load()
    await host.run("Flaky")
    failed = host.of("invocation_failed")
    assert [(f.attempt, f.final) for f in failed] == [(0, False), (1, True)]
    assert [(r.attempt, r.delay) for r in host.of("retry_scheduled")] == [(1, 0.01)]
    end = host.of("run_failed")[0]
    assert (end.error.type, end.error.message, end.step) == ("ValueError", "no luck", "attempt")
    assert end.error.where.file.endswith("flow.py")
    assert "raise ValueError" in end.error.traceback


async def test_an_event_that_nobody_takes_names_what_comes_closest(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Result(Event):
            pass
        class Special(Result):
            pass
        class Lost(Workflow):
            @step
            async def first(self, ev: StartEvent) -> Result | None:
                return Special()
            @step
            async def last(self, ev: Result) -> StopEvent:
                return StopEvent()
    """,
    )
    await host.load()
    run = await host.start_run("Lost")
    unhandled = await host.seen("event_unhandled", type="Special")
    assert "takes Result" in unhandled.hint
    stuck = await host.seen("run_stuck")
    assert stuck.why
    await host.ask("cancel_run", run=run)
    assert (await host.ended(run)).kind == "run_cancelled"


async def test_a_timeout_names_the_steps_it_cut_off(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Slow(Workflow):
            @step
            async def sleep(self, ev: StartEvent) -> StopEvent:
                await asyncio.sleep(60)
                return StopEvent()
        flow = Slow(timeout=0.05)
    """,
    )
    await host.load()
    await host.run("Slow")
    (end,) = host.of("run_timed_out")
    assert (end.timeout, end.active) == (0.05, ("sleep",))
    assert host.of("invocation_cancelled", step="sleep")


async def test_a_child_run_names_the_invocation_that_started_it(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Child(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent:
                print("from the child")
                return StopEvent(result=1)
        class Parent(Workflow):
            @step
            async def call(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result=await Child().run())
    """,
    )
    await host.load()
    run = await host.run("Parent")
    child = next(r for r in host.of("run_started") if r.run != run)
    assert (child.workflow, child.parent_run) == ("Child", run)
    assert child.parent_invocation == host.of("invocation_started", step="call")[0].invocation
    assert host.of("log")[0].run == child.run


async def test_a_traceback_shows_the_users_frames_and_none_of_the_engines(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Child(Workflow):
            @step
            async def fail(self, ev: StartEvent) -> StopEvent:
                raise ValueError("in the child")
        class Parent(Workflow):
            @step
            async def call(self, ev: StartEvent) -> StopEvent:
                try:
                    await Child().run()
                except ValueError as error:
                    raise KeyError("in the parent") from error
    """,
    )
    await host.load()
    run = await host.run("Parent")
    (failed,) = [r for r in host.of("run_failed") if r.run == run]
    frames = [line.split(", in ")[1] for line in failed.error.traceback.splitlines() if ", in " in line]
    assert frames == ["call", "fail", "call"]
    assert "ValueError: in the child" in failed.error.traceback


async def test_asking_on_standard_input_says_what_to_do_instead(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Asks(Workflow):
            @step
            async def ask(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result=input("name? "))
    """,
    )
    await host.load()
    await host.run("Asks")
    assert "InputRequiredEvent" in host.of("run_failed")[0].error.traceback


async def test_a_call_of_pythons_debugger_is_told_and_passed_over(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Stops(Workflow):
            @step
            async def stop(self, ev: StartEvent) -> StopEvent:
                breakpoint()
                return StopEvent(result="went on")
    """,
    )
    await host.load()
    assert await host.run_result("Stops") == "went on"
    assert "breakpoint() at" in host.of("note")[0].text
    assert "flow.py:8" in host.of("note")[0].text


async def test_state_changes_and_published_events_are_recorded(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Progress(Event):
            pct: int
        class Busy(Workflow):
            @step
            async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
                await ctx.store.set("count", 3)
                ctx.write_event_to_stream(Progress(pct=50))
                return StopEvent(result="ok")
    """,
    )
    await host.load()
    await host.run("Busy")
    (change,) = host.of("state_changed")
    assert (change.path, change.value.data, change.step) == ("count", 3, "only")
    shown = host.of("published", type="Progress")[0]
    assert (shown.payload.data, shown.step) == ({"pct": 50}, "only")


async def test_sys_exit_in_a_step_fails_the_run_and_the_host_lives_on(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Quits(Workflow):
            @step
            async def leave(self, ev: StartEvent) -> StopEvent:
                sys.exit(3)
    """,
    )
    await host.load()
    await host.run("Quits")
    (end,) = host.of("run_failed")
    assert "sys.exit(3)" in end.error.message
    assert (await host.ask("get_status"))["live_runs"] == []


async def test_what_led_to_os_exit_is_not_lost(own_host: HostClient) -> None:
    write_flow(
        own_host,
        """
        class Dies(Workflow):
            @step
            async def die(self, ev: StartEvent) -> StopEvent:
                print("last words", end="")
                os._exit(7)
    """,
    )
    await own_host.load()
    await own_host.start_run("Dies")
    await own_host.gone.wait()
    assert await own_host.process.wait() == 7
    assert own_host.of("invocation_started", step="die")
    assert "last words" in own_host.printed()
    assert "flow.py" in own_host.of("note")[0].text


async def test_a_crash_keeps_its_culprit(own_host: HostClient) -> None:
    write_flow(
        own_host,
        """
        import ctypes
        class Crashes(Workflow):
            @step
            async def crash(self, ev: StartEvent) -> StopEvent:
                print("about to crash")
                ctypes.string_at(0)
                return StopEvent()
    """,
    )
    await own_host.load()
    await own_host.start_run("Crashes")
    await own_host.gone.wait()
    assert await own_host.process.wait() == -11
    assert own_host.of("invocation_started", step="crash")
    assert "about to crash" in own_host.printed()
    await own_host.stop()
    assert "crash" in own_host.stderr, "faulthandler names the frame on the real stderr"


async def test_large_payloads_are_spilled_to_files(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Big(Event):
            text: str
        class Heavy(Workflow):
            @step
            async def make(self, ev: StartEvent) -> Big:
                return Big(text="x" * 50_000_000)
            @step
            async def take(self, ev: Big) -> StopEvent:
                return StopEvent(result=len(ev.text))
    """,
    )
    await host.load()
    await host.run("Heavy")
    (big,) = host.of("event_emitted", type="Big")
    assert big.payload.data is None
    assert big.payload.size > 50_000_000
    assert Path(big.payload.handle).stat().st_size == big.payload.size
    assert len(big.payload.preview) <= 200
