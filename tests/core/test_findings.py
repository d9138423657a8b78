"""A workflow that is put together wrongly says everything that is wrong, each thing with its place."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from wf_core import Event, StartEvent, StepFailedEvent, StopEvent, Workflow, catch_error, step
from wf_core.errors import Finding, WorkflowConfigurationError, WorkflowValidationError
from wf_core.resource import ResourceConfig


class Never(Event):
    pass


class Lost(Event):
    pass


class Faulty(Workflow):
    @step
    async def begin(self, ev: StartEvent) -> Lost | StopEvent:
        return StopEvent()

    @step
    async def wait(self, ev: Never) -> StopEvent:
        return StopEvent()

    @catch_error
    async def one(self, ev: StepFailedEvent) -> StopEvent:
        return StopEvent()

    @catch_error
    async def another(self, ev: StepFailedEvent) -> StopEvent:
        return StopEvent()


def line(function: Any) -> int:
    return inspect.getsourcelines(function)[1]


def test_every_finding_names_its_steps_and_their_lines() -> None:
    with pytest.raises(WorkflowValidationError) as caught:
        Faulty().validate()
    told = [(f.message.splitlines()[0], f.steps, [p.line for p in f.places]) for f in caught.value.findings]
    assert told == [
        ("The following events are consumed but never produced: Never", ("wait",), [line(Faulty.wait)]),
        ("The following events are produced but never consumed: Lost", ("begin",), [line(Faulty.begin)]),
        (
            "Only one wildcard @catch_error handler is allowed per workflow, found 2: another, one",
            ("another", "one"),
            [line(Faulty.another), line(Faulty.one)],
        ),
        ("[reachability] Unreachable steps: wait", ("wait",), [line(Faulty.wait)]),
    ]
    assert {p.file for f in caught.value.findings for p in f.places} == {__file__}


def test_the_message_tells_every_finding() -> None:
    with pytest.raises(WorkflowValidationError) as caught:
        Faulty().validate()
    for finding in caught.value.findings:
        assert finding.message in str(caught.value)
        assert all(str(place) in str(caught.value) for place in finding.places)


def test_contradicting_start_events_name_their_steps() -> None:
    class One(StartEvent):
        pass

    class Other(StartEvent):
        pass

    class Both(Workflow):
        @step
        async def a(self, ev: One) -> StopEvent:
            return StopEvent()

        @step
        async def b(self, ev: Other) -> StopEvent:
            return StopEvent()

    with pytest.raises(WorkflowConfigurationError) as caught:
        Both()
    (finding,) = caught.value.findings
    assert (finding.steps, [p.line for p in finding.places]) == (("a", "b"), [line(Both.a), line(Both.b)])


def test_a_step_that_can_be_none_is_found_when_it_is_decorated() -> None:
    with pytest.raises(WorkflowValidationError) as caught:

        class Flow(Workflow):
            @step
            async def orphan(self, ev: StartEvent):  # type: ignore[no-untyped-def]
                return StopEvent()

    (finding,) = caught.value.findings
    assert finding.steps == ("orphan",)
    assert [place.file for place in finding.places] == [__file__]


def test_a_configuration_that_does_not_fit_is_found_at_its_step(tmp_path: Path) -> None:
    class Limits(BaseModel):
        most: int

    file = tmp_path / "limits.json"
    file.write_text('{"most": "many"}')

    class Flow(Workflow):
        @step
        async def begin(
            self, ev: StartEvent, limits: Annotated[Limits, ResourceConfig(str(file))]
        ) -> StopEvent:
            return StopEvent()

    with pytest.raises(WorkflowValidationError) as caught:
        Flow().validate()
    (finding,) = caught.value.findings
    assert "parameter 'limits'" in finding.message
    assert (finding.steps, [p.line for p in finding.places]) == (("begin",), [line(Flow.begin)])


def test_an_error_without_findings_of_its_own_is_one() -> None:
    with pytest.raises(WorkflowValidationError) as caught:
        Faulty(num_concurrent_runs=0)
    assert caught.value.findings == (Finding(str(caught.value)),)
