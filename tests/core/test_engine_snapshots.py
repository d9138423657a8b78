"""A run can be written down as JSON at any moment and continued from it."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import pytest
from handclock import HandClock

from wf_core import Context, Workflow, step
from wf_core.collect import Collect, Take
from wf_core.decorators import catch_error
from wf_core.engine.instrument import Instrument, attach
from wf_core.errors import ContextSerdeError, ContextStateError, WorkflowTimeoutError
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
)
from wf_core.handler import WorkflowHandler
from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_fixed, wait_none


class A(Event):
    n: int = 0


class B(Event):
    n: int = 0


class Total(Event):
    n: int = 0


class Gate:
    """Steps of these flows stop here while it is closed, so that a snapshot finds them running."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        await self._open.wait()


gate = Gate()
runs: list[Any] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    gate.renew()
    runs.clear()


async def turns(n: int = 20) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def over_json(handler: WorkflowHandler, flow: Workflow) -> Context[Any]:
    """The run's context after a journey through JSON text, with the run itself cancelled."""
    text = json.dumps(handler.ctx.to_dict())
    await handler.cancel_run()
    gate.open()
    return Context.from_dict(flow, json.loads(text))


class Joining(Workflow):
    @step
    async def split(self, ev: StartEvent) -> list[A]:
        return [A(n=n) for n in range(6)]

    @step(num_workers=2)
    async def work(self, ev: A) -> list[B]:
        runs.append(ev.n)
        if ev.n >= 2:
            await gate.passed()
        return [B(n=ev.n), B(n=-1)]

    @step
    async def inner(self, evs: list[B]) -> Total:
        return Total(n=evs[0].n)

    @step
    async def outer(self, ctx: Context, evs: list[Total]) -> StopEvent:
        return StopEvent(result=sorted(e.n for e in evs))


async def test_running_queued_and_joined_work_goes_on() -> None:
    gate.close()
    flow = Joining()
    handler = flow.run()
    await turns()
    assert runs == [0, 1, 2, 3]
    restored = await over_json(handler, flow)
    assert restored.is_running
    assert await flow.run(ctx=restored) == [0, 1, 2, 3, 4, 5]
    assert runs[4:] == [2, 3, 4, 5]  # what was running runs again, what had ended does not


async def test_a_snapshot_of_a_finished_run_carries_its_state_only() -> None:
    class Counting(Workflow):
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
            count = await ctx.store.get("count", 0) + 1
            await ctx.store.set("count", count)
            return StopEvent(result=count)

    flow = Counting()
    handler = flow.run()
    assert await handler == 1
    restored: Context[Any] = Context.from_dict(flow, handler.ctx.to_dict())
    assert not restored.is_running
    assert await flow.run(ctx=restored) == 2


class Asking(Workflow):
    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
        runs.append("body")
        first = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(q=1))
        second = await ctx.wait_for_event(
            HumanResponseEvent, waiter_event=InputRequiredEvent(q=2), requirements={"to": 2}
        )
        return StopEvent(result=(first.text, second.text))


async def test_a_waiting_step_is_answered_after_a_restart() -> None:
    flow = Asking()
    handler = flow.run()
    await turns()
    handler.ctx.send_event(HumanResponseEvent(text="one"))
    await turns()

    again = flow.run(ctx=await over_json(handler, flow))
    again.ctx.send_event(HumanResponseEvent(text="not this", to=1))
    again.ctx.send_event(HumanResponseEvent(text="two", to=2))
    asked = [e async for e in again.stream_events() if isinstance(e, InputRequiredEvent)]
    assert await again == ("one", "two")
    assert asked == []  # both questions had been put already
    assert runs == ["body", "body"]  # from the first line, with the answers at hand


async def test_events_sent_but_not_delivered_arrive_once() -> None:
    class Sends(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> A | None:
            ctx.send_event(A(n=1))
            runs.append(handlers[0].ctx.to_dict())

        @step
        async def end(self, ev: A) -> StopEvent:
            return StopEvent(result=ev.n)

    flow = Sends()
    handlers: list[WorkflowHandler] = [flow.run()]
    await handlers[0]
    [data] = runs
    assert [json.loads(p["event"])["value"] for p in data["broker"]["pending"]] == [{"n": 1}]


async def test_buffers_slots_and_attempts_are_kept() -> None:
    class Gathering(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> A | B | Total | None:
            ctx.send_event(A(n=1))
            ctx.send_event(B(n=2))

        @step
        async def collect(self, ctx: Context, ev: A) -> StopEvent | None:
            got = ctx.collect_events(ev, [A, A])
            return StopEvent(result=[e.n for e in got]) if got else None

        @step
        async def pair(self, b: B, total: Total) -> A:
            return A(n=b.n * total.n)

    flow = Gathering()
    handler = flow.run()
    await turns()
    again = flow.run(ctx=await over_json(handler, flow))
    again.ctx.send_event(Total(n=5))
    assert await again == [1, 10]


async def test_a_delayed_retry_keeps_its_attempt_and_error() -> None:
    class Retrying(Workflow):
        @step(retry_policy=retry_policy(wait=wait_fixed(0.05), stop=stop_after_attempt(2)))
        async def shaky(self, ctx: Context, ev: StartEvent) -> StopEvent:
            info = ctx.retry_info()
            if info.retry_number == 0:
                raise ValueError("first")
            return StopEvent(result=(info.retry_number, str(info.last_exception)))

    flow = Retrying()
    handler = flow.run()
    await turns()
    assert await flow.run(ctx=await over_json(handler, flow)) == (1, "first")


async def test_a_joins_early_release_and_recoveries_are_kept() -> None:
    class Fastest(Workflow):
        @step
        async def split(self, ev: StartEvent) -> list[A]:
            return [A(n=n) for n in range(3)]

        @step(num_workers=1, retry_policy=retry_policy(wait=wait_none(), stop=stop_after_attempt(1)))
        async def work(self, ev: A) -> B:
            if ev.n:
                await gate.passed()
            else:
                raise ValueError("zero")
            return B(n=ev.n)

        @catch_error
        async def rescue(self, ev: StepFailedEvent) -> B:
            return B(n=100)

        @step
        async def first(self, evs: Annotated[list[B], Collect(Take(1))]) -> Total:
            runs.append([e.n for e in evs])
            return Total(n=evs[0].n)

        @step
        async def hold(self, ctx: Context, ev: Total) -> StopEvent:
            await gate.passed()
            return StopEvent(result=ev.n)

    gate.close()
    flow = Fastest()
    handler = flow.run()
    await turns()
    assert await flow.run(ctx=await over_json(handler, flow)) == 100
    assert runs == [[100]]


async def test_spent_time_counts_towards_the_timeout() -> None:
    instrument = Instrument()
    clock = instrument.clock = HandClock()
    attach(instrument)
    try:
        flow = Asking(timeout=5)
        handler = flow.run()
        await clock.pass_by(3)
        data = handler.ctx.to_dict()
        assert data["elapsed"] == 3
        await handler.cancel_run()
        resumed = flow.run(ctx=Context.from_dict(flow, data))
        await clock.pass_by(1.9)
        assert not resumed.is_done()
        await clock.pass_by(0.2)
        with pytest.raises(WorkflowTimeoutError):
            await resumed
    finally:
        attach(None)


async def test_a_cancelled_run_can_be_resumed_from_its_context() -> None:
    flow = Asking()
    handler = flow.run()
    await turns()
    await handler.cancel_run()
    data = handler.ctx.to_dict()
    assert data["is_running"]
    again = flow.run(ctx=Context.from_dict(flow, data))
    again.ctx.send_event(HumanResponseEvent(text="a"))
    await turns()
    again.ctx.send_event(HumanResponseEvent(text="b", to=2))
    assert await again == ("a", "b")


@pytest.mark.parametrize(
    "data",
    [{"version": 2}, {"engine": "wf_core", "version": 99}, {"engine": "wf_core", "version": 1}, {"x": 1}],
)
async def test_foreign_data_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ContextSerdeError):
        Context.from_dict(Asking(), data)


async def test_no_data_is_a_fresh_start() -> None:
    context: Context[Any] = Context.from_dict(Asking(), {})
    assert not context.is_running


async def test_what_has_no_json_form_is_named() -> None:
    class Carrying(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            with pytest.raises(ContextStateError):
                ctx.to_dict()
            await ctx.wait_for_event(HumanResponseEvent)
            return StopEvent()

    flow = Carrying()
    handler = flow.run(thing=object())
    await turns()
    with pytest.raises(ContextSerdeError, match="input of step 'ask': StartEvent has no serialized form"):
        handler.ctx.to_dict()
    await handler.cancel_run()


async def test_work_of_steps_that_are_gone_is_left_out_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler = Asking().run()
    await turns()
    data = handler.ctx.to_dict()
    await handler.cancel_run()
    other = Joining()
    assert Context.from_dict(other, data).is_running
    assert "step 'ask', which the workflow does not have" in caplog.text
