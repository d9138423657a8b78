"""A small project: the flow imports its own prompts.py and tools.py, and all three reload while it runs.

Shows
    Hot reload of imported modules. The desk answers a dozen questions one after the other, which takes
    a while. Every module that was loaded from this folder is watched, and a save is taken up by the
    next step that starts.

Try
    `wf-tui sample_flows/helpdesk/flow.py`, `r`, and while it runs change SIGNATURE in prompts.py or a
    price in tools.py: the next answers have it, the run goes on. `o` opens the source of the selected
    step. Save something broken: the old code keeps running and the error is shown with its line. `p`
    first if you want more time. `ctrl+r` reloads by hand, `ctrl+shift+r` restarts the host.

Headless
    wf-tui run sample_flows/helpdesk/flow.py -i questions=4 -i pace=0.2
"""

import asyncio
import logging
import random

import prompts
import tools
from pydantic import BaseModel, Field

from wf_core import Context, Workflow, step
from wf_core.events import Event, StartEvent, StopEvent

log = logging.getLogger("helpdesk")
log.setLevel(logging.INFO)


class DeskStart(StartEvent):
    """How long the desk is open."""

    questions: int = Field(default=12, ge=1, le=100, description="Questions to answer before closing")
    tone: prompts.Tone = Field(default="friendly", description="Which template to answer with")
    seed: int = Field(default=7, description="The same seed gives the same questions")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class Question(Event):
    """The next in line."""

    number: int
    text: str


class ToolChosen(Event):
    """What the desk looks up, and with what words."""

    question: str
    tool: str
    argument: str


class Answer(Event):
    """What the customer is told."""

    question: str
    text: str


class DeskState(BaseModel):
    """What the desk did today."""

    questions: int = 12
    tone: prompts.Tone = "friendly"
    seed: int = 7
    pace: float = 1.0
    answers: list[str] = Field(default_factory=list)


class HelpDesk(Workflow):
    """Answers questions one by one."""

    @step
    async def open(self, ctx: Context[DeskState], ev: DeskStart) -> Question:
        """Unlock the door."""
        async with ctx.store.edit_state() as state:
            state.questions, state.tone, state.seed, state.pace = ev.questions, ev.tone, ev.seed, ev.pace
        print(f"open for {ev.questions} questions")
        return Question(number=1, text=tools.question(ev.seed, 1))

    @step
    async def choose_tool(self, ctx: Context[DeskState], ev: Question) -> ToolChosen:
        """Decide what to look up."""
        await asyncio.sleep(0.8 * await ctx.store.get("pace"))
        tool, argument = tools.choose(ev.text)
        log.info("question %d: %s(%r)", ev.number, tool, argument)
        return ToolChosen(question=ev.text, tool=tool, argument=argument)

    @step
    async def use_tool(self, ctx: Context[DeskState], ev: ToolChosen) -> Answer:
        """Look it up and word it."""
        state = await ctx.store.get_state()
        dice = random.Random(f"{state.seed}/{len(state.answers)}")
        await asyncio.sleep(dice.uniform(0.5, 1.2) * state.pace)
        fact = tools.TOOLS[ev.tool](ev.argument)
        if not fact:
            log.warning("%s knows nothing about %r", ev.tool, ev.argument)
        return Answer(question=ev.question, text=prompts.answer(state.tone, ev.question, fact))

    @step
    async def say(self, ctx: Context[DeskState], ev: Answer) -> Question | StopEvent:
        """Say it; next, please."""
        async with ctx.store.edit_state() as state:
            state.answers.append(ev.text)
            said = len(state.answers)
        print(ev.text)
        await asyncio.sleep(0.4 * state.pace)
        if said < state.questions:
            return Question(number=said + 1, text=tools.question(state.seed, said + 1))
        return StopEvent(result=state.answers)


workflow = HelpDesk(timeout=None)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    await workflow.run()


if __name__ == "__main__":
    asyncio.run(main())
