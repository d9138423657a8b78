"""What is put together wrongly is refused before it runs: every finding, with the place of its step."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest

from wf_core import Context, Workflow, catch_error, step
from wf_core.collect import Collect, Take
from wf_core.errors import WorkflowConfigurationError, WorkflowValidationError
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
)


class A(Event):
    pass


class B(Event):
    pass


class Orphan(Event):
    pass


HERE = r"\(.*test_validation\.py:\d+\)"


def no_event_parameter() -> Any:
    async def bad(self: Any, n: int) -> StopEvent: ...

    return bad


def no_return_annotation() -> Any:
    async def bad(self: Any, ev: StartEvent): ...  # type: ignore[no-untyped-def]

    return bad


def union_slot() -> Any:
    async def bad(self: Any, one: A | B, two: StartEvent) -> StopEvent: ...

    return bad


def list_beside_another() -> Any:
    async def bad(self: Any, many: list[A], one: B) -> StopEvent: ...

    return bad


def two_lists() -> Any:
    async def bad(self: Any, many: list[A], more: list[B]) -> StopEvent: ...

    return bad


def collect_on_one() -> Any:
    async def bad(self: Any, one: Annotated[A, Collect(Take(2))]) -> StopEvent: ...

    return bad


def async_generator() -> Any:
    async def bad(self: Any, ev: StartEvent) -> AsyncIterator[A]:
        yield A()

    return bad


def unknown_name() -> Any:
    async def bad(self: Any, ev: NoSuchEvent) -> StopEvent: ...  # type: ignore[name-defined]  # noqa: F821

    return bad


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_event_parameter, "at least one parameter annotated as type Event"),
        (no_return_annotation, "Return types .* must be annotated"),
        (union_slot, "'one' declares 2"),
        (list_beside_another, "cannot be combined with other event parameters"),
        (two_lists, "at most one list"),
        (collect_on_one, "carries a Collect marker but is not annotated as list"),
        (async_generator, "Async-iterator fan-out .* is not supported"),
        (unknown_name, "Failed to resolve type annotations .* Missing name: NoSuchEvent"),
    ],
)
def test_a_signature_that_is_no_steps_is_refused_where_it_is_written(
    make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(WorkflowValidationError, match=f"(?s){message}.*in step .*bad {HERE}"):
        step(make())


@pytest.mark.parametrize("number", [0, -1, "two", True])
def test_a_step_has_at_least_one_worker(number: Any) -> None:
    with pytest.raises(WorkflowValidationError, match="num_workers must be an integer greater than 0"):

        class Flow(Workflow):
            @step(num_workers=number)
            async def only(self, ev: StartEvent) -> StopEvent: ...


def test_a_free_function_names_its_workflow() -> None:
    with pytest.raises(WorkflowValidationError, match=f"(?s)please pass a workflow class.*{HERE}"):

        @step
        async def alone(ev: StartEvent) -> StopEvent: ...


def test_a_name_is_taken_once_and_only_steps_are_added() -> None:
    class Flow(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent: ...

    async def only(ev: StartEvent) -> StopEvent: ...

    with pytest.raises(WorkflowValidationError, match="missing the `@step` decorator"):
        Flow.add_step(only)
    with pytest.raises(WorkflowValidationError, match="A step only is already part of this workflow"):
        step(workflow=Flow)(only)


def test_one_start_and_one_stop_type() -> None:
    class OtherStart(StartEvent):
        pass

    class OtherStop(StopEvent):
        pass

    class NoStart(Workflow):
        @step
        async def only(self, ev: A) -> StopEvent: ...

    class TwoStarts(Workflow):
        @step
        async def one(self, ev: StartEvent) -> StopEvent: ...
        @step
        async def two(self, ev: OtherStart) -> StopEvent: ...

    class NoStop(Workflow):
        @step
        async def only(self, ev: StartEvent) -> A: ...

    class TwoStops(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent | OtherStop: ...

    for flow, message in [
        (NoStart, "At least one Event of type StartEvent must be received"),
        (TwoStarts, "Only one type of StartEvent is allowed per workflow, found 2"),
        (NoStop, "At least one Event of type StopEvent must be returned"),
        (TwoStops, "Only one type of StopEvent is allowed per workflow, found 2"),
    ]:
        with pytest.raises(WorkflowConfigurationError, match=message):
            flow()


def test_all_findings_come_at_once_with_their_places() -> None:
    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> A | Orphan: ...
        @step
        async def middle(self, ev: A | B) -> StopEvent: ...
        @step
        async def late(self, ev: StopEvent) -> None: ...
        @step
        async def join(self, evs: list[B]) -> StopEvent: ...
        @catch_error(for_steps=["nowhere"])
        async def rescue(self, ev: StepFailedEvent) -> StopEvent: ...

    with pytest.raises(WorkflowValidationError) as refused:
        Flow().validate()
    text = str(refused.value)
    for message, culprit in [
        ("Step 'join' parameter 'evs' collects list[B], but no returned-list producer", "join"),
        ("Step 'late' cannot accept StopEvent", "late"),
        ("events are consumed but never produced: B", "middle"),
        ("events are produced but never consumed: Orphan", "begin"),
        ("handler 'rescue' lists unknown step 'nowhere'", "rescue"),
        ("[reachability] Unreachable steps: join", "join"),
    ]:
        assert re.search(re.escape(message) + rf"(?s:.*?)\.{culprit} {HERE}", text), message


def test_graph_faults() -> None:
    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> A | StopEvent: ...
        @step
        async def round_and_round(self, ev: A) -> A: ...

    with pytest.raises(WorkflowValidationError, match=r"Graph validation failed:\n  - \[dead_end\]"):
        Flow().validate()
    assert Flow(skip_graph_checks={"dead_end"}).validate() is False
    with pytest.raises(WorkflowValidationError, match="Unknown graph check names: nonsense"):
        Flow(skip_graph_checks={"nonsense"})  # type: ignore[arg-type]


def test_slots_must_meet_at_one_level() -> None:
    class Flow(Workflow):
        @step
        async def fan(self, ev: StartEvent) -> list[A]: ...
        @step
        async def side(self, ev: StartEvent) -> B: ...
        @step
        async def join(self, a: A, b: B) -> StopEvent: ...

    with pytest.raises(WorkflowValidationError, match="never produced at a common stream level"):
        Flow().validate()


def test_error_handlers_do_not_overlap() -> None:
    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> StopEvent: ...
        @catch_error
        async def one(self, ev: StepFailedEvent) -> StopEvent: ...
        @catch_error
        async def two(self, ev: StepFailedEvent) -> StopEvent: ...
        @catch_error(for_steps=["begin", "one"])
        async def three(self, ev: StepFailedEvent) -> StopEvent: ...
        @catch_error(for_steps=["begin"])
        async def four(self, ev: StepFailedEvent) -> StopEvent: ...

    with pytest.raises(WorkflowValidationError) as refused:
        Flow().validate()
    text = str(refused.value)
    assert "Only one wildcard @catch_error handler is allowed per workflow, found 2: one, two" in text
    assert "Step 'begin' is claimed by two @catch_error handlers" in text
    assert "cannot cover another handler step 'one'" in text


@pytest.mark.parametrize("options", [{"max_recoveries": 0}, {"for_steps": "begin"}, {"for_steps": [1]}])
def test_an_error_handlers_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(WorkflowValidationError, match="@catch_error"):
        catch_error(**options)


def test_an_error_handler_takes_failures() -> None:
    with pytest.raises(WorkflowValidationError, match="must accept StepFailedEvent"):

        class Flow(Workflow):
            @catch_error
            async def rescue(self, ev: A) -> StopEvent: ...


def test_whether_a_person_is_asked() -> None:
    class Asking(Workflow):
        @step
        async def ask(self, ev: StartEvent) -> InputRequiredEvent: ...
        @step
        async def answer(self, ev: HumanResponseEvent) -> StopEvent: ...

    assert Asking().validate() is True


@pytest.mark.parametrize("number", [0, -2, True, 1.5, "3"])
def test_the_number_of_concurrent_runs_is_a_positive_integer(number: Any) -> None:
    class Flow(Workflow):
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent: ...

    with pytest.raises(WorkflowValidationError, match="num_concurrent_runs"):
        Flow(num_concurrent_runs=number)


async def test_a_step_added_later_is_validated_too() -> None:
    class Flow(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> StopEvent:
            return StopEvent()

    flow = Flow()
    await flow.run()

    @step(workflow=Flow)
    async def lost(ev: A) -> StopEvent: ...

    with pytest.raises(WorkflowValidationError, match="consumed but never produced: A"):
        flow.run()


def test_an_overridden_step_without_the_decorator_is_none() -> None:
    class Base(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> StopEvent: ...
        @step
        async def more(self, ev: StartEvent) -> StopEvent: ...

    class Derived(Base):
        async def more(self, ev: StartEvent) -> StopEvent: ...

    assert list(Derived._get_steps()) == ["begin"]
