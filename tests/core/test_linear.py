"""What an event costs does not depend on how many others there are: calls are counted, not seconds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from enum import Enum
from types import FrameType
from typing import Any

import pytest

from wf_core import (
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)


class Item(Event):
    n: int


class Part(Event):
    n: int


class Left(Event):
    pass


class Right(Event):
    pass


class Answer(HumanResponseEvent):
    n: Any


class Flow(Workflow):
    """Begins with `n` items; the subclasses say what becomes of them."""

    def __init__(self) -> None:
        super().__init__(timeout=None, disable_validation=True)


class Laps(Flow):
    @step
    async def lap(self, ev: StartEvent | Item) -> Item | StopEvent:
        return Item(n=ev.n - 1) if ev.n else StopEvent()


class Joined(Flow):
    @step
    async def begin(self, ev: StartEvent) -> list[Item]:
        return [Item(n=n) for n in range(ev.n)]

    @step(num_workers=3)
    async def again(self, ev: Item) -> list[Part]:
        return [Part(n=ev.n), Part(n=ev.n)]

    @step(num_workers=3)
    async def inner(self, evs: list[Part]) -> Left:
        return Left()

    @step
    async def outer(self, evs: list[Left]) -> StopEvent:
        return StopEvent(result=len(evs))


class Collected(Flow):
    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> None:
        for n in range(ev.n):
            ctx.send_event(Item(n=n))
        await ctx.store.set("n", ev.n)

    @step
    async def gather(self, ctx: Context, ev: Item) -> StopEvent | None:
        got = ctx.collect_events(ev, [Item] * await ctx.store.get("n"))
        return StopEvent() if got else None


class Paired(Flow):
    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> None:
        for kind in (Left, Right):
            for _ in range(ev.n):
                ctx.send_event(kind())
        await ctx.store.set("left", ev.n)

    @step
    async def both(self, ctx: Context, left: Left, right: Right) -> StopEvent | None:
        await ctx.store.set("left", remaining := await ctx.store.get("left") - 1)
        return None if remaining else StopEvent()


class Asking(Flow):
    @step
    async def begin(self, ev: StartEvent) -> list[Item]:
        return [Item(n=n) for n in range(ev.n)]

    @step(num_workers=2)
    async def ask(self, ctx: Context, ev: Item) -> Left:
        prompt = InputRequiredEvent(of=ev.n)
        await ctx.wait_for_event(Answer, prompt, str(ev.n), {"n": ev.n}, timeout=None)
        return Left()

    @step
    async def join(self, evs: list[Left]) -> StopEvent:
        return StopEvent()


async def answered(flow: Workflow, n: int) -> None:
    """Nobody is answered before all have asked."""
    handler = flow.run(n=n)
    asked = 0
    async for event in handler.stream_events():
        asked += isinstance(event, InputRequiredEvent)
        if asked == n and isinstance(event, InputRequiredEvent):
            for k in range(n):
                handler.ctx.send_event(Answer(n=k))
    await handler


async def plainly(flow: Workflow, n: int) -> None:
    await flow.run(n=n)


def calls(work: Callable[[], Awaitable[None]]) -> int:
    """How many functions the work calls."""
    count = 0

    def counting(frame: FrameType, what: str, argument: object) -> None:
        nonlocal count
        count += what in ("call", "c_call")

    async def counted() -> None:
        sys.setprofile(counting)
        try:
            await work()
        finally:
            sys.setprofile(None)

    asyncio.run(counted())
    return count


@pytest.mark.parametrize("kind", [Laps, Joined, Collected, Paired, Asking])
def test_four_times_the_events_cost_four_times_as_much(kind: type[Flow]) -> None:
    run = answered if kind is Asking else plainly
    asyncio.run(run(kind(), 2))
    few, many = (calls(lambda n=n: run(kind(), n)) for n in (50, 200))
    assert many < 4.4 * few


class Shade(str, Enum):  # noqa: UP042  # equal to its text, though its hash is another
    DARK = "dark"


@pytest.mark.parametrize(
    ("required", "given"),
    [
        (Shade.DARK, "dark"),
        ("dark", Shade.DARK),
        (1, True),
        (1.0, 1),
        ([1], [1]),
        (None, None),
    ],
)
async def test_an_answer_is_the_awaited_one_if_it_is_equal(required: Any, given: Any) -> None:
    class Waiting(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            answer = await ctx.wait_for_event(Answer, InputRequiredEvent(), requirements={"n": required})
            return StopEvent(result=answer.n)

    handler = Waiting(timeout=5).run()
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            handler.ctx.send_event(Answer(n="another"))
            handler.ctx.send_event(Answer(n=given))
    assert await handler == given
