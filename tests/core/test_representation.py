"""The graph of a workflow: what the reference draws, and beyond it what a debugger needs to know."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import workflows
import workflows.collect
import workflows.events
import workflows.representation
import workflows.resource
from pydantic import BaseModel

import wf_core
from wf_core.collect import Collect, Take
from wf_core.context import Context
from wf_core.decorators import catch_error, step
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
)
from wf_core.representation import (
    WorkflowEventNode,
    WorkflowGraph,
    WorkflowResourceConfigNode,
    WorkflowResourceNode,
    WorkflowStepNode,
    get_workflow_representation,
    workflow_event_types,
)
from wf_core.resource import Resource, ResourceConfig
from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_fixed
from wf_core.workflow import Workflow


class Question(InputRequiredEvent):
    """What to ask."""

    text: str


class Answer(HumanResponseEvent):
    text: str


class Task(Event):
    n: int


class UrgentTask(Task):
    pass


class Done(Event):
    n: int


class Aside(Event):
    pass


class Late(Event):
    pass


def note(ctx: Context, event: Event) -> None:
    ctx.send_event(event)


class Flow(Workflow):
    """Asks, works, gathers."""

    @step
    async def zero(self, ctx: Context, ev: StartEvent) -> list[Task] | None:
        """Begins."""
        answer = await ctx.wait_for_event(Answer, waiter_event=Question(text="?"))
        return [Task(n=len(answer.text))]

    @step(num_workers=2, retry_policy=retry_policy(wait=wait_fixed(1), stop=stop_after_attempt(2)))
    async def work(self, context: Context, ev: Task | UrgentTask) -> Done:
        late = Late() if ev.n else UrgentTask(n=1)
        note(context, late)
        await self.tell(ctx=context)
        return Done(n=ev.n)

    async def tell(self, ctx: Context) -> None:
        ctx.send_event(Aside())
        await self.tell(ctx)

    @step
    async def gather(self, ctx: Context, ev: Late | Aside) -> None:
        if ctx.collect_events(ev, [Late] * 2 + [Aside]):
            wf_core.Context.get_step_context().send_event(message=Late())

    @step
    async def finish(self, done: Annotated[list[Done], Collect(Take(3))]) -> StopEvent:
        return StopEvent()

    @catch_error(for_steps=["work"])
    async def mend(self, ev: StepFailedEvent) -> Done:
        return Done(n=0)


@pytest.fixture(scope="module")
def graph() -> WorkflowGraph:
    return get_workflow_representation(Flow)


def step_node(graph: WorkflowGraph, name: str) -> WorkflowStepNode:
    [node] = [n for n in graph.nodes if n.id == name and isinstance(n, WorkflowStepNode)]
    return node


def event_node(graph: WorkflowGraph, name: str) -> WorkflowEventNode:
    [node] = [n for n in graph.nodes if n.id == name and isinstance(n, WorkflowEventNode)]
    return node


def edges(graph: WorkflowGraph, *origins: str) -> set[tuple[str, str]]:
    return {(e.source, e.target) for e in graph.edges if not origins or e.origin in origins}


def test_steps_come_in_the_order_of_their_definition(graph: WorkflowGraph):
    steps = [n.id for n in graph.nodes if n.node_type == "step"]
    assert steps == ["zero", "work", "gather", "finish", "mend"]
    assert graph.name == "Flow"
    assert graph.description == "Asks, works, gathers."


def test_a_step_says_how_it_is_run(graph: WorkflowGraph):
    work = step_node(graph, "work")
    assert (work.accepts, work.emits) == (["Task", "UrgentTask"], ["Done"])
    assert (work.num_workers, work.retry) == (2, "2 attempts, 1 s apart")
    assert step_node(graph, "zero").lists == ["Task"]
    finish = step_node(graph, "finish")
    assert (finish.joins, finish.take, finish.accepts) == (True, 3, ["Done"])
    assert not work.joins
    assert not work.lists
    mend = step_node(graph, "mend")
    assert (mend.role, mend.catches) == ("catch_error", ["work"])


def test_steps_and_events_know_their_place_in_the_source(graph: WorkflowGraph):
    lines = Path(__file__).read_text().splitlines()
    for name, text in [("zero", "@step"), ("work", "@step(num_workers"), ("mend", "@catch_error")]:
        node = step_node(graph, name)
        assert node.source_file == __file__
        assert node.source_line is not None
        assert lines[node.source_line - 1].strip().startswith(text)
    question = event_node(graph, "Question")
    assert question.source_line is not None
    assert lines[question.source_line - 1] == "class Question(InputRequiredEvent):"
    assert question.description == "What to ask."
    assert question.event_types == ["Question", "InputRequiredEvent"]
    assert question.event_schema is not None
    assert question.event_schema["required"] == ["text"]


def test_what_a_step_does_with_its_context_is_read_from_its_source(graph: WorkflowGraph):
    zero, work, gather = (step_node(graph, name) for name in ("zero", "work", "gather"))
    assert (zero.waits_for, zero.asks) == (["Answer"], ["Question"])
    assert set(work.sends) == {"Late", "UrgentTask", "Aside"}
    assert (gather.collects, gather.sends) == (["Late", "Aside"], ["Late"])
    assert edges(graph, "sent") == {
        ("work", "Late"), ("work", "UrgentTask"), ("work", "Aside"), ("gather", "Late")
    }  # fmt: skip
    assert edges(graph, "waited") == {("Answer", "zero"), ("external_step", "Answer")}
    assert edges(graph, "asked") == {("zero", "Question"), ("Question", "external_step")}


def test_every_event_class_can_be_had_by_name():
    types = workflow_event_types(Flow)
    assert types["Answer"] is Answer
    assert types["Aside"] is Aside
    assert set(types) >= {"StartEvent", "Question", "Task", "UrgentTask", "Done", "Late", "StopEvent"}


def test_classes_and_helpers_that_only_the_scope_knows_are_found():
    class Local(Event):
        pass

    class Other(Event):
        pass

    def pass_on(ctx: Context, event: Local) -> None:
        ctx.send_event(event)

    class LocalFlow(Workflow):
        @step
        async def a(self, ctx: Context, ev: StartEvent) -> None:
            pass_on(ctx, Local())
            for n in range(3):
                ctx.send_event(Other(n=n), step="b")

        @step
        async def b(self, ev: Local | Other) -> StopEvent:
            return StopEvent()

    assert step_node(get_workflow_representation(LocalFlow()), "a").sends == ["Local", "Other"]


def test_sending_to_somebody_elses_context_is_not_the_steps_doing():
    class Parent(Workflow):
        @step
        async def a(self, ctx: Context, ev: StartEvent) -> StopEvent:
            child = Flow().run()
            assert child.ctx is not None
            child.ctx.send_event(Answer(text=""))
            return StopEvent()

    assert step_node(get_workflow_representation(Parent), "a").sends == []


def test_two_classes_of_one_name_are_two_nodes():
    one, two = (type("Same", (Event,), {"__module__": module}) for module in ("first", "second"))

    class Twice(Workflow):
        @step
        async def a(self, ev: StartEvent) -> one: ...  # type: ignore[valid-type]

        @step
        async def b(self, ev: one) -> two: ...  # type: ignore[valid-type]

        @step
        async def c(self, ev: two) -> StopEvent: ...  # type: ignore[valid-type]

    assert edges(get_workflow_representation(Twice)) >= {
        ("Same", "b"),
        ("b", "second.Same"),
        ("second.Same", "c"),
    }


def test_base_class_steps_come_first_and_free_functions_last():
    class Base(Workflow):
        @step
        async def z(self, ev: StartEvent) -> Task: ...

    class Derived(Base):
        @step
        async def a(self, ev: Task) -> StopEvent: ...

    @step(workflow=Derived)
    async def aa(ev: Task) -> None: ...

    assert [n.id for n in get_workflow_representation(Derived).nodes if n.node_type == "step"] == [
        "z",
        "a",
        "aa",
    ]


def test_an_event_with_a_field_that_has_no_schema_still_shows_its_fields():
    class Live(Event):
        job: complex
        handle: Any = None
        hook: SimpleNamespace | None = None

    class LiveFlow(Workflow):
        @step
        async def a(self, ev: StartEvent) -> Live: ...

        @step
        async def b(self, ev: Live) -> StopEvent: ...

    schema = event_node(get_workflow_representation(LiveFlow), "Live").event_schema
    assert schema is not None
    assert list(schema["properties"]) == ["job", "handle", "hook"]
    assert schema["required"] == ["job"]


# -- resources
class Limits(BaseModel):
    n: int = 1


def connect() -> str:
    """Connects."""
    return ""


def test_resources_hang_on_the_steps_that_ask_for_them(tmp_path: Path):
    file = tmp_path / "limits.json"
    file.write_text('{"n": 2}')
    config = ResourceConfig(str(file), label="Limits", description="How much")

    def pool(db: Annotated[str, Resource(connect)], limits: Annotated[Limits, config]) -> list[str]:
        return [db]

    class Equipped(Workflow):
        @step
        async def a(
            self,
            ev: StartEvent,
            pool: Annotated[list[str], Resource(pool)],
            gone: Annotated[Limits, ResourceConfig("gone.json")],
        ) -> StopEvent: ...

    graph = get_workflow_representation(Equipped)
    by_name = {getattr(n, "getter_name", None) or n.label: n for n in graph.nodes}
    made = by_name["connect"]
    assert isinstance(made, WorkflowResourceNode)
    assert (made.description, made.source_file) == ("Connects.", __file__)
    read = by_name["Limits"]
    assert isinstance(read, WorkflowResourceConfigNode)
    assert {n.config_value and n.config_value["n"] for n in graph.nodes if isinstance(n, type(read))} == {
        None,
        2,
    }
    labels = {e.label for e in graph.edges if e.label}
    assert labels == {"pool", "db", "limits", "gone"}


def test_a_graph_is_json_and_can_be_thinned_out(graph: WorkflowGraph):
    assert WorkflowGraph.model_validate_json(graph.model_dump_json()) == graph
    json.dumps(graph.model_dump(mode="json"))
    steps_only = graph.filter_by_node_type("event", "external", "resource")
    assert {n.node_type for n in steps_only.nodes} == {"step"}
    assert edges(steps_only) >= {("zero", "work"), ("work", "finish"), ("work", "gather"), ("zero", "zero")}
    [direct] = [e for e in steps_only.edges if (e.source, e.target) == ("zero", "work")]
    assert direct.label == "Task"


# -- the same flow on both packages
def make_flow(package: Any, config_file: str) -> Any:
    events, collect, resource = package.events, package.collect, package.resource

    class Ask(events.InputRequiredEvent):
        text: str

    class Reply(events.HumanResponseEvent):
        text: str

    class Work(events.Event):
        n: int

    class Hard(Work):
        pass

    class Result(events.Event):
        n: int

    def client() -> str:
        return ""

    class Both(package.Workflow):
        @package.step
        async def begin(self, ev: events.StartEvent) -> list[Work | Hard] | Ask:
            """Begins."""
            raise NotImplementedError

        @package.step(accept_event_subclasses=True)
        async def any_work(self, ev: Work, db: Annotated[str, resource.Resource(client)]) -> Result:
            raise NotImplementedError

        @package.step
        async def reply(
            self, ev: Reply, limits: Annotated[Limits, resource.ResourceConfig(config_file)]
        ) -> events.StopEvent | None:
            raise NotImplementedError

        @package.step
        async def join(self, ev: Annotated[list[Result], collect.Collect()]) -> events.StopEvent:
            raise NotImplementedError

        @package.catch_error
        async def mend(self, ev: events.StepFailedEvent) -> Result:
            raise NotImplementedError

    return Both


def test_nodes_and_edges_are_those_of_the_reference(tmp_path: Path):
    file = tmp_path / "limits.json"
    file.write_text("{}")
    from wf_core import collect, events, resource

    native = SimpleNamespace(
        Workflow=Workflow,
        step=step,
        catch_error=catch_error,
        events=events,
        collect=collect,
        resource=resource,
    )
    reference = SimpleNamespace(
        Workflow=workflows.Workflow,
        step=workflows.step,
        catch_error=workflows.catch_error,
        events=workflows.events,
        collect=workflows.collect,
        resource=workflows.resource,
    )
    ours = get_workflow_representation(make_flow(native, str(file)))
    theirs = workflows.representation.get_workflow_representation(make_flow(reference, str(file)))

    def named(graph: Any) -> dict[str, tuple[str, ...]]:
        return {
            n.id: (
                n.node_type,
                n.label,
                *getattr(n, "event_types", ()),
                *sorted(getattr(n, "produced_by", ())),
            )
            for n in graph.nodes
            if not n.id.startswith("resource_")
        }

    def joined(graph: Any) -> set[tuple[str, str, str | None]]:
        labels = {n.id: n.label for n in graph.nodes}
        return {(labels[e.source], labels[e.target], e.label) for e in graph.edges}

    assert named(ours) == named(theirs)
    assert joined(ours) == joined(theirs)


def test_a_source_that_was_edited_meanwhile_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "edited_flow.py"
    text = """
from wf_core import Context, Workflow, step
from wf_core.events import Event, StartEvent, StopEvent

class Sent(Event): ...

class Edited(Workflow):
    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> StopEvent:
        ctx.send_event(Sent())
        return StopEvent()
"""
    file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = import_module("edited_flow")
    assert step_node(get_workflow_representation(module.Edited), "begin").sends == ["Sent"]
    for broken in ("", "\n" * 7 + "    @step\n    async def begin(self, (", text.replace("Sent()", '"""')):
        file.write_text(broken)
        node = step_node(get_workflow_representation(module.Edited), "begin")
        assert (node.sends, node.accepts) == ([], ["StartEvent"])
