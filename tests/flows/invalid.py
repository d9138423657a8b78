"""Two faults: an event that nobody produces, and one that nobody takes."""

from wf_core import Event, StartEvent, StopEvent, Workflow, step


class Never(Event):
    pass


class Lost(Event):
    pass


class Invalid(Workflow):
    @step
    async def begin(self, ev: StartEvent) -> Lost | StopEvent:
        return StopEvent()

    @step
    async def wait(self, ev: Never) -> StopEvent:
        return StopEvent()
