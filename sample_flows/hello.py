"""A first flow: three steps, two events of its own, one result.

Shows
    How a step's annotations make the graph: what it accepts, what it returns. `greet` returns one
    event, `polish` takes it, `deliver` ends the run by returning a StopEvent.

Try
    `wf-tui sample_flows/hello.py`, then `r` for the start form. In the timeline `enter` opens an event.
    Put a breakpoint on `Greeting` with `b`, run again with `R`: the event is held. `e` edits its text,
    `a` accepts it.

Headless
    wf-tui run sample_flows/hello.py -i name=Ada -i language=es
"""

import asyncio
import logging
import random
from typing import Literal

from pydantic import Field

from wf_core import Workflow, step
from wf_core.events import Event, StartEvent, StopEvent

log = logging.getLogger("hello")
log.setLevel(logging.INFO)

WORDS = {"en": "Hello", "es": "Hola", "fr": "Bonjour", "ja": "こんにちは"}
COMPLIMENTS = ["a good day to you", "nice to see you here", "your terminal looks splendid today"]


class HelloStart(StartEvent):
    """Whom to greet, and how."""

    name: str = Field(default="World", min_length=1, max_length=40, description="Who is greeted")
    language: Literal["en", "es", "fr", "ja"] = Field(default="en", description="Language of the greeting")
    seed: int = Field(default=7, description="The same seed gives the same compliment")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class Greeting(Event):
    """The bare greeting."""

    text: str
    seed: int
    pace: float


class PolishedGreeting(Event):
    """The greeting with a compliment."""

    text: str
    compliment: str
    pace: float


class Hello(Workflow):
    """Greets somebody in three steps."""

    @step
    async def greet(self, ev: HelloStart) -> Greeting:
        """Find the word."""
        print(f"greeting {ev.name} in {ev.language}")
        await asyncio.sleep(0.6 * ev.pace)
        return Greeting(text=f"{WORDS[ev.language]}, {ev.name}", seed=ev.seed, pace=ev.pace)

    @step
    async def polish(self, ev: Greeting) -> PolishedGreeting:
        """Add a compliment."""
        compliment = random.Random(ev.seed).choice(COMPLIMENTS)
        log.info("chose compliment %r", compliment)
        await asyncio.sleep(0.9 * ev.pace)
        return PolishedGreeting(text=ev.text, compliment=compliment, pace=ev.pace)

    @step
    async def deliver(self, ev: PolishedGreeting) -> StopEvent:
        """Say it."""
        await asyncio.sleep(0.3 * ev.pace)
        sentence = f"{ev.text}! {ev.compliment.capitalize()}."
        print(sentence)
        return StopEvent(result=sentence)


workflow = Hello(timeout=60)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    print(await workflow.run(name="Ada"))


if __name__ == "__main__":
    asyncio.run(main())
