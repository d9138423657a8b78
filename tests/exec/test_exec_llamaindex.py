"""Scripts on the LlamaIndex engine: their runs are debugged, and one that slips past is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from test_exec_headless import execute

SCRIPT = """
import asyncio, threading
from workflows import Workflow, step
from workflows.events import Event, StartEvent, StopEvent

class Number(Event):
    n: int

class Doubling(Workflow):
    @step
    async def read(self, ev: StartEvent) -> Number:
        return Number(n=ev.n)
    @step
    async def double(self, ev: Number) -> StopEvent:
        return StopEvent(result=ev.n * 2)

async def main(n):
    print(await Doubling().run(n=n))

"""


def records_of(folder: Path, ending: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
    done = execute(folder, SCRIPT + ending, "--json", *options)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_an_instance_made_in_the_script_is_debugged(tmp_path: Path) -> None:
    code, records = records_of(tmp_path, "asyncio.run(main(4))", "--break", "Number@double")
    assert code == 3
    assert [(r["type"], r["payload"]["data"]) for r in records if r["kind"] == "held"] == [
        ("Number", {"n": 4})
    ]


def test_a_run_that_slips_past_is_noted_once_and_runs_on(tmp_path: Path) -> None:
    thread = "threading.Thread(target=lambda: [asyncio.run(main(n)) for n in (1, 2)]).start()"
    code, records = records_of(tmp_path, thread)
    assert code == 0
    (note,) = [r["text"] for r in records if r["kind"] == "note"]
    assert note.startswith("a run of Doubling is not debugged")
    assert [r["text"] for r in records if r["kind"] == "log"] == ["2", "4"]
