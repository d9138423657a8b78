"""Branch and loop: a step with several outcomes, and a cycle that ends when the work is good enough.

Shows
    `judge` returns `TooPlain | TooLong | Accepted`, so the graph branches there and both repairs lead
    back to it. Typed run state (`Context[DraftState]`) counts the rounds: see the state tab of the
    inspector change.

Try
    `wf-tui sample_flows/branch_loop.py`, `r`. Put a breakpoint on `Draft` with `b`, then `B` and the
    condition `ev.score > 60`: only good drafts are held. `w` on one tells why it exists: the whole
    chain of rounds. When one is held, `e` lowers its score and sends it round once more; `K` cancels
    the run.

Headless
    wf-tui run sample_flows/branch_loop.py -i good_enough=95 -i max_rounds=4
"""

import asyncio
import logging
import random

from pydantic import BaseModel, Field

from wf_core import Context, Workflow, step
from wf_core.events import Event, StartEvent, StopEvent

log = logging.getLogger("slogan")
log.setLevel(logging.INFO)

COLOURS = ["slow-roasted", "fearless", "hand-picked", "sunlit", "unhurried"]
TAILS = ["for the long day ahead of all of us", "for the long day ahead", "for today", ""]


class SloganStart(StartEvent):
    """What the slogan must reach."""

    good_enough: int = Field(default=80, ge=0, le=100, description="Score at which a draft is accepted")
    max_rounds: int = Field(default=8, ge=1, le=50, description="Give up after so many drafts")
    seed: int = Field(default=7, description="The same seed gives the same drafts")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class Draft(Event):
    """One attempt at a slogan."""

    colours: list[str]
    tail: str
    text: str
    score: int = Field(ge=0, le=100)


class TooPlain(Event):
    """The draft lacks colour."""

    draft: Draft


class TooLong(Event):
    """The draft does not fit on a cup."""

    draft: Draft


class Accepted(Event):
    """Good enough, or the best there was time for."""

    text: str
    score: int


class DraftState(BaseModel):
    """What the run remembers between rounds."""

    rounds: int = 0
    best_text: str = ""
    best_score: int = 0
    good_enough: int = 80
    max_rounds: int = 8
    seed: int = 7
    pace: float = 1.0


def draft(colours: list[str], tail: str) -> Draft:
    """Put the words together and judge them: colour counts for, length beyond 40 characters against."""
    text = " ".join([", ".join(colours), "coffee", tail]).strip().capitalize()
    points = 40 + 18 * len(colours) - 2 * max(0, len(text) - 40)
    return Draft(colours=colours, tail=tail, text=text, score=max(0, min(100, points)))


class BranchLoop(Workflow):
    """Rewrites a slogan until it is good enough."""

    @step
    async def write(self, ctx: Context[DraftState], ev: SloganStart) -> Draft:
        """Start with something plain."""
        async with ctx.store.edit_state() as state:
            state.good_enough, state.max_rounds = ev.good_enough, ev.max_rounds
            state.seed, state.pace = ev.seed, ev.pace
        await asyncio.sleep(0.5 * ev.pace)
        return draft([], TAILS[0])

    @step
    async def judge(self, ctx: Context[DraftState], ev: Draft) -> TooPlain | TooLong | Accepted:
        """Accept it, or say what is wrong."""
        async with ctx.store.edit_state() as state:
            state.rounds += 1
            if ev.score >= state.best_score:
                state.best_text, state.best_score = ev.text, ev.score
        print(f"round {state.rounds}: {ev.score:>3}  {ev.text}")
        await asyncio.sleep(0.5 * state.pace)
        if ev.score >= state.good_enough:
            return Accepted(text=ev.text, score=ev.score)
        if state.rounds >= state.max_rounds:
            log.warning("out of rounds: the best so far has %d points", state.best_score)
            return Accepted(text=state.best_text, score=state.best_score)
        return TooLong(draft=ev) if len(ev.text) > 45 else TooPlain(draft=ev)

    @step
    async def shorten(self, ctx: Context[DraftState], ev: TooLong) -> Draft:
        """Take a shorter ending; without one, give up a colour."""
        await asyncio.sleep(0.4 * await ctx.store.get("pace"))
        old = ev.draft
        if not old.tail:
            log.warning("no shorter ending left: %r has to go", old.colours[0])
            return draft(old.colours[1:], "")
        new = draft(old.colours, TAILS[TAILS.index(old.tail) + 1])
        log.info("shortened from %d to %d characters", len(old.text), len(new.text))
        return new

    @step
    async def enliven(self, ctx: Context[DraftState], ev: TooPlain) -> Draft:
        """Put in a word with colour."""
        state = await ctx.store.get_state()
        await asyncio.sleep(0.7 * state.pace)
        fresh = [word for word in COLOURS if word not in ev.draft.colours]
        return draft(
            [random.Random(state.seed + state.rounds).choice(fresh), *ev.draft.colours], ev.draft.tail
        )

    @step
    async def finish(self, ctx: Context[DraftState], ev: Accepted) -> StopEvent:
        """Print the cup."""
        rounds = await ctx.store.get("rounds")
        print(f"on the cup: {ev.text}")
        return StopEvent(result={"slogan": ev.text, "score": ev.score, "rounds": rounds})


workflow = BranchLoop(timeout=300)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    print(await workflow.run())


if __name__ == "__main__":
    asyncio.run(main())
