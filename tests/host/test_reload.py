"""Changed source under a live run: new bodies at once, everything else said and left alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hostclient import HostClient
from hostflows import write_flow

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW = """
from enum import Enum
from functools import wraps
from pydantic import field_validator
from parts import RATE, shout

LIMIT = 1

class Mood(Enum):
    CALM = 1

class Item(Event):
    n: int = 0

    @field_validator("n")
    @classmethod
    def positive(cls, n):
        return abs(n)

    def label(self):
        return "old label"

def traced(function):
    @wraps(function)
    async def inner(*args):
        return "old " + await function(*args)
    return inner

@traced
async def helper():
    return f"helped {LIMIT} {RATE}"

class Live(Workflow):
    scale = 1

    @step
    async def first(self, ev: StartEvent) -> Item:
        return Item(n=1)

    @step
    async def second(self, ev: Item) -> StopEvent:
        assert isinstance(ev, Item)
        return StopEvent(result=["old", self.describe(), await helper(), shout("a"), ev.label(), self.scale])

    def describe(self):
        return "old body"
"""
MORE = """
    @step
    async def more(self, ev: Item) -> None: ...

    def describe"""
PARTS = """
RATE = 10
def shout(text):
    return text + "!"
"""


def write(host: HostClient, *changes: tuple[str, str], parts: tuple[tuple[str, str], ...] = ()) -> Path:
    text, other = FLOW, PARTS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    for old, new in parts:
        assert old in other
        other = other.replace(old, new)
    write_flow(host, other, "parts.py")
    return write_flow(host, text)


async def held_run(host: HostClient) -> tuple[str, Any]:
    """A run that is held before its second step."""
    write(host)
    await host.load()
    await host.ask("set_breakpoints", breakpoints=[{"id": 1, "step": "second"}])
    run = await host.start_run("Live")
    return run, await host.seen("held")


async def finish(host: HostClient, run: str) -> Any:
    await host.ask("set_breakpoints", breakpoints=[])
    await host.ask("continue")
    end = await host.ended(run)
    assert end.kind == "run_finished", end
    return end.result.data


async def test_new_bodies_and_constants_are_used_by_the_live_run(host: HostClient) -> None:
    run, _ = await held_run(host)
    path = write(
        host,
        ('"old", self', '"new", self'),
        ('return "old body"', "return self.fresh()\n\n    def fresh(self):\n        return f'fresh {NEW}'"),
        ("LIMIT = 1", "LIMIT = 2\nNEW = 'constant'"),
        ('"old label"', '"new label"'),
        ('"old " +', '"newer " +'),
        ("scale = 1", "scale = 5"),
        parts=(("RATE = 10", "RATE = 20"), ('"!"', '"?"')),
    )
    result = await host.ask("reload")
    assert (result["outcome"], result["detail"]) == ("swapped", "")
    assert sorted(result["files"]) == sorted([str(path), str(path.with_name("parts.py"))])
    assert await finish(host, run) == ["new", "fresh constant", "newer helped 2 20", "a?", "new label", 5]
    assert (await host.ask("reload"))["outcome"] == "unchanged"


async def test_a_change_of_an_imported_file_reaches_those_who_import_from_it(host: HostClient) -> None:
    run, _ = await held_run(host)
    write(
        host,
        parts=(
            ("RATE = 10", "RATE = 77"),
            ('text + "!"', "twice(text)\ndef twice(text):\n    return text * 2"),
        ),
    )
    result = await host.ask("reload")
    assert (result["outcome"], result["detail"]) == ("swapped", "")
    assert (await finish(host, run))[2:4] == ["old helped 1 77", "aa"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("n: int = 0", "n: int = 0\n    extra: str = ''"), "extra"),
        (("async def first", "async def begin"), "first"),
        (("    @step\n    async def second", "    @step(num_workers=1)\n    async def second"), "second"),
        (("-> StopEvent:", "-> StopEvent | Item:"), "second"),
        (("CALM = 1", "CALM = 1\n    WILD = 2"), "WILD"),
        (("    def describe", MORE), "more"),
    ],
)  # fmt: skip
async def test_a_change_of_structure_is_left_to_a_fresh_host(
    host: HostClient, change: tuple[str, str], word: str
) -> None:
    run, _ = await held_run(host)
    write(host, change, ('"old", self', '"new", self'))
    result = await host.ask("reload")
    assert result["outcome"] == "structural"
    assert word in result["detail"]
    assert (await finish(host, run))[0] == "old", "nothing was taken up"


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("LIMIT = 1", "LIMIT = = 1"), "syntax_error", 10),
        (("LIMIT = 1", "LIMIT = 1 / 0"), "import_error", 10),
        (("LIMIT = 1", "import not_there_at_all"), "missing_package", 10),
        (("LIMIT = 1", "os._exit(5)"), "exited_at_import", 10),
        (("LIMIT = 1", "async def go(): await Live().run()"), None, None),
    ],
)
async def test_code_that_does_not_import_leaves_the_old_running(
    host: HostClient, change: tuple[str, str], code: str | None, line: int | None
) -> None:
    run, _ = await held_run(host)
    tail = ('return "old body"', 'return "old body"\n\nasyncio.run(go())') if code is None else change
    write(host, change, tail) if code is None else write(host, change)
    result = await host.ask("reload")
    assert result["outcome"] in ("failed", "structural")
    if code is not None:
        assert (result["error"]["code"], result["error"]["where"]["line"]) == (code, line)
    assert (await finish(host, run))[0] == "old"
    write(host, ('"old", self', '"mended", self'))
    assert (await host.ask("reload"))["outcome"] == "swapped"
    assert await host.run_result("Live") == ["mended", "old body", "old helped 1 10", "a!", "old label", 1]


async def test_a_file_that_is_saved_while_it_is_imported_is_taken_up_the_next_time(host: HostClient) -> None:
    run, _ = await held_run(host)
    resave = (
        "from pathlib import Path\nme = Path(__file__)\nme.write_text(me.read_text().replace('new', 'third'))"
    )
    write(host, ("LIMIT = 1", f"LIMIT = 1\n{resave}"), ('"old", self', '"new", self'))
    assert (await host.ask("reload"))["outcome"] == "swapped"
    assert (await host.ask("reload"))["outcome"] == "swapped"
    assert (await host.ask("reload"))["outcome"] == "unchanged"
    assert (await finish(host, run))[0] == "third"


async def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(host: HostClient) -> None:
    run, _ = await held_run(host)
    flow = host.folder / "flow.py"
    flow.unlink()
    os.mkfifo(flow)
    result = await host.ask("reload")
    assert (result["outcome"], result["error"]["code"]) == ("failed", "not_python")
    assert (await finish(host, run))[0] == "old"


async def test_later_runs_of_an_instance_at_module_level_use_the_new_code(host: HostClient) -> None:
    text = """
        class Small(Workflow):
            @step
            async def only(self, ev: StartEvent) -> StopEvent:
                return StopEvent(result=[self._timeout, "old"])
        flow = Small(timeout=5)
    """
    write_flow(host, text)
    await host.load()
    assert await host.run_result("Small") == [5, "old"]
    write_flow(host, text.replace("timeout=5", "timeout=9").replace('"old"', '"new"'))
    assert (await host.ask("reload"))["outcome"] == "swapped"
    assert await host.run_result("Small") == [9, "new"]


async def test_a_flow_that_became_invalid_is_refused_with_its_place(host: HostClient) -> None:
    run, _ = await held_run(host)
    write(host, ("ev: Item) -> StopEvent", "ev: Item) -> Item"))
    result = await host.ask("reload")
    assert result["outcome"] in ("failed", "structural")
    assert (await finish(host, run))[0] == "old"
