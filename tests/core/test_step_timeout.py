"""A step may be given a time per attempt. The tests run on a clock that they wind by hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from handclock import HandClock, settled

from wf_core import (
    Context,
    HumanResponseEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
    Workflow,
    catch_error,
    step,
)
from wf_core.engine.instrument import Instrument, attach
from wf_core.errors import StepTimeoutError, WorkflowValidationError
from wf_core.representation import WorkflowStepNode, get_workflow_representation
from wf_core.retry_policy import retry_if_exception_type, retry_policy, stop_after_attempt, wait_none


@pytest.fixture
def clock() -> Iterator[HandClock]:
    wound = HandClock()
    instrument = Instrument()
    instrument.clock = wound
    attach(instrument)
    yield wound
    attach(None)


class Slow(Workflow):
    @step(timeout=2)
    async def rank(self, ev: StartEvent) -> StopEvent:
        await asyncio.Event().wait()
        return StopEvent()


async def test_an_attempt_that_takes_too_long_fails_and_names_its_step(clock: HandClock) -> None:
    handler = Slow().run()
    await clock.pass_by(1.9)
    assert not handler.is_done()
    await clock.pass_by(0.2)
    with pytest.raises(StepTimeoutError, match="Step 'rank' took longer than its timeout of 2 s"):
        await handler


async def test_every_attempt_has_the_whole_time(clock: HandClock) -> None:
    began: list[int] = []

    class Flow(Workflow):
        @step(
            timeout=2,
            retry_policy=retry_policy(
                retry_if_exception_type(TimeoutError), wait=wait_none(), stop=stop_after_attempt(3)
            ),
        )
        async def rank(self, ctx: Context, ev: StartEvent) -> StopEvent:
            began.append(ctx.retry_info().retry_number)
            if len(began) == 3:
                return StopEvent(result="in time")
            await asyncio.Event().wait()
            return StopEvent()

    handler = Flow().run()
    await clock.pass_by(2)
    assert began == [0, 1]
    await clock.pass_by(1.5)
    assert began == [0, 1]
    await clock.pass_by(0.5)
    assert await handler == "in time"


async def test_a_handler_of_errors_is_told(clock: HandClock) -> None:
    class Flow(Workflow):
        @step(timeout=2)
        async def rank(self, ev: StartEvent) -> StopEvent:
            await asyncio.Event().wait()
            return StopEvent()

        @catch_error
        async def rescue(self, ev: StepFailedEvent) -> StopEvent:
            return StopEvent(result=(ev.step_name, type(ev.exception)))

    handler = Flow().run()
    await clock.pass_by(2)
    assert await handler == ("rank", StepTimeoutError)


async def test_waiting_for_an_event_does_not_count(clock: HandClock) -> None:
    prepared = asyncio.Event()

    class Flow(Workflow):
        @step(timeout=2)
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            await prepared.wait()
            await ctx.wait_for_event(HumanResponseEvent)
            await asyncio.Event().wait()
            return StopEvent()

    handler = Flow(timeout=None).run()
    await clock.pass_by(1.5)
    prepared.set()
    await clock.pass_by(100)
    await handler.send_event(HumanResponseEvent())
    await clock.pass_by(0.4)
    assert not handler.is_done()
    await clock.pass_by(0.2)
    with pytest.raises(StepTimeoutError):
        await handler


async def test_a_body_that_cleans_up_may_still_return(clock: HandClock) -> None:
    class Flow(Workflow):
        @step(timeout=2)
        async def rank(self, ev: StartEvent) -> StopEvent:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return StopEvent(result="half of it")
            return StopEvent()

    handler = Flow().run()
    await clock.pass_by(2)
    assert await handler == "half of it"


async def test_a_thread_is_left_behind(clock: HandClock) -> None:
    go_on = threading.Event()

    class Flow(Workflow):
        @step(timeout=2)
        def rank(self, ev: StartEvent) -> StopEvent:
            go_on.wait()
            return StopEvent(result="too late")

    handler = Flow().run()
    await clock.pass_by(2)
    go_on.set()
    with pytest.raises(StepTimeoutError):
        await handler


async def test_cancelling_the_run_is_no_timeout(clock: HandClock) -> None:
    handler = Slow().run()
    await settled()
    await handler.cancel_run()
    assert not clock.timers


@pytest.mark.parametrize("wrong", [0, -1, True, "2"])
def test_a_time_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(WorkflowValidationError, match="timeout must be a number of seconds greater than 0"):

        @step(timeout=wrong)
        async def rank(ev: StartEvent) -> StopEvent:
            return StopEvent()


def test_the_graph_tells_the_time() -> None:
    (node,) = (n for n in get_workflow_representation(Slow).nodes if isinstance(n, WorkflowStepNode))
    assert node.timeout == 2
