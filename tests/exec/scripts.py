"""Scripts that run workflows, as people write them."""

TWO_CLASSES = """
import asyncio, atexit, sys
from wf_core import Event, StartEvent, StopEvent, Workflow, step

class Number(Event):
    n: int

class Doubling(Workflow):
    @step
    async def read(self, ev: StartEvent) -> Number:
        print("reading", ev.n)
        return Number(n=int(ev.n))
    @step
    async def double(self, ev: Number) -> StopEvent:
        return StopEvent(result=ev.n * 2)

class Outer(Workflow):
    @step
    async def ask(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=await Doubling().run(n=20))

async def main():
    print(await Doubling().run(n=sys.argv[1]), await Outer().run())

atexit.register(print, "at exit")
if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(len(sys.argv))
"""

IN_A_THREAD = (
    TWO_CLASSES.partition("async def main")[0]
    + """
import threading

def work():
    print(asyncio.run(run()))

async def run():
    return await Doubling().run(n=4)

threading.Thread(target=work).start()
"""
)

ANSWERED_OUTSIDE = """
import asyncio
from wf_core import Context, StartEvent, StopEvent, Workflow, step
from wf_core.events import HumanResponseEvent, InputRequiredEvent

class Question(InputRequiredEvent):
    prompt: str

class Answer(HumanResponseEvent):
    turn: int
    text: str

class Asking(Workflow):
    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
        wanted = {"turn": 7}
        asked = Question(prompt="how are you?")
        answer = await ctx.wait_for_event(Answer, waiter_event=asked, requirements=wanted)
        return StopEvent(result=answer.text)

async def main():
    print(await Asking(timeout=None).run())

asyncio.run(main())
"""
