"""The test runner that workflow authors use."""

from __future__ import annotations

import pytest

from wf_core.context import Context
from wf_core.decorators import step
from wf_core.events import Event, StartEvent, StepState, StepStateChanged, StopEvent
from wf_core.testing import WorkflowTestRunner
from wf_core.workflow import Workflow


class Progress(Event):
    done: int


class Count(Workflow):
    @step
    async def count(self, ctx: Context, ev: StartEvent) -> StopEvent:
        for n in range(ev.get("to", 2)):
            ctx.write_event_to_stream(Progress(done=n))
        seen = await ctx.store.get("seen", default=0)
        await ctx.store.set("seen", seen + 1)
        if ev.get("fail"):
            raise ConnectionError("lost")
        return StopEvent(result=seen + 1)


async def test_a_run_is_collected_with_its_result():
    done = await WorkflowTestRunner(Count()).run(StartEvent(to=3))
    assert done.result == 1
    assert done.event_types == {StepStateChanged: 2, Progress: 3, StopEvent: 1}
    assert [e.done for e in done.collected if isinstance(e, Progress)] == [0, 1, 2]
    assert done.collected[0].step_state is StepState.RUNNING


async def test_events_can_be_left_out_and_a_context_carried_on():
    runner = WorkflowTestRunner(Count())
    first = await runner.run(expose_internal=False)
    assert first.event_types == {Progress: 2, StopEvent: 1}
    second = await runner.run(ctx=first.ctx, exclude_events=[Progress, StepStateChanged])
    assert [type(e) for e in second.collected] == [StopEvent]
    assert second.result == 2


async def test_a_failed_run_raises_its_error():
    with pytest.raises(ConnectionError, match="lost"):
        await WorkflowTestRunner(Count()).run(StartEvent(fail=True))
