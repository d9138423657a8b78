"""Two jobs, worked on side by side; a third has to come from outside."""

from words import decorate

from wf_core import Context, Event, StartEvent, StopEvent, Workflow, step


class Begin(StartEvent):
    first: str = "apple"
    second: str = "pear"


class Job(Event):
    text: str


class Done(Event):
    text: str


class Market(Workflow):
    @step
    async def open_shop(self, ctx: Context, ev: Begin) -> Job | None:
        ctx.send_event(Job(text=ev.first))
        ctx.send_event(Job(text=ev.second))

    @step(num_workers=2)
    async def work(self, ev: Job) -> Done:
        print(f"working on {ev.text}")
        return Done(text=decorate(ev.text))

    @step
    async def close_shop(self, ctx: Context, ev: Done) -> StopEvent | None:
        done = ctx.collect_events(ev, [Done] * 3)
        return StopEvent(result=" ".join(sorted(d.text for d in done))) if done else None


workflow = Market(timeout=None)
