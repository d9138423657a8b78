"""The workloads, written once for any engine with the workflow API, and the asyncio floors they are
compared with."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

Work = Callable[[int], Awaitable[None]]
"""Does the workload once at size n."""
Options = Callable[[], dict[str, Any]]
"""Further arguments of the workflow, made anew each time."""


def api(name: str) -> Any:
    """What a workflow author imports, from `wf_core` or `workflows`."""
    package, events = importlib.import_module(name), importlib.import_module(f"{name}.events")
    return SimpleNamespace(
        **{k: v for k, v in vars(events).items() if k[0].isupper()},
        Workflow=package.Workflow,
        Context=package.Context,
        step=package.step,
    )


def loop(engine: Any, options: Options = dict) -> Work:
    """One run in which a step hands an event to itself n times."""

    class Hop(engine.Event):
        left: int

    class Loop(engine.Workflow):
        @engine.step
        async def begin(self, ev: engine.StartEvent) -> Hop:
            return Hop(left=ev.n)

        @engine.step
        async def hop(self, ev: Hop) -> Hop | engine.StopEvent:
            return Hop(left=ev.left - 1) if ev.left else engine.StopEvent()

    async def work(n: int) -> None:
        await Loop(timeout=None, **options()).run(n=n)

    return work


def fan_out(engine: Any, options: Options = dict) -> Work:
    """n events to a step of 8 workers, each yielding once, collected by a third step."""

    class Job(engine.Event):
        k: int

    class Done(engine.Event):
        k: int

    class Fan(engine.Workflow):
        @engine.step
        async def begin(self, ev: engine.StartEvent) -> list[Job]:
            return [Job(k=k) for k in range(ev.n)]

        @engine.step(num_workers=8)
        async def work_one(self, ev: Job) -> Done:
            await asyncio.sleep(0)
            return Done(k=ev.k)

        @engine.step
        async def join(self, evs: list[Done]) -> engine.StopEvent:
            return engine.StopEvent(result=len(evs))

    async def work(n: int) -> None:
        assert await Fan(timeout=None, **options()).run(n=n) == n

    return work


def _three_steps(engine: Any) -> Any:
    class First(engine.Event):
        k: int

    class Second(engine.Event):
        k: int

    class Short(engine.Workflow):
        @engine.step
        async def one(self, ev: engine.StartEvent) -> First:
            return First(k=1)

        @engine.step
        async def two(self, ev: First) -> Second:
            return Second(k=2)

        @engine.step
        async def three(self, ev: Second) -> engine.StopEvent:
            return engine.StopEvent(result=ev.k)

    return Short(timeout=None)


def runs_in_turn(engine: Any) -> Work:
    """n runs of three steps, one after another."""
    workflow = _three_steps(engine)

    async def work(n: int) -> None:
        for _ in range(n):
            await workflow.run()

    return work


def runs_at_once(engine: Any) -> Work:
    """n runs of three steps, all at once."""
    workflow = _three_steps(engine)

    async def work(n: int) -> None:
        await asyncio.gather(*(workflow.run() for _ in range(n)))

    return work


def stream(engine: Any) -> Work:
    """One step writes n events that the caller reads."""

    class Tick(engine.Event):
        k: int

    class Stream(engine.Workflow):
        @engine.step
        async def write(self, ctx: engine.Context, ev: engine.StartEvent) -> engine.StopEvent:
            for k in range(ev.n):
                ctx.write_event_to_stream(Tick(k=k))
                await asyncio.sleep(0)
            return engine.StopEvent()

    async def work(n: int) -> None:
        handler = Stream(timeout=None).run(n=n)
        seen = 0
        async for event in handler.stream_events():
            seen += isinstance(event, Tick)
        await handler
        assert seen == n

    return work


def wait_and_resume(engine: Any) -> Work:
    """A step waits for an answer n times in turn; the caller gives each."""

    class Ask(engine.InputRequiredEvent):
        k: int

    class Answer(engine.HumanResponseEvent):
        k: int

    class Next(engine.Event):
        left: int

    class Waits(engine.Workflow):
        @engine.step
        async def begin(self, ev: engine.StartEvent) -> Next:
            return Next(left=ev.n)

        @engine.step
        async def ask(self, ctx: engine.Context, ev: Next) -> Next | engine.StopEvent:
            question = Ask(k=ev.left)
            await ctx.wait_for_event(
                Answer, waiter_event=question, waiter_id=str(ev.left), requirements={"k": ev.left}
            )
            return Next(left=ev.left - 1) if ev.left > 1 else engine.StopEvent()

    async def work(n: int) -> None:
        handler = Waits(timeout=None).run(n=n)
        async for event in handler.stream_events():
            if isinstance(event, Ask):
                handler.ctx.send_event(Answer(k=event.k))
        await handler

    return work


class FloorEvent(BaseModel):
    """The one event of the floors."""

    k: int


async def floor_task_per_event(n: int) -> None:
    """n times: a task that builds one pydantic event."""

    async def hop(k: int) -> FloorEvent:
        return FloorEvent(k=k)

    for k in range(n):
        await asyncio.create_task(hop(k))


async def floor_pool(n: int) -> None:
    """n events through 8 workers: a task for each, that yields once and builds another; all are collected."""
    queue: asyncio.Queue[FloorEvent] = asyncio.Queue()
    for job in [FloorEvent(k=k) for k in range(n)]:
        queue.put_nowait(job)
    done: list[FloorEvent] = []

    async def one(job: FloorEvent) -> FloorEvent:
        await asyncio.sleep(0)
        return FloorEvent(k=job.k)

    async def worker() -> None:
        while not queue.empty():
            done.append(await asyncio.create_task(one(queue.get_nowait())))

    await asyncio.gather(*(worker() for _ in range(8)))
    assert len(done) == n


async def floor_three_tasks(n: int) -> None:
    """n times three tasks with an event each."""
    for _ in range(n):
        await floor_task_per_event(3)


async def floor_three_tasks_at_once(n: int) -> None:
    """The same, all at once."""
    await asyncio.gather(*(floor_task_per_event(3) for _ in range(n)))


async def floor_question(n: int) -> None:
    """n times a task asks through a queue and waits on a future for the reader's answer."""
    questions: asyncio.Queue[tuple[FloorEvent, asyncio.Future[FloorEvent]] | None] = asyncio.Queue()

    async def ask() -> None:
        for k in range(n):
            answer: asyncio.Future[FloorEvent] = asyncio.get_running_loop().create_future()
            questions.put_nowait((FloorEvent(k=k), answer))
            await answer
        questions.put_nowait(None)

    asking = asyncio.create_task(ask())
    while (question := await questions.get()) is not None:
        event, answer = question
        answer.set_result(FloorEvent(k=event.k))
    await asking


async def floor_queue(n: int) -> None:
    """n events through a queue to a reader, the writer yielding each time."""
    queue: asyncio.Queue[FloorEvent | None] = asyncio.Queue()

    async def write() -> None:
        for k in range(n):
            queue.put_nowait(FloorEvent(k=k))
            await asyncio.sleep(0)
        queue.put_nowait(None)

    writer = asyncio.create_task(write())
    while await queue.get() is not None:
        pass
    await writer
