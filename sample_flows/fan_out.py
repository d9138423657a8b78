"""Fan-out and fan-in: one step returns a list, several workers share it, another step waits for all of them.

Shows
    `plan` is annotated `-> list[Photo]`: every member runs on its own. `develop` has `num_workers=3`,
    so three photos are in work and the rest queue. `album` takes a `list[Print]`: it fires once, when
    the last worker is done, whatever the order in which they finish.

Try
    `wf-tui sample_flows/fan_out.py`, `r`, then `2`: one lane a step, one cell a worker, uneven work.
    Press `p` in the middle: every delivery stops, `n` lets through one at a time, `c` continues. `G`
    follows the tail again.

Headless
    wf-tui run sample_flows/fan_out.py -i photos=20
"""

import asyncio
import logging
import random

from pydantic import Field

from wf_core import Workflow, step
from wf_core.events import Event, StartEvent, StopEvent

log = logging.getLogger("darkroom")
log.setLevel(logging.INFO)

SUBJECTS = ["harbour", "market", "old bridge", "tram", "lighthouse", "rooftops", "ferry", "park", "station"]


class FanOutStart(StartEvent):
    """How much film there is."""

    photos: int = Field(default=12, ge=0, le=200, description="Negatives on the roll")
    seed: int = Field(default=7, description="The same seed gives the same roll")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class Photo(Event):
    """One negative to be developed."""

    number: int
    subject: str
    exposure: float = Field(description="Seconds in the bath")
    pace: float


class Print(Event):
    """One photo on paper."""

    number: int
    subject: str
    grain: float = Field(description="0 is smooth, 1 is sand")


class FanOut(Workflow):
    """Develops a roll of film with three pairs of hands."""

    @step
    async def plan(self, ev: FanOutStart) -> list[Photo]:
        """Cut the roll into negatives."""
        rng = random.Random(ev.seed)
        print(f"{ev.photos} negatives on the line")
        await asyncio.sleep(0.3 * ev.pace)
        return [
            Photo(
                number=number,
                subject=rng.choice(SUBJECTS),
                exposure=round(rng.uniform(0.3, 1.6), 2),
                pace=ev.pace,
            )
            for number in range(1, ev.photos + 1)
        ]

    @step(num_workers=3)
    async def develop(self, ev: Photo) -> Print | None:
        """Develop one negative; a spoilt one drops out of the batch."""
        log.info("negative %d (%s): %.2f s", ev.number, ev.subject, ev.exposure)
        await asyncio.sleep(ev.exposure * ev.pace)
        grain = round(ev.exposure / 1.6, 2)
        if grain > 0.95:
            log.warning("negative %d is spoilt: grain %.2f", ev.number, grain)
            return None
        return Print(number=ev.number, subject=ev.subject, grain=grain)

    @step
    async def album(self, prints: list[Print]) -> StopEvent:
        """Bind what came out."""
        pages = [
            f"{p.number:>3}  {p.subject:<12} grain {p.grain:.2f}"
            for p in sorted(prints, key=lambda p: p.number)
        ]
        print("\n".join(["the album:", *pages]))
        return StopEvent(result=pages)


workflow = FanOut(timeout=600)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    print(len(await workflow.run()), "prints")


if __name__ == "__main__":
    asyncio.run(main())
