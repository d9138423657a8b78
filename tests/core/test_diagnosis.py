"""Where nothing happens, the engine says why."""

from __future__ import annotations

import asyncio

import pytest

from wf_core import Context, Workflow, step
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    UnhandledEvent,
    WorkflowIdleEvent,
)
from wf_core.handler import WorkflowHandler


class Base(Event):
    pass


class Order(Base):
    pass


class SpecialOrder(Order):
    pass


class Orders(Event):
    pass


class Flow(Workflow):
    """Sends whatever class it is told to, then is idle."""

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> Order | None:
        if ev.sends is not None:
            ctx.send_event(ev.sends())

    @step
    async def end(self, ev: Order) -> StopEvent:
        return StopEvent()


async def idle(handler: WorkflowHandler) -> list[Event]:
    """The engine's events until the run is idle; then it is cancelled."""
    seen: list[Event] = []
    async for event in handler.stream_events(expose_internal=True):
        seen.append(event)
        if isinstance(event, WorkflowIdleEvent):
            await asyncio.sleep(0)
            await handler.cancel_run()
    return seen


@pytest.mark.parametrize(
    ("sends", "hint"),
    [
        (SpecialOrder, "Step 'end' takes Order, but events are matched by exact class"),
        (Orders, "The closest is step 'end', which takes Order."),
        (Base, "No step took Base. Step 'end' takes Order, a kind of Base."),
        (HumanResponseEvent, "No step and no waiting step took HumanResponseEvent."),
    ],
)
async def test_an_event_nobody_takes_is_told_with_the_closest_step(
    sends: type[Event], hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen = await idle(Flow().run(sends=sends))
    [event] = [e for e in seen if isinstance(e, UnhandledEvent)]
    assert (event.event_type, event.idle) == (sends.__name__, True)
    assert hint in caplog.text


async def test_another_class_of_the_same_name_is_pointed_out(caplog: pytest.LogCaptureFixture) -> None:
    await idle(Flow().run(sends=type("Order", (Event,), {})))
    assert "another class of the same name" in caplog.text


async def test_a_stuck_run_says_what_it_lacks(caplog: pytest.LogCaptureFixture) -> None:
    await idle(Flow().run(sends=None))
    assert "is stuck: every step has finished and none returned a StopEvent" in caplog.text


async def test_a_step_with_half_its_events_is_what_lacks(caplog: pytest.LogCaptureFixture) -> None:
    class Pairs(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> Order | Orders | None:
            ctx.send_event(Order())

        @step
        async def pair(self, one: Order, two: Orders) -> StopEvent:
            return StopEvent()

    await idle(Pairs().run())
    assert "step 'pair' has Order and still waits for Orders" in caplog.text


async def test_waiting_for_a_person_is_not_stuck(caplog: pytest.LogCaptureFixture) -> None:
    class Asking(Workflow):
        @step
        async def ask(self, ev: StartEvent) -> InputRequiredEvent:
            return InputRequiredEvent()

        @step
        async def answer(self, ev: HumanResponseEvent) -> StopEvent:
            return StopEvent()

    await idle(Asking().run())
    assert "stuck" not in caplog.text


async def test_verbose_tells_what_steps_do(capsys: pytest.CaptureFixture[str]) -> None:
    await Flow(verbose=True).run(sends=Order)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "[begin:0] started from StartEvent",
        "[begin:0] complete with no result",
        "[end:0] started from Order",
    ]
    assert lines[-1] == "[result] StopEvent()"
