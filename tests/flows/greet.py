"""Two steps, no waiting: the plain case."""

from pydantic import Field

from wf_core import Event, StartEvent, StopEvent, Workflow, step


class Greet(StartEvent):
    name: str = Field(description="Whom to greet")
    times: int = Field(default=1, ge=1, description="How often")


class Greeting(Event):
    text: str


class Greeter(Workflow):
    @step
    async def compose(self, ev: Greet) -> Greeting:
        print(f"composing for {ev.name}")
        return Greeting(text=", ".join([f"hello {ev.name}"] * ev.times))

    @step
    async def deliver(self, ev: Greeting) -> StopEvent:
        return StopEvent(result={"said": ev.text})
