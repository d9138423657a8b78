"""Runs its workflow while it is imported."""

import asyncio

from wf_core import StartEvent, StopEvent, Workflow, step


class Eager(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result="ran")


async def main() -> None:
    print(await Eager().run())


asyncio.run(main())
