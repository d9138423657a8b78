"""The state of a run is a fold over its journal."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wf_core import Context, Workflow, catch_error, step
from wf_core.engine import statefile
from wf_core.engine.journal import Journal, MemoryJournal, Record, SqliteJournal
from wf_core.engine.rebuild import rebuild
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
)
from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_none
from wf_core.serializers import JsonSerializer


class A(Event):
    n: int


class B(Event):
    n: int


class Sum(Event):
    n: int


class Everything(Workflow):
    """Fan-out, join, retry, recovery, collecting, sending and waiting in one run."""

    @step
    async def split(self, ctx: Context, ev: StartEvent) -> list[A]:
        ctx.send_event(HumanResponseEvent(text="unexpected"))
        return [A(n=n) for n in range(4)]

    @step(num_workers=2, retry_policy=retry_policy(wait=wait_none(), stop=stop_after_attempt(2)))
    async def work(self, ctx: Context, ev: A) -> B:
        if ev.n == 1 or (ev.n == 2 and ctx.retry_info().retry_number == 0):
            raise ValueError(f"bad {ev.n}")
        return B(n=ev.n)

    @catch_error
    async def rescue(self, ev: StepFailedEvent) -> B:
        return B(n=100)

    @step
    async def join(self, ctx: Context, evs: list[B]) -> Sum | None:
        for ev in evs:
            ctx.send_event(Sum(n=ev.n))

    @step
    async def gather(self, ctx: Context, ev: Sum) -> StopEvent | None:
        got = ctx.collect_events(ev, [Sum] * 4)
        if got is None:
            return None
        answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(), timeout=9)
        return StopEvent(result=(sum(e.n for e in got), answer.text))


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Journal]:
    if request.param == "memory":
        kept = MemoryJournal()
        return lambda: kept
    return lambda: SqliteJournal(tmp_path / "journal.sqlite", batch=7)


def folded(records: list[Record]) -> Any:
    return rebuild(Everything._plan(), records, JsonSerializer()).broker


def written(broker: Any) -> dict[str, Any]:
    """A broker's state without its clock times, which no input carries."""
    data = statefile.dump(broker, lambda place, value: JsonSerializer().serialize(value), 0.0)
    for work in data["works"]:
        work["elapsed"] = None
    for wait in data["waits"]:
        wait["timeout"] = None
    return data


async def turns() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_folding_the_journal_gives_the_live_state(make: Callable[[], Journal]) -> None:
    journal = make()
    flow = Everything(journal=journal, timeout=5)
    handler = flow.run(run_id="r")
    for _ in range(40):
        await asyncio.sleep(0)
        assert written(folded(list(journal.read("r")))) == written(handler.ctx._run.broker)
    handler.ctx.send_event(HumanResponseEvent(text="yes"))
    assert await handler == (105, "yes")
    records = list(make().read("r"))  # for SQLite: another connection to the same file
    assert folded(records).over
    assert [record.seq for record in records] == list(range(len(records)))


async def test_a_continued_run_journals_what_it_continued_from(make: Callable[[], Journal]) -> None:
    flow = Everything()
    handler = flow.run()
    await turns()
    data = handler.ctx.to_dict()
    await handler.cancel_run()

    journal = make()
    again = Everything(journal=journal, timeout=5)
    continued = again.run(ctx=Context.from_dict(again, data), run_id="c")
    await turns()
    assert written(folded(list(journal.read("c")))) == written(continued.ctx._run.broker)
    continued.ctx.send_event(HumanResponseEvent(text="yes"))
    assert await continued == (105, "yes")


ANOTHER_PROCESS = """
import os, sys
from wf_core.engine.journal import Record, SqliteJournal, to_resume
journal = SqliteJournal(sys.argv[1])
print(journal.runs(), journal.elsewhere())
for run in (None, "mine"):
    try:
        to_resume(journal, run)
    except Exception as error:
        print(error)
journal.append("theirs", Record(0, "state", "{}", 0.5))
journal.flush()
os._exit(0)
"""


def test_records_of_an_ended_process_are_taken_over_and_those_of_a_living_one_left_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    mine = SqliteJournal(path)
    mine.append("mine", Record(0, "state", "{}"))
    mine.flush()
    done = subprocess.run([sys.executable, "-c", ANOTHER_PROCESS, path], stdout=subprocess.PIPE, check=True)
    refused = "Run mine is going on in another process; there is nothing to resume"
    assert done.stdout.decode().splitlines() == ["[] {'mine'}", refused, refused]
    for tail in tmp_path.glob("*.tail"):
        if b"theirs" in tail.read_bytes():
            with tail.open("ab") as file:
                file.write(b'["theirs",1,"cut of')
    another = SqliteJournal(path)
    assert (another.runs(), list(another.read("theirs"))) == (["theirs"], [Record(0, "state", "{}", 0.5)])
    mine.close()
    assert another.runs() == ["theirs", "mine"]
    another.close()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.sqlite"]


def test_a_record_that_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"Record 3 \(route\) does not fit"):
        folded([Record(3, "route", '[[{"#": 9, "of": "Pending"}], {}]')])
    with pytest.raises(ValueError, match=r"Record 0 \(__init__\) does not fit"):
        folded([Record(0, "__init__", "[[], {}]")])


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal, other = SqliteJournal(file), sqlite3.connect(file, isolation_level=None)
    other.execute("alter table records rename to moved")
    journal.append("r", Record(0, "state", "{}"))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        journal.commit()
    other.execute("alter table moved rename to records")
    journal.append("r", Record(1, "state", "{}"))
    assert [record.seq for record in journal.read("r")] == [0, 1]


@pytest.mark.parametrize(
    ("made_by", "said"),
    [
        ("pragma application_id = 7", "another program"),
        ("create table records (seq integer)", "no such column"),
        ("create table runs (name text)", "no such column"),
    ],
)
def test_a_foreign_database_is_refused_and_left_as_it_is(tmp_path: Path, made_by: str, said: str) -> None:
    file = tmp_path / "theirs.db"
    theirs = sqlite3.connect(file)
    theirs.execute(made_by)
    theirs.close()
    before = file.read_bytes()
    with pytest.raises(sqlite3.DatabaseError, match=said):
        SqliteJournal(file)
    assert file.read_bytes() == before
