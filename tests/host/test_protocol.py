"""The host's side of the wire: bad lines, a blocked loop, and its end."""

from __future__ import annotations

import asyncio
import time

import pytest
from hostclient import HostClient
from hostflows import write_flow

from wf_debug.wire import PROTOCOL

pytestmark = pytest.mark.asyncio(loop_scope="module")

BLOCKS = """
class Blocks(Workflow):
    @step
    async def block(self, ev: StartEvent) -> StopEvent:
        time.sleep(ev.get("seconds", 30))
        return StopEvent()
"""


async def test_hello_says_who_is_there(host: HostClient) -> None:
    hello = host.hello
    assert hello is not None
    assert (hello.protocol, hello.pid) == (PROTOCOL, host.process.pid)
    assert "native" in hello.engines


@pytest.mark.parametrize(
    ("line", "answer_id", "word"),
    [
        (b"nonsense\n", None, "Invalid JSON"),
        (b'{"cmd": "frobnicate", "id": 7}\n', 7, "frobnicate"),
        (b'{"cmd": "run_to", "id": 8}\n', 8, "step"),
        (b'{"cmd": "pause", "id": "x"}\n', None, "id"),
        (b"[1, 2]\n", None, "object"),
        (b"\xff\xfe\n", None, "JSON"),
    ],
)
async def test_a_bad_line_costs_one_answer(
    host: HostClient, line: bytes, answer_id: int | None, word: str
) -> None:
    before = len(host.loose)
    host.write(line)
    await host.until(lambda: len(host.loose) > before)
    reply = host.loose[-1]
    assert (reply.id, reply.error.code) == (answer_id, "bad_message")
    assert word in reply.error.message
    assert await host.ask("pause") == {}


async def test_unknown_names_are_refused_with_the_closest(host: HostClient) -> None:
    write_flow(host, BLOCKS)
    await host.load()
    for cmd, fields, code in [
        ("start_run", {"workflow": "Blcks"}, "unknown_workflow"),
        ("validate", {"workflow": "Blocks", "type": "StartEvnt", "data": {}}, "unknown_event"),
        ("run_to", {"step": "blok"}, "unknown_step"),
        ("get_state", {"run": "r"}, "unknown_run"),
        ("release", {"hold": 5, "action": "accept"}, "unknown_hold"),
        ("follow", {"hold": 5}, "unknown_hold"),
        ("step_next", {"hold": 5}, "unknown_hold"),
        ("resume_run", {"workflow": "Blocks", "snapshot": {"run": "r"}}, "invalid_input"),
        ("start_run", {"workflow": "Blocks", "journal": "\0"}, "invalid_input"),
        ("load", {"path": "x" * 300 + ".py"}, "not_found"),
    ]:
        error = await host.refused(cmd, **fields)
        assert error.code == code
        assert error.message


async def test_a_blocked_loop_is_named_and_still_answered(own_host: HostClient) -> None:
    path = write_flow(own_host, BLOCKS)
    await own_host.load()
    run = await own_host.start_run("Blocks")
    await own_host.seen("invocation_started")
    status = await own_host.ask("get_status")
    while not status["blocked_for"]:
        status = await own_host.ask("get_status")
    line = path.read_text().splitlines().index('        time.sleep(ev.get("seconds", 30))') + 1
    assert (status["where"], status["function"]) == ({"file": str(path), "line": line}, "block")
    assert status["live_runs"] == [run]
    assert await own_host.ask("pause") == {}
    assert await own_host.ask("cancel_run", run=run) == {}


async def test_an_import_that_hangs_is_named(own_host: HostClient) -> None:
    path = write_flow(own_host, "time.sleep(60)\n")
    loading = asyncio.ensure_future(own_host.ask("load", path=str(path)))
    status = await own_host.ask("get_status")
    while not status["where"]:
        status = await own_host.ask("get_status")
    assert (status["loading"], status["where"]["line"]) == (True, 4)
    loading.cancel()


async def test_when_the_session_goes_nothing_stays_held(own_host: HostClient) -> None:
    write_flow(own_host, """
        class Held(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent:
                try:
                    await asyncio.sleep(60)
                finally:
                    print("cleaned up", file=sys.__stdout__, flush=True)
                return StopEvent()
    """)  # fmt: skip
    await own_host.load()
    await own_host.start_run("Held")
    await own_host.seen("invocation_started")
    await own_host.ask("pause")
    await own_host.stop()
    assert own_host.process.returncode == 0
    assert own_host.stdout == "cleaned up\n"


async def test_shutdown_ends_a_host_whose_loop_is_blocked(own_host: HostClient) -> None:
    write_flow(own_host, BLOCKS)
    await own_host.load()
    await own_host.start_run("Blocks")
    await own_host.seen("invocation_started")
    began = time.monotonic()
    await own_host.ask("shutdown")
    await own_host.process.wait()
    assert time.monotonic() - began < 20


async def test_shutdown_keeps_what_was_recorded(own_host: HostClient) -> None:
    write_flow(own_host, BLOCKS)
    await own_host.load()
    await own_host.ask("pause")
    run = await own_host.start_run("Blocks")
    await own_host.seen("held")
    await own_host.ask("shutdown")
    await own_host.gone.wait()
    assert own_host.of("run_cancelled", run=run)
    assert await own_host.process.wait() == 0
