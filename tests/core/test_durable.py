"""A run with a journal goes on in another process when its own was killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import durable_flow
import pytest
from handclock import HandClock, settled

from wf_core import Context, Event, HumanResponseEvent, StartEvent, StopEvent, Workflow, step
from wf_core.engine.instrument import Instrument, attach
from wf_core.engine.journal import MemoryJournal, SqliteJournal
from wf_core.errors import ContextSerdeError, WorkflowRuntimeError, WorkflowTimeoutError
from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_fixed


class Processes:
    """One run, in one process after another."""

    def __init__(self, what: str, directory: Path) -> None:
        self.what, self.journal, self.file = what, directory / "journal.sqlite", directory / "did"

    def command(self, how: str) -> list[str]:
        return [sys.executable, durable_flow.__file__, how, self.what, str(self.journal), str(self.file)]

    def kill_in_midst(self, how: str) -> None:
        with subprocess.Popen(self.command(how), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
            process.kill()

    def resume(self) -> object:
        done = subprocess.run(self.command("resume"), capture_output=True, text=True, timeout=50, check=True)
        return json.loads(done.stdout)

    def did(self) -> Counter[str]:
        """How often each thing was done."""
        return Counter(self.file.read_text().splitlines())


def test_only_what_was_under_way_runs_again(tmp_path: Path) -> None:
    run = Processes("parts", tmp_path)
    run.kill_in_midst("start")
    assert run.resume() == [[0, 2, 3, 4, 100], {"seen": {"first": "one"}, "done": [0, 2, 3, 3, 4]}]
    twice = {thing for thing, times in run.did().items() if times == 2}
    assert (twice, max(run.did().values())) == ({"work 3"}, 2)


def test_a_run_killed_while_it_waits_takes_its_answer_in_the_next_process(tmp_path: Path) -> None:
    run = Processes("asking", tmp_path)
    run.kill_in_midst("start")
    assert run.resume() == "3 yes"
    assert run.did() == {"begin": 1, "gather 0": 1, "gather 1": 1, "gather 2": 1, "ask": 2, "answered": 1}


def test_it_may_be_killed_again(tmp_path: Path) -> None:
    run = Processes("parts", tmp_path)
    run.kill_in_midst("start")
    run.kill_in_midst("resume and wait")
    result = run.resume()
    assert result == [[0, 2, 3, 4, 100], {"seen": {"first": "one"}, "done": [0, 2, 3, 3, 3, 4]}]
    assert run.did()["work 3"] == 3
    did = run.did()
    assert [run.resume(), run.resume()] == [result, result]
    assert run.did() == did


# -- times, on a clock wound by hand
@pytest.fixture
def clock() -> Iterator[HandClock]:
    wound = HandClock()
    instrument = Instrument()
    instrument.clock = wound
    attach(instrument)
    yield wound
    attach(None)


def as_it_was(journal: MemoryJournal, run_id: str) -> MemoryJournal:
    """What another process finds when this one is killed now."""
    found = MemoryJournal()
    for record in journal.read(run_id):
        found.append("again", record)
    return found


class Slow(Workflow):
    @step
    async def wait(self, ctx: Context, ev: StartEvent) -> StopEvent:
        try:
            await ctx.wait_for_event(HumanResponseEvent, timeout=6)
        except TimeoutError:
            return StopEvent(result="nobody came")
        return StopEvent()


async def test_a_wait_has_the_rest_of_its_time(clock: HandClock) -> None:
    journal = MemoryJournal()
    handler = Slow(journal=journal).run(run_id="r")
    await clock.pass_by(0)
    clock.time += 2
    await handler.ctx.store.set("x", 1)
    resumed = Slow(journal=as_it_was(journal, "r")).resume("again")
    await clock.pass_by(3.9)
    assert not resumed.is_done()
    await clock.pass_by(0.2)
    assert await resumed == "nobody came"
    assert await resumed.ctx.store.get("x") == 1


async def test_the_timeout_counts_what_was_spent(clock: HandClock) -> None:
    journal = MemoryJournal()
    handler = Slow(journal=journal, timeout=5).run(run_id="r")
    await clock.pass_by(0)
    clock.time += 4
    await handler.ctx.store.set("x", 1)
    resumed = Slow(journal=as_it_was(journal, "r"), timeout=5).resume("again")
    await clock.pass_by(0.9)
    assert not resumed.is_done()
    await clock.pass_by(0.2)
    with pytest.raises(WorkflowTimeoutError):
        await resumed


async def test_a_retry_waits_for_the_rest_of_its_delay(clock: HandClock) -> None:
    tried: list[int] = []

    class Flow(Workflow):
        @step(retry_policy=retry_policy(wait=wait_fixed(10), stop=stop_after_attempt(2)))
        async def flaky(self, ctx: Context, ev: StartEvent) -> StopEvent:
            info = ctx.retry_info()
            tried.append(info.retry_number)
            if not info.retry_number:
                raise ValueError("first")
            return StopEvent(result=(info.elapsed_seconds, str(info.last_exception)))

    journal = MemoryJournal()
    handler = Flow(journal=journal).run(run_id="r")
    await clock.pass_by(0)
    clock.time += 7
    await handler.ctx.store.set("x", 1)
    resumed = Flow(journal=as_it_was(journal, "r")).resume()
    await clock.pass_by(2.9)
    assert tried == [0]
    await clock.pass_by(0.1)
    assert await resumed == (pytest.approx(10), "first")


# -- what can't be
async def test_what_cannot_be_resumed_says_why() -> None:
    with pytest.raises(WorkflowRuntimeError, match="has no journal to resume from"):
        Slow().resume()
    journal = MemoryJournal()
    with pytest.raises(WorkflowRuntimeError, match="no run that can go on; it is empty"):
        Slow(journal=journal).resume()
    with pytest.raises(WorkflowRuntimeError, match="holds no run 'x'"):
        Slow(journal=journal).resume("x")
    with pytest.raises(WorkflowTimeoutError):
        await Slow(journal=journal, timeout=-1).run(run_id="late")
    with pytest.raises(WorkflowRuntimeError, match="'late' has ended without a result"):
        Slow(journal=journal).resume()


class Other(Event):
    pass


class HumanStart(StartEvent):
    pass


class After(Workflow):
    @step
    async def new_name(self, ev: Other) -> StopEvent:
        return StopEvent()

    @step
    async def begin(self, ev: HumanStart) -> Other:
        return Other()


async def test_records_that_do_not_fit_the_changed_workflow_are_named() -> None:
    class Before(Workflow):
        @step
        async def old_name(self, ev: StartEvent) -> Other:
            return Other()

        @step
        async def end(self, ev: Other) -> StopEvent:
            await asyncio.Event().wait()
            return StopEvent()

    journal = MemoryJournal()
    handler = Before(journal=journal).run(run_id="r")
    await settled()

    with pytest.raises(ContextSerdeError, match=r"journal of run 'again' can't be followed: Record \d"):
        After(journal=as_it_was(journal, "r")).resume()
    await handler.cancel_run()


async def test_a_cancelled_run_can_be_resumed(tmp_path: Path) -> None:
    flow = Slow(journal=SqliteJournal(tmp_path / "journal"))
    handler = flow.run(run_id="r")
    await settled()
    await handler.cancel_run()
    resumed = flow.resume()
    await resumed.send_event(HumanResponseEvent())
    assert await resumed is None


async def test_a_state_without_serialized_form_fails_its_step() -> None:
    class Flow(Workflow):
        @step
        async def keep(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await ctx.store.set("socket", object())
            return StopEvent()

    with pytest.raises(ContextSerdeError, match="must be serializable; at 'socket'"):
        await Flow(journal=MemoryJournal()).run()


# -- when the journal can't be written
class Hop(Event):
    n: int


class Hops(Workflow):
    """Hops to 3; `at_two` is called on the way."""

    def __init__(self, journal: SqliteJournal, at_two: Callable[[], object] = list) -> None:
        super().__init__(journal=journal)
        self.at_two = at_two
        self.hops: list[int] = []

    @step
    async def hop(self, ctx: Context, ev: StartEvent | Hop) -> Hop | StopEvent:
        n = ev.n if isinstance(ev, Hop) else 0
        self.hops.append(n)
        if n == 2:
            self.at_two()
        await ctx.store.set("n", n)
        return Hop(n=n + 1) if n < 3 else StopEvent(result=self.hops)


async def test_a_run_whose_journal_fails_stops_and_can_be_resumed(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal", batch=1)
    flow = Hops(journal, journal.close)
    with pytest.raises(WorkflowRuntimeError, match=r"journal of run 'r' can't be written: .*be resumed"):
        await flow.run(run_id="r")
    assert flow.hops == [0, 1, 2]
    assert await Hops(SqliteJournal(tmp_path / "journal")).resume() == [2, 3]
