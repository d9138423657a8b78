"""What a run leaves behind: nothing per event while it goes on, nothing at all once it has ended."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from wf_core import Context, Workflow, step
from wf_core.engine.journal import SqliteJournal
from wf_core.errors import WorkflowCancelledByUser
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepStateChanged,
    StopEvent,
)
from wf_core.handler import WorkflowHandler
from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_fixed


class Lap(Event):
    left: int


class Side(Event):
    n: int


class Marathon(Workflow):
    """Goes round, sends an event aside each time, and weighs the process now and then."""

    weights: list[int]

    @step
    async def begin(self, ev: StartEvent) -> Lap:
        return Lap(left=ev.n)

    @step
    async def lap(self, ctx: Context, ev: Lap) -> Lap | Side | StopEvent:
        if ev.left % 10_000 == 0:
            gc.collect()
            self.weights.append(sys.getallocatedblocks())
        ctx.send_event(Side(n=ev.left))
        return Lap(left=ev.left - 1) if ev.left else StopEvent()

    @step
    async def aside(self, ev: Side) -> None:
        return None


async def test_a_hundred_thousand_events_leave_nothing_in_memory() -> None:
    flow = Marathon(timeout=None)
    flow.weights = []
    await flow.run(n=50_000)
    first, last = flow.weights[1], flow.weights[-1]
    assert last - first < 5_000, flow.weights


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has no eager tasks before")
async def test_an_application_with_eager_tasks_changes_nothing() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    flow = Marathon(timeout=None)
    flow.weights = []
    handlers = [flow.run(n=3_000) for _ in range(3)]
    assert flow.weights == []
    await asyncio.gather(*handlers)
    assert len(flow.weights) == 3


async def test_a_late_reader_gets_every_published_event_and_the_latest_of_the_engines_own() -> None:
    class Talker(Workflow):
        @step
        async def talk(self, ctx: Context, ev: StartEvent) -> Lap:
            ctx.write_event_to_stream(Side(n=0))
            return Lap(left=2_000)

        @step
        async def lap(self, ctx: Context, ev: Lap) -> Lap | StopEvent:
            if ev.left % 500 == 0:
                ctx.write_event_to_stream(Side(n=ev.left))
            return Lap(left=ev.left - 1) if ev.left else StopEvent()

    handler = Talker(timeout=None).run()
    await handler
    seen = [event async for event in handler.stream_events(expose_internal=True)]
    assert [event.n for event in seen if isinstance(event, Side)] == [0, 2_000, 1_500, 1_000, 500, 0]
    states = [event for event in seen if isinstance(event, StepStateChanged)]
    assert 500 < len(states) < 2_000
    assert isinstance(seen[-2], StepStateChanged)
    assert isinstance(seen[-1], StopEvent)


class Grown(Exception):
    """What a step fails with at first."""


class Everything(Workflow):
    """Is, one after another, in all that a run can be in: a delay, a thread, a child run, a wait, a sleep."""

    @step(retry_policy=retry_policy(wait=wait_fixed(0.001), stop=stop_after_attempt(2)))
    async def begin(self, ctx: Context, ev: StartEvent) -> list[Lap]:
        await asyncio.sleep(0)
        if ctx.retry_info().retry_number == 0:
            raise Grown
        await ctx.store.set("begun", True)
        return [Lap(left=k) for k in range(3)]

    @step(num_workers=1)
    def in_a_thread(self, ev: Lap) -> Side:
        return Side(n=ev.left)

    @step
    async def ask(self, ctx: Context, evs: list[Side]) -> StopEvent:
        child = Child(timeout=5).run()
        await child
        answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(), timeout=5)
        await asyncio.sleep(0)
        return StopEvent(result=(len(evs), answer.text))


class Child(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        await asyncio.sleep(0)
        return StopEvent()


async def ended(handler: WorkflowHandler) -> None:
    with suppress(WorkflowCancelledByUser, asyncio.CancelledError):
        await handler


async def cancel_the_run(handler: WorkflowHandler) -> None:
    await handler.cancel_run()
    await ended(handler)


async def cancel_who_awaits_it(handler: WorkflowHandler) -> None:
    caller = asyncio.ensure_future(handler.stop_event_result())
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    await ended(handler)


@pytest.mark.parametrize("cancel", [cancel_the_run, cancel_who_awaits_it])
def test_cancelling_at_any_point_leaves_no_task_thread_or_file(
    cancel: Callable[[WorkflowHandler], Awaitable[None]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(turns: int) -> bool:
        """Cancel after so many loop turns; whether the run went on until then."""
        journal = SqliteJournal(tmp_path / f"{turns}.sqlite")
        flow = Everything(timeout=5, journal=journal)
        gone = weakref.ref(flow)
        handler = flow.run()
        answered = False
        for _ in range(turns):
            await asyncio.sleep(0)
            while _idle(handler):
                if not answered and handler.ctx._run.broker.waits:
                    answered = True
                    await handler.send_event(HumanResponseEvent(text="yes"))
                    break
                await asyncio.sleep(0.0002)
        cut = not handler.is_done()
        await cancel(handler)
        journal.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        del flow, handler
        gc.collect()
        assert gone() is None
        return cut

    before = threads_and_files()
    turns = 0
    with caplog.at_level(logging.ERROR):
        while asyncio.run(main(turns)):
            assert threads_and_files() == before, f"cancelled after {turns} turns"
            turns += 1
    assert turns > 6
    assert caplog.records == []


def _idle(handler: WorkflowHandler) -> bool:
    """Whether the next turn waits for a timer, a thread or a person."""
    return not asyncio.get_running_loop()._ready and not handler.is_done()  # type: ignore[attr-defined]


def threads_and_files() -> tuple[set[threading.Thread], int]:
    return set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
