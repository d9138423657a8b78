"""A conversation of two questions."""

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


class Question(InputRequiredEvent):
    prompt: str


class Answer(HumanResponseEvent):
    response: str


class Named(Event):
    name: str


class Interview(Workflow):
    @step
    async def ask_name(self, ev: StartEvent) -> Question:
        return Question(prompt="What is your name?")

    @step
    async def hear_name(self, ev: Answer) -> Named:
        return Named(name=ev.response)

    @step
    async def ask_colour(self, ctx: Context, ev: Named) -> StopEvent:
        answer = await ctx.wait_for_event(
            HumanResponseEvent,
            waiter_event=InputRequiredEvent(prefix=f"{ev.name}, which colour?"),
            waiter_id="colour",
        )
        return StopEvent(result=f"{ev.name} likes {answer.response}")
