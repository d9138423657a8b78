"""Failure as part of the plan: a flaky service, a retry policy, and a step that recovers what stays broken.

Shows
    `fetch` raises now and then. Its retry policy tries again, three times in all, and only for errors
    worth it: a `QuotaError` is never retried. What is given up arrives in `recover` as a
    StepFailedEvent with the exception and the number of attempts, and the run goes on with a fallback
    instead of failing.

Try
    `wf-tui sample_flows/retries.py`, `r`. The lanes (`2`) show attempts and the pause between them.
    Choose `fetch`, `b`, then `B` and "exception": the debugger stops where it raises, before the policy
    decides. With recover switched off in the form the run fails: the timeline names the step and the
    line.

Headless
    wf-tui run sample_flows/retries.py -i cities=6 -i failure_rate=0.7
"""

import asyncio
import logging
import random
import zlib

from pydantic import Field

from wf_core import Context, Workflow, catch_error, step
from wf_core.events import Event, StartEvent, StepFailedEvent, StopEvent
from wf_core.retry_policy import retry_if_exception_type, retry_policy, stop_after_attempt, wait_exponential

log = logging.getLogger("weather")
log.setLevel(logging.INFO)

CITIES = ["Lisbon", "Turku", "Graz", "Ghent", "Porto", "Brno", "Oulu", "Nantes", "Gdynia", "Trieste"]


class RetriesStart(StartEvent):
    """How bad the weather service is today."""

    cities: int = Field(default=5, ge=1, le=10, description="Cities to ask for")
    failure_rate: float = Field(default=0.5, ge=0, le=1, description="How often a single request fails")
    recover: bool = Field(default=True, description="Off: a city that cannot be fetched fails the run")
    seed: int = Field(default=7, description="The same seed gives the same failures")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies the delays of the service")


class CityAsked(Event):
    """A request to be made."""

    city: str
    failure_rate: float
    recover: bool
    seed: int
    pace: float


class CityWeather(Event):
    """What is known about a city, and from where."""

    city: str
    celsius: float
    source: str
    attempts: int


class ServiceUnavailable(ConnectionError):
    """The service did not answer: worth another try."""


class QuotaError(RuntimeError):
    """The service refuses: trying again only makes it worse."""


def typical_celsius(city: str) -> float:
    """A plausible temperature for when nobody answers."""
    return 4.0 + zlib.crc32(city.encode()) % 180 / 10


class Retries(Workflow):
    """Asks an unreliable weather service about several cities."""

    @step
    async def ask(self, ev: RetriesStart) -> list[CityAsked]:
        """One request a city."""
        shared = {"failure_rate": ev.failure_rate, "recover": ev.recover, "seed": ev.seed, "pace": ev.pace}
        return [CityAsked(city=city, **shared) for city in CITIES[: ev.cities]]

    @step(
        num_workers=3,
        retry_policy=retry_policy(
            retry=retry_if_exception_type(ServiceUnavailable),
            wait=wait_exponential(multiplier=0.1, max=1),
            stop=stop_after_attempt(3),
        ),
    )
    async def fetch(self, ctx: Context, ev: CityAsked) -> CityWeather:
        """One request; it may fail in two ways."""
        attempt = ctx.retry_info().retry_number + 1
        dice = random.Random(f"{ev.seed}/{ev.city}/{attempt}")
        await asyncio.sleep(dice.uniform(0.2, 1.0) * ev.pace)
        if dice.random() < ev.failure_rate:
            if dice.random() < 0.2:
                raise QuotaError(f"quota for {ev.city} used up")
            print(f"{ev.city}: no answer (attempt {attempt})")
            raise ServiceUnavailable(f"no answer about {ev.city}")
        log.info("%s answered at attempt %d", ev.city, attempt)
        celsius = round(typical_celsius(ev.city) + dice.uniform(-3, 3), 1)
        return CityWeather(city=ev.city, celsius=celsius, source="service", attempts=attempt)

    @catch_error(for_steps=["fetch"], max_recoveries=1)
    async def recover(self, ev: StepFailedEvent) -> CityWeather:
        """Use the long-term mean instead, unless the run was told to be strict."""
        asked = ev.input_event
        if not asked.recover:
            raise ev.exception
        log.warning("%s given up after %d attempts: %s", asked.city, ev.attempts, ev.exception)
        await asyncio.sleep(0.3 * asked.pace)
        return CityWeather(
            city=asked.city,
            celsius=typical_celsius(asked.city),
            source="long-term mean",
            attempts=ev.attempts,
        )

    @step
    async def report(self, answers: list[CityWeather]) -> StopEvent:
        """Hottest city first."""
        rows = sorted(answers, key=lambda answer: (-answer.celsius, answer.city))
        for row in rows:
            print(f"{row.city:<8} {row.celsius:5.1f} °C  {row.source}, {row.attempts} attempt(s)")
        return StopEvent(result=[row.model_dump() for row in rows])


workflow = Retries(timeout=120)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    await workflow.run()


if __name__ == "__main__":
    asyncio.run(main())
