"""A small workflow for the dialogs: one search that may ask back, twice."""

from typing import Literal

from pydantic import Field, field_validator

from wf_core import Context, Workflow, step
from wf_core.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent


class Ask(StartEvent):
    query: str
    top_k: int = Field(default=3, ge=1)
    mode: Literal["fast", "slow"] = "fast"

    @field_validator("query")
    @classmethod
    def ends_well(cls, query: str) -> str:
        if query.endswith("!"):
            raise ValueError("no shouting")
        return query


class Found(Event):
    text: str
    score: float = 0.5


class Really(InputRequiredEvent):
    prompt: str


class Reply(HumanResponseEvent):
    answer: str
    topic: str = ""


class Questions(Workflow):
    """Looks something up.

    Asks back when told to.
    """

    @step
    async def search(self, ctx: Context, ev: Ask) -> Found:
        return Found(text=ev.query)

    @step
    async def conclude(self, ctx: Context, ev: Found) -> StopEvent:
        if not ev.text.startswith("ask"):
            return StopEvent(result=f"{ev.text} {ev.score}")
        first = await ctx.wait_for_event(
            Reply,
            waiter_event=Really(prompt="Which one?"),
            waiter_id="which",
            requirements={"topic": "which"},
        )
        return StopEvent(result=f"{ev.text} {first.answer}")
