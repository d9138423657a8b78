"""A flow whose process is killed.

As a script, `durable_flow.py start|resume|"resume and wait" WHAT JOURNAL FILE` writes what it does to FILE,
says `here` where it is to be killed (not with `resume`), and prints its result.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from wf_core import (
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
    Workflow,
    catch_error,
    step,
)
from wf_core.engine.journal import SqliteJournal

first_time, did = True, Path()


def note(text: str) -> None:
    with did.open("a") as file:
        file.write(text + "\n")


async def killed_here(now: bool) -> None:
    if now and first_time:
        print("here", flush=True)
        await asyncio.Event().wait()


class Part(Event):
    n: int


class Done(Event):
    n: int


class Parts(Workflow):
    """Five parts, one after the other; the process is killed in the fourth."""

    @step
    async def split(self, ctx: Context, ev: StartEvent) -> list[Part]:
        note("split")
        await ctx.store.set("seen.first", ev.first)
        return [Part(n=n) for n in range(5)]

    @step(num_workers=1)
    async def work(self, ctx: Context, ev: Part) -> Done:
        note(f"work {ev.n}")
        if ev.n == 1:
            raise ValueError("bad part")
        async with ctx.store.edit_state() as state:
            state["done"] = [*state.get("done", []), ev.n]
        await killed_here(ev.n == 3)
        return Done(n=ev.n)

    @catch_error
    async def rescue(self, ev: StepFailedEvent) -> Done:
        note("rescue")
        return Done(n=100)

    @step
    async def join(self, ctx: Context, evs: list[Done]) -> StopEvent:
        note("join")
        state = await ctx.store.get_state()
        return StopEvent(result=[sorted(e.n for e in evs), state.to_dict()])


class Asking(Workflow):
    """Collects what it was sent, then asks a person; the process is killed while it waits."""

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> Part | None:
        note("begin")
        for n in range(3):
            ctx.send_event(Part(n=n))

    @step(num_workers=1)
    async def gather(self, ctx: Context, ev: Part) -> Done | None:
        note(f"gather {ev.n}")
        parts = ctx.collect_events(ev, [Part] * 3)
        return None if parts is None else Done(n=sum(p.n for p in parts))

    @step
    async def ask(self, ctx: Context, ev: Done) -> StopEvent:
        note("ask")
        answer = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(), timeout=60)
        note("answered")
        return StopEvent(result=f"{ev.n} {answer.text}")


FLOWS = {"parts": Parts, "asking": Asking}


async def main(how: str, what: str, journal: str) -> None:
    flow = FLOWS[what](journal=SqliteJournal(journal), timeout=60)
    if how == "start":
        handler = flow.run(run_id="r", first="one")
        async for event in handler.stream_events():
            if isinstance(event, InputRequiredEvent):
                await killed_here(True)
    else:
        handler = flow.resume()
        if what == "asking":
            await handler.send_event(HumanResponseEvent(text="yes"))
    print(json.dumps(await handler), flush=True)


if __name__ == "__main__":
    how, what, journal, file = sys.argv[1:]
    first_time, did = how != "resume", Path(file)
    asyncio.run(main(how, what, journal))
