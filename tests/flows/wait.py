"""A step waits for the answer of one certain person."""

from wf_core import Context, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent, Workflow, step


class Said(HumanResponseEvent):
    user: str
    text: str


class Waiting(Workflow):
    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
        question = InputRequiredEvent(prefix="What does Ann say?")
        said = await ctx.wait_for_event(Said, waiter_event=question, requirements={"user": "ann"})
        return StopEvent(result=said.text)
