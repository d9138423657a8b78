"""Code that a plain python would survive, or die of in the open, does the same under the debugger."""

from __future__ import annotations

import pytest
from hostclient import HostClient
from hostflows import write_flow

from wf_debug.wire import CUT_OFF

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_text_that_utf8_cannot_hold_is_shown_escaped_and_nothing_is_lost(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Made(Event):
            name: str = "\\udcff"

        class Broken(Workflow):
            @step
            async def make(self, ev: StartEvent) -> Made:
                print("made \\ud800")
                return Made(name="\\ud800")

            @step
            async def end(self, ev: Made) -> StopEvent:
                raise OSError("no file \\udcff")
        """,
    )
    [flow] = await host.load()
    assert '"\\\\udcff"' in str(flow).replace("'", '"')
    run = await host.run("Broken")
    assert host.printed() == ["made \\ud800"]
    [failed] = host.of("run_failed", run=run)
    assert failed.error.message == "no file \\udcff"
    assert [r.seq for r in host.records] == sorted({r.seq for r in host.records})


async def test_a_forked_child_leaves_the_loop_to_its_parent(host: HostClient) -> None:
    write_flow(
        host,
        """
        class Forking(Workflow):
            @step
            async def fork(self, ev: StartEvent) -> StopEvent:
                child = os.fork()
                if child == 0:
                    return StopEvent(result="child")
                while os.waitpid(child, os.WNOHANG) == (0, 0):
                    await asyncio.sleep(0.01)
                return StopEvent(result="parent")
        """,
    )
    await host.load()
    assert await host.run_result("Forking") == "parent"
    assert [r.result.data for r in host.of("run_finished")] == ["parent"]


async def test_a_default_without_json_form_costs_nothing_but_itself(host: HostClient) -> None:
    write_flow(
        host,
        """
        import enum, re, warnings
        from typing import Any

        class Mode(enum.Enum):
            FAST = object()

        class Odd(StartEvent):
            pattern: Any = re.compile("x")
            raw: bytes = b"\\xff"

        class Odder(StopEvent):
            mode: Mode = Mode.FAST

        class Defaults(Workflow):
            @step
            async def go(self, ev: Odd) -> Odder:
                return Odder()
        """,
    )
    [flow] = await host.load()
    assert flow["problems"] == []
    events = {event["name"]: event["fields"] for event in flow["graph"]["events"]}
    assert set(events["Odd"]["properties"]) == {"pattern", "raw"}
    assert set(events["Odder"]["properties"]) == {"mode"}
    assert host.printed() == []


async def test_closing_all_descriptors_ends_the_host_with_a_code_that_says_so(own_host: HostClient) -> None:
    write_flow(
        own_host,
        """
        class Daemon(Workflow):
            @step
            async def detach(self, ev: StartEvent) -> StopEvent:
                os.closerange(3, 256)
                return StopEvent()
        """,
    )
    await own_host.load()
    await own_host.start_run("Daemon")
    assert await own_host.process.wait() == CUT_OFF
