"""Flows that several tests run."""

CHAIN = """
class A(Event):
    n: int = 0
class B(Event):
    n: int = 0
class Chain(Workflow):
    @step
    async def first(self, ctx: Context, ev: StartEvent) -> A:
        ctx.write_event_to_stream(B(n=7))
        return A(n=1)
    @step
    async def second(self, ev: A) -> B:
        print("second got", ev.n)
        return B(n=ev.n + 1)
    @step
    async def third(self, ev: B) -> StopEvent:
        return StopEvent(result=ev.n)
flow = Chain(timeout=1.0)
"""

SENDS = """
class Item(Event):
    n: int
class Sends(Workflow):
    @step
    async def first(self, ctx: Context, ev: StartEvent) -> Item | None:
        ctx.send_event(Item(n=1))
        ctx.send_event(Item(n=2))
    @step(num_workers=1)
    async def take(self, ctx: Context, ev: Item) -> StopEvent | None:
        got = [*(await ctx.store.get("got", default=[])), ev.n]
        await ctx.store.set("got", got)
        return StopEvent(result=got) if ev.n == 2 else None
"""

FAN = """
class Item(Event):
    n: int
class Done(Event):
    n: int
class Fan(Workflow):
    @step
    async def split(self, ev: StartEvent) -> list[Item]:
        return [Item(n=n) for n in range(4)]
    @step(num_workers=2)
    async def work(self, ev: Item) -> Done:
        await asyncio.sleep(0)
        return Done(n=ev.n * 10)
    @step
    async def join(self, done: list[Done]) -> StopEvent:
        return StopEvent(result=sorted(d.n for d in done))
"""

WAITS = """
class Ask(InputRequiredEvent):
    q: str = "?"
class Answer(HumanResponseEvent):
    text: str = ""
    who: str = "me"
class Waits(Workflow):
    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
        print("asking")
        try:
            answer = await ctx.wait_for_event(
                Answer, waiter_event=Ask(q="name?"), requirements={"who": "me"}, timeout=ev.get("wait", 60)
            )
        except asyncio.TimeoutError:
            return StopEvent(result="nobody")
        return StopEvent(result=answer.text)
flow = Waits(timeout=60)
"""

HELPED = """
from asking import ask
class Shown(Event):
    n: int = 1
class Helped(Workflow):
    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> StopEvent:
        ctx.write_event_to_stream(Shown())
        return StopEvent(result=await ask(ctx))
flow = Helped(timeout=60)
"""
"""A step whose waiting is done elsewhere: `ASKING`, in asking.py."""

ASKING = """
class Verdict(HumanResponseEvent):
    text: str = ""
    who: str = ""
async def ask(ctx):
    ctx.write_event_to_stream(InputRequiredEvent(prefix="Sure?"))
    verdict = await ctx.wait_for_event(Verdict, requirements={"who": "me"})
    return verdict.text
"""
