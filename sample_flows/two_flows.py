"""Two workflows in one module, one of which runs the other.

Shows
    A file may hold several workflows: `wf-tui` offers the choice, `:Name` takes it on the command line.
    `Briefing` runs `Forecast` once a city, as a plain `await` in a step: every child run has its own
    run, state and timeline, and points back to the step that started it.

Try
    `wf-tui sample_flows/two_flows.py:Briefing`, `r`: the children's runs appear beside the parent's;
    `l` lists them and chooses which one is shown, `K` cancels it. Without a name, `W` changes the
    workflow.

Headless
    wf-tui run sample_flows/two_flows.py:Forecast -i city=Oslo
    wf-tui run sample_flows/two_flows.py:Briefing -i cities='["Oslo", "Faro"]'
"""

import asyncio
import logging
import random

from pydantic import Field

from wf_core import Workflow, step
from wf_core.events import Event, StartEvent, StopEvent

log = logging.getLogger("forecast")
log.setLevel(logging.INFO)

SKIES = ["clear", "light cloud", "overcast", "rain", "thunder"]


class ForecastStart(StartEvent):
    """One city."""

    city: str = Field(default="Oslo", min_length=2, description="Where")
    days: int = Field(default=3, ge=1, le=7, description="How far to look ahead")
    seed: int = Field(default=7, description="The same seed gives the same weather")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class Observed(Event):
    """What the stations say today."""

    city: str
    celsius: list[float]
    days: int
    seed: int
    pace: float


class Forecast(Workflow):
    """Looks a few days ahead for one city."""

    @step
    async def observe(self, ev: ForecastStart) -> Observed:
        """Ask the stations."""
        dice = random.Random(f"{ev.seed}/{ev.city}")
        await asyncio.sleep(dice.uniform(0.3, 1.0) * ev.pace)
        celsius = [round(dice.uniform(2, 22), 1) for _ in range(3)]
        log.info("%s: %s", ev.city, celsius)
        return Observed(city=ev.city, celsius=celsius, days=ev.days, seed=ev.seed, pace=ev.pace)

    @step
    async def extrapolate(self, ev: Observed) -> StopEvent:
        """Tomorrow is mostly like today."""
        dice = random.Random(f"{ev.seed}/{ev.city}/ahead")
        await asyncio.sleep(0.6 * ev.pace)
        mean = sum(ev.celsius) / len(ev.celsius)
        days = [
            f"{mean + dice.uniform(-2, 2) * day:.0f} °C, {dice.choice(SKIES)}"
            for day in range(1, ev.days + 1)
        ]
        return StopEvent(result={"city": ev.city, "days": days})


class BriefingStart(StartEvent):
    """Several cities."""

    cities: list[str] = Field(
        default=["Oslo", "Faro", "Ghent"], min_length=1, max_length=8, description="Where"
    )
    days: int = Field(default=2, ge=1, le=7, description="How far to look ahead")
    seed: int = Field(default=7, description="The same seed gives the same weather")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class CityDue(Event):
    """A city that needs its forecast."""

    city: str
    days: int
    seed: int
    pace: float


class CityDone(Event):
    """A city with its forecast."""

    city: str
    days: list[str]


class Briefing(Workflow):
    """The morning briefing for several cities."""

    @step
    async def split(self, ev: BriefingStart) -> list[CityDue]:
        """One event a city."""
        return [CityDue(city=city, days=ev.days, seed=ev.seed, pace=ev.pace) for city in ev.cities]

    @step(num_workers=2)
    async def forecast(self, ev: CityDue) -> CityDone:
        """Run the other workflow."""
        result = await Forecast(timeout=60).run(city=ev.city, days=ev.days, seed=ev.seed, pace=ev.pace)
        return CityDone(city=result["city"], days=result["days"])

    @step
    async def read_out(self, done: list[CityDone]) -> StopEvent:
        """Read it out in alphabetical order."""
        lines = [
            f"{item.city}: {'; then '.join(item.days)}" for item in sorted(done, key=lambda item: item.city)
        ]
        print("\n".join(["Good morning.", *lines]))
        return StopEvent(result=lines)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    await Briefing(timeout=120).run()


if __name__ == "__main__":
    asyncio.run(main())
