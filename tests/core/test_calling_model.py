"""What a caller may do with a workflow, a handler and a context, alike on this engine and on the reference.

A script uses one package `p` as its caller would and returns what it saw.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest
from packages import NATIVE, REFERENCE, plain
from pydantic import BaseModel


class Here(BaseModel):
    n: int = 0


class There(BaseModel):
    n: int = 0


Script = Callable[[Any], Awaitable[Any]]


async def attempt(action: Any) -> Any:
    """What an action gives, or the error it ends with."""
    try:
        return plain(await action() if asyncio.iscoroutinefunction(action) else action())
    except Exception as error:
        return plain(error)


def counting_flow(p: Any) -> Any:
    class Flow(p.Workflow):
        @p.step
        async def count(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            n = await ctx.store.get("n", default=0) + 1
            await ctx.store.set("n", n)
            if ev.get("fail"):
                raise ValueError(n)
            return p.StopEvent(result=n)

    return Flow


def asking_flow(p: Any) -> Any:
    class Ask(p.InputRequiredEvent):
        text: str

    class Reply(p.HumanResponseEvent):
        text: str

    class Flow(p.Workflow):
        asked = Ask
        reply = Reply

        @p.step
        async def begin(self, ctx: p.Context, ev: p.StartEvent) -> Ask:
            await ctx.store.set("begun", True)
            return Ask(text="?")

        @p.step
        async def end(self, ctx: p.Context, ev: Reply) -> p.StopEvent:
            return p.StopEvent(result=[ev.text, await ctx.store.get("begun")])

    return Flow


# -- handlers
async def awaiting_a_handler_again_gives_the_same(p: Any) -> Any:
    handler = counting_flow(p)().run()
    return [await handler, await handler, handler.is_done(), plain(await handler.stop_event_result())]


async def the_stream_of_a_run_is_read_once(p: Any) -> Any:
    handler = counting_flow(p)().run()
    first = [plain(e) async for e in handler.stream_events()]

    async def again() -> list[Any]:
        return [plain(e) async for e in handler.stream_events()]

    return [first, await attempt(again), await handler]


async def a_stream_may_be_read_after_the_end(p: Any) -> Any:
    handler = counting_flow(p)().run()
    await handler
    return [plain(e) async for e in handler.stream_events()]


async def events_can_be_sent_through_the_handler(p: Any) -> Any:
    flow = asking_flow(p)
    handler = flow().run()
    refused = []
    async for event in handler.stream_events():
        if isinstance(event, flow.asked):
            for step in ("nowhere", "begin"):

                async def send(to: str = step) -> None:
                    await handler.send_event(flow.reply(text="x"), step=to)

                refused.append((await attempt(send))[0])
            await handler.send_event(flow.reply(text="me"), step="end")
    return [refused, await handler]


async def a_cancelled_run_goes_on_from_its_context(p: Any) -> Any:
    flow = asking_flow(p)
    workflow = flow()
    handler = workflow.run()
    async for event in handler.stream_events():
        if isinstance(event, flow.asked):
            await handler.cancel_run()

    async def wait() -> Any:
        return await handler

    error = await attempt(wait)
    again = workflow.run(ctx=p.Context.from_dict(workflow, handler.ctx.to_dict()))
    again.ctx.send_event(flow.reply(text="late"))
    return [error[0], await again]


# -- contexts
async def a_context_carries_state_into_the_next_run(p: Any) -> Any:
    workflow = counting_flow(p)()
    ctx = p.Context(workflow)
    await ctx.store.set("n", 10)
    results = [await workflow.run(ctx=ctx), await workflow.run(ctx=ctx)]
    return [results, await p.Context(workflow).store.get("n", default="fresh")]


async def a_failed_run_leaves_its_state(p: Any) -> Any:
    workflow = counting_flow(p)()
    ctx = p.Context(workflow)
    handler = workflow.run(ctx=ctx, fail=True)

    async def wait() -> Any:
        return await handler

    return [await attempt(wait), ctx.is_running, await workflow.run(ctx=ctx)]


async def a_busy_context_is_refused(p: Any) -> Any:
    workflow = asking_flow(p)()
    handler = workflow.run()
    refused = await attempt(lambda: workflow.run(ctx=handler.ctx))
    await handler.cancel_run()
    return refused[0]


async def a_finished_context_is_written_and_read(p: Any) -> Any:
    workflow = counting_flow(p)()
    handler = workflow.run()
    await handler
    data = handler.ctx.to_dict()
    back = p.Context.from_dict(workflow, data)
    return [data["state"]["state_data"], data["is_running"], await workflow.run(ctx=back)]


async def an_unreadable_snapshot_is_refused(p: Any) -> Any:
    workflow = counting_flow(p)()
    refused = await attempt(lambda: p.Context.from_dict(workflow, {"version": 99}))
    return [refused[0], await workflow.run(ctx=p.Context.from_dict(workflow, {}))]


async def a_face_that_is_not_there_yet_is_refused(p: Any) -> Any:
    ctx = p.Context(counting_flow(p)())
    return [
        (await attempt(call))[0]
        for call in (
            lambda: ctx.send_event(p.StartEvent()),
            lambda: ctx.write_event_to_stream(p.StartEvent()),
            lambda: ctx.collect_events(p.StartEvent(), [p.StartEvent]),
            lambda: ctx.retry_info(),
        )
    ]


# -- starting
async def wrong_ways_to_start_are_refused_at_once(p: Any) -> Any:
    class Begin(p.StartEvent):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: Begin) -> p.StopEvent:
            return p.StopEvent()

    flow = Flow()
    refusals = [
        await attempt(lambda: flow.run(n="text")),
        await attempt(lambda: flow.run()),
        await attempt(lambda: flow.run(start_event="no event")),
    ]
    return [refused[0] for refused in refusals]


async def runs_of_one_instance_can_be_limited(p: Any) -> Any:
    most, now = 0, 0

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> p.StopEvent:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.005)
            now -= 1
            return p.StopEvent(result=ev.n)

    flow = Flow(num_concurrent_runs=2)
    return [await asyncio.gather(*(flow.run(n=n) for n in range(5))), most]


async def a_workflow_knows_its_parts(p: Any) -> Any:
    flow = asking_flow(p)()
    names = sorted(e.__name__ for e in flow.events)
    return [names, flow.start_event_class.__name__, flow.stop_event_class.__name__, flow.validate()]


async def a_run_id_is_taken_once(p: Any) -> Any:
    flow = asking_flow(p)()
    handler = flow.run(run_id="mine")
    refused = await attempt(lambda: flow.run(run_id="mine"))
    await handler.cancel_run()
    return [handler.run_id, refused[0]]


async def keywords_beside_a_start_event_are_ignored(p: Any) -> Any:
    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> p.StopEvent:
            return p.StopEvent(result=dict(ev.items()))

    return await Flow().run(start_event=p.StartEvent(a=1), b=2)


async def runs_side_by_side_have_states_of_their_own(p: Any) -> Any:
    flow = counting_flow(p)()
    return await asyncio.gather(*(flow.run() for _ in range(3)))


async def the_context_can_be_had_without_a_parameter(p: Any) -> Any:
    async def remember(value: Any) -> None:
        await p.Context.get_step_context().store.set("seen", value)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> p.StopEvent:
            await remember(3)
            return p.StopEvent(result=await p.Context.get_step_context().store.get("seen"))

    outside = await attempt(p.Context.get_step_context)
    return [outside[0], await Flow().run()]


async def state_types_that_do_not_fit_are_refused_at_the_start(p: Any) -> Any:
    class A(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context[Here], ev: p.StartEvent) -> A:
            return A()

        @p.step
        async def end(self, ctx: p.Context[There], ev: A) -> p.StopEvent:
            return p.StopEvent()

    return (await attempt(lambda: Flow().run()))[0]


# -- snapshots of a run in progress
async def work_in_progress_is_done_again_after_a_restart(p: Any) -> Any:
    started, times = asyncio.Event(), []

    class A(p.Event):
        n: int

    class A2(p.Event):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> list[A]:
            return [A(n=n) for n in range(3)]

        @p.step(num_workers=1)
        async def work(self, ev: A) -> A2:
            times.append(ev.n)
            if ev.n == 1 and times.count(1) == 1:
                started.set()
                await asyncio.sleep(60)
            return A2(n=ev.n)

        @p.step
        async def join(self, evs: list[A2]) -> p.StopEvent:
            return p.StopEvent(result=sorted(e.n for e in evs))

    flow = Flow(serializer=p.JsonSerializer(allowed_types=[A, A2]))
    return await _restarted(p, flow, started, times)


async def _restarted(p: Any, flow: Any, reached: asyncio.Event, seen: list[Any], answer: Any = None) -> Any:
    handler = flow.run()
    await reached.wait()
    data = json.loads(json.dumps(handler.ctx.to_dict()))
    await handler.cancel_run()
    again = flow.run(ctx=p.Context.from_dict(flow, data))
    if answer is not None:
        again.ctx.send_event(answer)
    return [await again, seen]


async def collected_events_survive_a_restart(p: Any) -> Any:
    reached, seen = asyncio.Event(), []

    class A(p.Event):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> A | None:
            ctx.send_event(A(n=1))
            ctx.send_event(A(n=2))

        @p.step(num_workers=1)
        async def gather(self, ctx: p.Context, ev: A) -> p.StopEvent | None:
            seen.append(ev.n)
            batch = ctx.collect_events(ev, [A] * 3)
            if ev.n == 2:
                asyncio.get_running_loop().call_later(0.02, reached.set)
            return p.StopEvent(result=[e.n for e in batch]) if batch else None

    flow = Flow(serializer=p.JsonSerializer(allowed_types=[A]))
    return await _restarted(p, flow, reached, seen, A(n=3))


async def an_open_question_survives_a_restart(p: Any) -> Any:
    reached, seen = asyncio.Event(), []

    class Reply(p.HumanResponseEvent):
        text: str

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            asyncio.get_running_loop().call_later(0.02, reached.set)
            reply = await ctx.wait_for_event(Reply)
            return p.StopEvent(result=reply.text)

    flow = Flow(serializer=p.JsonSerializer(allowed_types=[Reply]))
    return await _restarted(p, flow, reached, seen, Reply(text="after"))


# -- what can't be built, and why
def _broken_signatures(p: Any) -> list[Callable[[], Any]]:
    class A(p.Event):
        pass

    class B(p.Event):
        pass

    async def no_event(self: Any, n: int) -> p.StopEvent: ...
    async def no_return(self: Any, ev: A): ...  # type: ignore[no-untyped-def]
    async def two_lists(self: Any, a: list[A], b: list[B]) -> p.StopEvent: ...
    async def list_and_event(self: Any, a: list[A], b: B) -> p.StopEvent: ...
    async def union_in_a_slot(self: Any, a: A | B, b: B) -> p.StopEvent: ...
    async def collect_on_one(self: Any, a: Annotated[A, p.Collect()]) -> p.StopEvent: ...
    async def generator(self: Any, a: A) -> p.StopEvent:
        yield p.StopEvent()

    async def unknown_cardinality(
        self: Any, a: Annotated[list[A], p.Collect(p.Cardinality())]
    ) -> p.StopEvent: ...

    functions = [no_event, no_return, two_lists, list_and_event, union_in_a_slot, collect_on_one, generator]
    for function in (*functions, unknown_cardinality):
        function.__qualname__ = f"Flow.{function.__name__}"
    steps = [lambda f=f: p.step(f) for f in (*functions, unknown_cardinality)]
    return [
        *steps,
        lambda: p.step(num_workers=0)(no_event),
        lambda: p.catch_error(no_event),
        lambda: p.catch_error(max_recoveries=0),
        lambda: p.catch_error(for_steps="x")(no_event),
    ]


async def broken_signatures_are_refused(p: Any) -> Any:
    return [(await attempt(build))[0] for build in _broken_signatures(p)]


def _flow_of(p: Any, *signatures: tuple[str, Any, Any]) -> Any:
    """A workflow class from (name, accepted, returned) triples."""
    members = {}
    for name, accepted, returned in signatures:

        async def body(self, ev):  # type: ignore[no-untyped-def]
            raise NotImplementedError

        body.__name__, body.__qualname__ = name, f"Flow.{name}"
        body.__annotations__ = {"ev": accepted, "return": returned}
        members[name] = p.step(body)
    return type("Flow", (p.Workflow,), members)


async def broken_structures_are_refused(p: Any) -> Any:
    class A(p.Event):
        pass

    class B(p.Event):
        pass

    class Start2(p.StartEvent):
        pass

    class Stop2(p.StopEvent):
        pass

    start, stop = p.StartEvent, p.StopEvent
    structures: list[tuple[tuple[str, Any, Any], ...]] = [
        (),
        (("a", A, stop),),
        (("a", start, A), ("b", A, A)),
        (("a", start, stop), ("b", Start2, stop)),
        (("a", start, stop | Stop2),),
        (("a", start, stop), ("b", stop, A)),
        (("a", start, A), ("b", B, stop)),
        (("a", start, stop | B),),
        (("a", start, A | stop), ("b", A, A)),
        (("a", start, A), ("b", list[A], stop)),
    ]

    async def build(structure: Any) -> Any:
        return _flow_of(p, *structure)().validate()

    async def outcome(structure: Any) -> Any:
        async def one() -> Any:
            return await build(structure)

        found = await attempt(one)
        return found[0] if isinstance(found, tuple) else found

    return [await outcome(structure) for structure in structures]


async def wrong_settings_are_refused(p: Any) -> Any:
    flow = counting_flow(p)
    settings: list[dict[str, Any]] = [
        {"num_concurrent_runs": 0}, {"num_concurrent_runs": True}, {"skip_graph_checks": {"nonsense"}}
    ]  # fmt: skip
    return [(await attempt(lambda s=s: flow(**s)))[0] for s in settings]


SCRIPTS = [
    value
    for name, value in list(globals().items())
    if getattr(value, "__annotations__", {}).keys() == {"p", "return"} and asyncio.iscoroutinefunction(value)
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.__name__)
async def test_alike(script: Script):
    assert await script(NATIVE) == await script(REFERENCE)
