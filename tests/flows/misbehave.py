"""One step that does what the start event tells it to do, however bad."""

import asyncio
import ctypes
import os
import signal
import sys
import time

from pydantic import Field

from wf_core import Context, Event, StartEvent, StopEvent, Workflow, step


class Do(StartEvent):
    what: str = Field(description="A key of ACTS")


class Nobody(Event):
    pass


class Misbehave(Workflow):
    @step
    async def act(self, ctx: Context, ev: Do) -> StopEvent | None:
        return await ACTS[ev.what](ctx)


async def fail(ctx: Context) -> StopEvent:
    raise ValueError("no such luck")


async def leave(ctx: Context) -> StopEvent:
    sys.exit(3)


async def leave_hard(ctx: Context) -> StopEvent:
    print("last words", flush=True)
    os._exit(7)


async def die(ctx: Context) -> StopEvent:
    os.kill(os.getpid(), signal.SIGKILL)
    return StopEvent()


async def crash(ctx: Context) -> StopEvent:
    ctypes.string_at(0)
    return StopEvent()


async def recurse(ctx: Context) -> StopEvent:
    return await recurse(ctx)


async def talk(ctx: Context) -> StopEvent:
    for number in range(100_000):
        print(f"line {number}")
    return StopEvent(result="said it all")


async def block(ctx: Context) -> StopEvent:
    time.sleep(1.5)  # noqa: ASYNC251 - a step that blocks the loop is the point
    return StopEvent(result="unblocked")


async def send_to_nobody(ctx: Context) -> StopEvent:
    ctx.send_event(Nobody())
    await asyncio.sleep(0)
    return StopEvent(result="went on")


async def give_nothing(ctx: Context) -> None:
    return None


async def sleep(ctx: Context) -> StopEvent:
    await asyncio.sleep(3600)
    return StopEvent()


async def opaque(ctx: Context) -> StopEvent:
    return StopEvent(result=object())


async def big(ctx: Context) -> StopEvent:
    return StopEvent(result="x" * 50_000_000)


ACTS = {
    "raise": fail,
    "exit": leave,
    "os_exit": leave_hard,
    "kill": die,
    "segfault": crash,
    "recurse": recurse,
    "print": talk,
    "block": block,
    "unknown": send_to_nobody,
    "stuck": give_nothing,
    "sleep": sleep,
    "opaque": opaque,
    "big": big,
}
