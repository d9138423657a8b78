"""A run from its start to its end: results, streams, failures, cancellation, limits."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import sys
import threading
import weakref
from contextlib import suppress
from typing import Any

import pytest

from wf_core import Context, Workflow, step
from wf_core.decorators import catch_error
from wf_core.errors import (
    ContextStateError,
    WorkflowCancelledByUser,
    WorkflowRuntimeError,
    WorkflowTimeoutError,
)
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
    UnhandledEvent,
    WorkflowCancelledEvent,
    WorkflowFailedEvent,
    WorkflowTimedOutEvent,
)
from wf_core.retry_policy import retry_policy, stop_after_attempt, wait_none


class A(Event):
    n: int = 0


class Echo(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=ev.get("value"))


class Forever(Workflow):
    """Two steps that never end by themselves."""

    cleaned: list[str]

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> A | None:
        ctx.send_event(A())
        await self.sleep("begin")

    @step
    async def also(self, ev: A) -> StopEvent:
        await self.sleep("also")
        return StopEvent()

    async def sleep(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cleaned.append(name)


def forever(**options: Any) -> Forever:
    flow = Forever(**options)
    flow.cleaned = []
    return flow


async def turns(n: int = 20) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def test_nothing_runs_before_the_caller_yields() -> None:
    ran: list[int] = []

    class Eager(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            ran.append(1)
            return StopEvent()

    handler = Eager().run()
    assert ran == []
    await handler
    assert ran == [1]


async def test_the_result_can_be_awaited_again_and_the_stream_read_once() -> None:
    handler = Echo().run(value=5)
    assert [await handler, await handler] == [5, 5]
    assert [e.result async for e in handler.stream_events()] == [5]
    with pytest.raises(WorkflowRuntimeError, match="already been consumed"):
        [e async for e in handler.stream_events()]


async def test_reading_the_stream_can_stop_and_go_on_later() -> None:
    class Talker(Workflow):
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
            for n in range(4):
                ctx.write_event_to_stream(A(n=n))
            return StopEvent()

    handler = Talker().run()
    async for event in handler.stream_events():
        if event.n == 1:
            break
    rest = [e.n async for e in handler.stream_events() if isinstance(e, A)]
    assert rest == [2, 3]


async def test_a_step_can_send_and_publish_from_its_thread() -> None:
    class Threaded(Workflow):
        @step
        def begin(self, ctx: Context, ev: StartEvent) -> A | None:
            assert threading.current_thread() is not threading.main_thread()
            for n in range(3):
                ctx.write_event_to_stream(A(n=n))
                ctx.send_event(A(n=n))
            with pytest.raises(WorkflowRuntimeError, match="does not exist"):
                ctx.send_event(A(), step="nowhere")

        @step
        def gather(self, ctx: Context, ev: A) -> StopEvent | None:
            got = ctx.collect_events(ev, [A] * 3)
            return StopEvent(result=sorted(e.n for e in got)) if got else None

    handler = Threaded().run()
    seen = [e.n async for e in handler.stream_events() if isinstance(e, A)]
    assert seen == [0, 1, 2]
    assert await handler == [0, 1, 2]


async def test_cancelling_ends_steps_stream_and_result() -> None:
    flow = forever()
    handler = flow.run()
    await turns()
    await handler.cancel_run()
    assert handler.is_done()
    with pytest.raises(WorkflowCancelledByUser):
        await handler
    assert [type(e) async for e in handler.stream_events()] == [WorkflowCancelledEvent]
    assert sorted(flow.cleaned) == ["also", "begin"]
    assert isinstance(handler.get_stop_event(), WorkflowCancelledEvent)


async def test_no_task_is_left_behind() -> None:
    for end in ("cancel", "timeout", "result"):
        flow = forever(timeout=0.01 if end == "timeout" else None)
        handler = flow.run() if end != "result" else Echo().run()
        await turns()
        if end == "cancel":
            await handler.cancel_run()
        await asyncio.wait([asyncio.ensure_future(handler.stop_event_result())])
        await turns(3)
        assert asyncio.all_tasks() == {asyncio.current_task()}, end


async def test_a_timeout_names_the_active_steps() -> None:
    handler = forever(timeout=0.01).run()
    with pytest.raises(WorkflowTimeoutError, match=r"after 0\.01 seconds\. .* steps: also, begin"):
        await handler
    [event] = [e async for e in handler.stream_events()]
    assert isinstance(event, WorkflowTimedOutEvent)
    assert event.active_steps == ["also", "begin"]


async def test_waiting_for_a_result_with_a_limit_ends_the_run() -> None:
    flow = forever(timeout=None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(flow.run(), 0.01)
    await turns()
    assert sorted(flow.cleaned) == ["also", "begin"]


async def test_a_child_run_ends_with_the_step_that_awaits_it() -> None:
    child = forever(timeout=None)

    class Parent(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=await child.run())

    handler = Parent().run()
    await turns()
    await handler.cancel_run()
    await turns()
    assert sorted(child.cleaned) == ["also", "begin"]


async def test_sys_exit_in_a_step_fails_the_run_and_names_the_line() -> None:
    class Quits(Workflow):
        @step(retry_policy=retry_policy(wait=wait_none(), stop=stop_after_attempt(5)))
        async def only(self, ev: StartEvent) -> StopEvent:
            if ev.get("thread"):
                await asyncio.to_thread(sys.exit, 3)
            sys.exit(3)

    for thread in (False, True):
        handler = Quits().run(thread=thread)
        with pytest.raises(WorkflowRuntimeError, match=r"Step 'only' called sys\.exit\(3\).*_runs\.py:\d+"):
            await handler
        events = [e async for e in handler.stream_events()]
        assert isinstance(events[0], WorkflowFailedEvent)
        assert events[0].attempts == 1


async def test_a_leaking_cancelled_error_is_a_failure_not_silence() -> None:
    class Leaks(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            inner = asyncio.ensure_future(asyncio.sleep(60))
            inner.cancel()
            await inner
            return StopEvent()

    with pytest.raises(WorkflowRuntimeError, match=r"Step 'only' let a CancelledError out.*_runs\.py:\d+"):
        await Leaks().run()


async def test_a_step_that_raises_generator_exit_fails_and_does_not_hang() -> None:
    class Exits(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            if ev.get("late"):
                await asyncio.sleep(0)
            raise GeneratorExit

    for late in (False, True):
        with pytest.raises(WorkflowRuntimeError, match=r"Step 'only' raised GeneratorExit.*_runs\.py:\d+"):
            await Exits().run(late=late)


async def test_a_return_value_that_is_no_event_is_placed() -> None:
    class Wrong(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            return 5  # type: ignore[return-value]

    with pytest.raises(WorkflowRuntimeError, match="returned int instead of an Event") as failed:
        await Wrong().run()
    assert re.search(r"Wrong\.only \(.*_runs\.py:\d+\)", failed.value.__notes__[0])


async def test_a_retry_policy_that_raises_fails_the_run() -> None:
    class Policy:
        def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
            raise LookupError("policy bug")

    class Broken(Workflow):
        @step(retry_policy=Policy())
        async def only(self, ev: StartEvent) -> StopEvent:
            raise ValueError("own")

    with pytest.raises(LookupError, match="policy bug"):
        await Broken().run()


async def test_a_failed_attempt_gives_collected_events_back() -> None:
    fails = [True]

    class Retrying(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> A | None:
            for n in range(3):
                ctx.send_event(A(n=n))

        @step(num_workers=1, retry_policy=retry_policy(wait=wait_none(), stop=stop_after_attempt(2)))
        async def join(self, ctx: Context, ev: A) -> StopEvent | None:
            got = ctx.collect_events(ev, [A] * 3)
            if got and fails:
                fails.clear()
                raise ValueError("after collecting")
            return StopEvent(result=[e.n for e in got]) if got else None

    assert await Retrying().run() == [0, 1, 2]


async def test_handlers_get_the_failure() -> None:
    seen: list[StepFailedEvent] = []

    class Rescued(Workflow):
        @step(retry_policy=retry_policy(wait=wait_none(), stop=stop_after_attempt(3)))
        async def broken(self, ev: A) -> StopEvent:
            raise ValueError(f"n is {ev.n}")

        @step
        async def begin(self, ev: StartEvent) -> A:
            return A(n=4)

        @catch_error
        async def rescue(self, ev: StepFailedEvent) -> StopEvent:
            seen.append(ev)
            return StopEvent(result="saved")

    assert await Rescued().run() == "saved"
    [event] = seen
    assert (event.step_name, event.attempts, event.input_event) == ("broken", 3, A(n=4))
    assert str(event.exception) == "n is 4"
    assert event.failed_at.tzinfo is not None


async def test_a_limited_instance_runs_one_after_the_other() -> None:
    active: list[int] = []
    peak: list[int] = []

    class Counted(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            active.append(1)
            peak.append(len(active))
            await turns(5)
            active.pop()
            return StopEvent()

    flow = Counted(num_concurrent_runs=2)
    handlers = [flow.run() for _ in range(6)]
    await handlers[5].cancel_run()
    for handler in handlers[:5]:
        await handler
    assert max(peak) == 2
    assert len(peak) == 5


async def test_waits_in_a_row_each_get_their_own_event() -> None:
    bodies: list[int] = []

    class Asking(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            bodies.append(1)
            first = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(q=1))
            second = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(q=2))
            return StopEvent(result=(first.text, second.text))

    handler = Asking().run()
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            handler.ctx.send_event(HumanResponseEvent(text=f"answer {event.q}"))
    assert await handler == ("answer 1", "answer 2")
    assert bodies == [1]


async def test_a_waiting_step_leaves_its_worker_to_others() -> None:
    class Paired(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> A | None:
            ctx.send_event(A(n=1))
            ctx.send_event(A(n=2))

        @step(num_workers=1)
        async def meet(self, ctx: Context, ev: A) -> HumanResponseEvent | StopEvent:
            if ev.n == 2:
                return HumanResponseEvent(text="from two")
            got = await ctx.wait_for_event(HumanResponseEvent)
            return StopEvent(result=got.text)

    flow = Paired(timeout=5, skip_graph_checks={"terminal_event"})
    assert await flow.run() == "from two"


async def test_two_waits_of_one_body_at_once() -> None:
    class Both(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            one, two = await asyncio.gather(
                ctx.wait_for_event(HumanResponseEvent, requirements={"k": 1}),
                ctx.wait_for_event(HumanResponseEvent, requirements={"k": 2}),
            )
            return StopEvent(result=(one.text, two.text))

    handler = Both().run()
    await turns()
    handler.ctx.send_event(HumanResponseEvent(k=2, text="b"))
    handler.ctx.send_event(HumanResponseEvent(k=1, text="a"))
    assert await handler == ("a", "b")


async def test_a_step_can_give_up_its_wait() -> None:
    gave_up = asyncio.Event()

    class Impatient(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            try:
                await asyncio.wait_for(ctx.wait_for_event(HumanResponseEvent), 0.01)
            except TimeoutError:
                gave_up.set()
                return StopEvent(result=await ctx.wait_for_event(HumanResponseEvent))

    handler = Impatient().run()
    await gave_up.wait()
    handler.ctx.send_event(HumanResponseEvent(text="late"))
    assert (await handler).text == "late"


async def test_a_stop_event_that_is_sent_does_not_end_the_run(caplog: pytest.LogCaptureFixture) -> None:
    class Sends(Workflow):
        @step
        async def begin(self, ctx: Context, ev: StartEvent) -> A:
            ctx.send_event(StopEvent(result="sent"))
            return A()

        @step
        async def end(self, ev: A) -> StopEvent:
            await turns()
            return StopEvent(result="returned")

    handler = Sends().run()
    internal = [e async for e in handler.stream_events(expose_internal=True)]
    assert await handler == "returned"
    assert [e.event_type for e in internal if isinstance(e, UnhandledEvent)] == ["StopEvent"]
    line = inspect.getsourcelines(Sends)[1] + 3
    assert f"Step 'begin' sent a StopEvent ({__file__}:{line}). It was sent, not returned" in caplog.text


@pytest.mark.parametrize("threaded", [False, True])
async def test_a_step_that_raises_stop_iteration_fails(threaded: bool) -> None:
    class Empties(Workflow):
        if threaded:

            @step
            def take(self, ev: StartEvent) -> StopEvent:
                return next(iter(()))
        else:

            @step
            async def take(self, ev: StartEvent) -> StopEvent:
                return next(iter(()))

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await Empties().run()


async def test_a_stop_event_on_the_stream_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    class Writes(Workflow):
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
            ctx.write_event_to_stream(StopEvent(result="written"))
            return StopEvent(result="returned")

    handler = Writes().run()
    assert [e.result async for e in handler.stream_events()] == ["written"]
    assert await handler == "returned"
    assert "Step 'only' wrote a StopEvent to the stream" in caplog.text


async def test_only_events_are_sent_and_written() -> None:
    class Careless(Workflow):
        @step
        async def only(self, ctx: Context, ev: StartEvent) -> StopEvent:
            with pytest.raises(
                WorkflowRuntimeError, match="send_event takes an Event instance, not str: 'text'"
            ):
                ctx.send_event("text")  # type: ignore[arg-type]
            with pytest.raises(WorkflowRuntimeError, match="write_event_to_stream takes an Event instance"):
                ctx.write_event_to_stream({"a": 1})  # type: ignore[arg-type]
            return StopEvent()

    await Careless().run()


async def test_the_faces_of_a_context() -> None:
    flow = Echo()
    ctx: Context[Any] = Context(flow)
    await ctx.store.set("seen", 1)
    with pytest.raises(ContextStateError, match=r"workflow\.run\(\) first"):
        ctx.collect_events(A(), [A])
    with pytest.raises(ContextStateError, match="before workflow started"):
        ctx.send_event(A())
    handler = flow.run(ctx=ctx)
    with pytest.raises(ContextStateError, match="already running"):
        flow.run(ctx=ctx)
    with pytest.raises(ContextStateError, match="within step functions"):
        ctx.collect_events(A(), [A])
    await handler
    assert await handler.ctx.store.get("seen") == 1
    await flow.run(ctx=ctx)
    assert await ctx.store.get("seen") == 1


async def test_the_context_of_a_step_without_a_parameter() -> None:
    class Bare(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            Context.get_step_context().write_event_to_stream(A(n=3))
            return StopEvent()

    assert [e.n async for e in Bare().run().stream_events() if isinstance(e, A)] == [3]
    with pytest.raises(WorkflowRuntimeError, match="within a step function"):
        Context.get_step_context()


async def test_a_run_id_lives_once() -> None:
    flow = Echo()
    handler = flow.run(run_id="mine")
    with pytest.raises(RuntimeError, match="'mine' already exists"):
        flow.run(run_id="mine")
    await handler
    assert await flow.run(run_id="mine", value=2) == 2


async def test_a_wrong_start_is_refused_at_once() -> None:
    class Wanting(StartEvent):
        n: int

    class Strict(Workflow):
        @step
        async def only(self, ev: Wanting) -> StopEvent:
            return StopEvent(result=ev.n)

    with pytest.raises(WorkflowRuntimeError, match=r"Failed creating a start event of type 'Wanting'"):
        Strict().run(n="many")
    with pytest.raises(ValueError, match="must be an instance of 'StartEvent'"):
        Strict().run(start_event=A())  # type: ignore[arg-type]
    assert await Strict().run(start_event=Wanting(n=2)) == 2


@pytest.mark.parametrize("how", ["finish", "fail", "time out", "be cancelled", "break off the stream"])
async def test_workflows_runs_and_classes_are_collectable_after_their_runs(how: str) -> None:
    async def one() -> list[weakref.ref[Any]]:
        class Own(Event):
            pass

        class Passing(Workflow):
            @step
            async def begin(self, ctx: Context, ev: StartEvent) -> Own:
                ctx.write_event_to_stream(A(n=1))
                if how == "fail":
                    raise ValueError
                if how == "time out":
                    await asyncio.sleep(60)
                if how == "be cancelled":
                    await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent())
                return Own()

            @step
            async def end(self, ev: Own) -> StopEvent:
                return StopEvent()

        flow = Passing(timeout=0.01 if how == "time out" else 30)
        handler = flow.run()
        if how == "break off the stream":
            async for _ in handler.stream_events():
                break
        if how == "be cancelled":
            await turns()
            handler.ctx.to_dict()
            await handler.cancel_run()
        with suppress(Exception):
            await handler
        return [weakref.ref(kept) for kept in (flow, handler._run, Passing, Own)]

    gone = await one()
    await turns(3)
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4


async def test_a_run_nobody_holds_goes_on() -> None:
    ended = asyncio.Event()

    class Alone(Workflow):
        @step
        async def only(self, ev: StartEvent) -> StopEvent:
            await asyncio.sleep(0.01)
            ended.set()
            return StopEvent()

    Alone().run()
    gc.collect()
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_long_chain_neither_recurses_nor_starves_the_loop() -> None:
    class Loop(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> A:
            return A(n=ev.n)

        @step
        async def again(self, ev: A) -> A | StopEvent:
            return A(n=ev.n - 1) if ev.n else StopEvent(result="end")

    handler = Loop().run(n=20_000)
    laps = 0
    while not handler.is_done():
        laps += 1
        await asyncio.sleep(0)
    assert await handler == "end"
    assert laps > 100


async def test_free_functions_are_steps() -> None:
    class Empty(Workflow):
        pass

    @step(workflow=Empty, num_workers=1)
    async def only(ev: StartEvent, ctx: Context) -> StopEvent:
        return StopEvent(result=ev.value)

    assert await Empty().run(value=3) == 3


async def test_context_variables_do_not_leak_from_step_to_step() -> None:
    import contextvars

    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="unset")
    var.set("caller")

    class Vars(Workflow):
        @step
        async def begin(self, ev: StartEvent) -> A:
            assert var.get() == "caller"
            var.set("begin")
            return A()

        @step
        async def end(self, ev: A) -> StopEvent:
            return StopEvent(result=var.get())

    assert await Vars().run() == "caller"
