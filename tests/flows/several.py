"""Two workflows in one module."""

from wf_core import StartEvent, StopEvent, Workflow, step


class First(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result="first")


class Second(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result="second")
