"""Small questions to the public API, answered alike by the reference and, under its names, by this engine.

A question takes all its names from `p`. What deliberately differs is in docs/compatibility.md.
"""

import asyncio
import copy
import gc
import inspect
import pickle
import threading
import weakref
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from packages import plain

from wf_core.alias import aliased

MODULES = (
    "collect", "context", "context.serializers", "context.state_store", "decorators", "errors", "events",
    "plugins", "resource", "retry_policy", "testing", "utils", "workflow",
)  # fmt: skip


def everything() -> SimpleNamespace:
    """Every name of the package that goes by `workflows` now."""
    found: dict[str, Any] = {}
    for module in MODULES:
        found |= vars(import_module(f"workflows.{module}"))
    return SimpleNamespace(**found)


REFERENCE = everything()
with aliased():
    OURS = everything()


def told(ask: Callable[[], Any]) -> Any:
    """The answer, or the class of the error."""
    try:
        return ask()
    except Exception as error:
        return type(error).__name__


async def heard(ask: Any) -> Any:
    """The awaited answer, or the class of the error."""
    try:
        return await ask
    except Exception as error:
        return type(error).__name__


def flow_of(p: Any) -> Any:
    class Middle(p.Event):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def begin(self, ctx: p.Context, ev: p.StartEvent) -> Middle:
            await ctx.store.set("seen", 1)
            ctx.write_event_to_stream(p.Event(note="hi"))
            return Middle(n=1)

        @p.step
        async def end(self, ctx: p.Context, ev: Middle) -> p.StopEvent:
            return p.StopEvent(result=await ctx.store.get("seen"))

    return Flow, Middle


# -- events
def an_event_is_a_mapping_of_what_is_not_declared(p: Any) -> Any:
    class Ev(p.Event):
        a: int

    e = Ev(a=1, b=2)
    e.c, e["d"] = 3, 4
    return [
        e.a,
        e.b,
        e.get("a"),
        e.get("d"),
        "a" in e,
        "b" in e,
        len(e),
        list(e),
        e.to_dict(),
        e.model_dump(),
        repr(e),
        bool(Ev(a=0)),
        told(lambda: e["a"]),
        told(lambda: e.nothing),
        told(lambda: Ev(a="x")),
    ]


def an_event_survives_copying(p: Any) -> Any:
    e = p.Event(a=[1])
    copies = (e.model_copy(), copy.deepcopy(e), pickle.loads(pickle.dumps(e)))
    return [[c.a, c == e] for c in copies]


def a_stop_event_carries_a_result(p: Any) -> Any:
    class Answer(p.StopEvent):
        answer: int

    return [
        p.StopEvent(result=1).result,
        p.StopEvent("x").result,
        str(p.StopEvent(result=[1])),
        repr(Answer(answer=3)),
        Answer(answer=3).result,
        p.StopEvent(result=1) == p.StopEvent(result=2),
        p.StopEvent().model_dump(),
    ]


# -- state
async def a_store_is_read_and_written_by_path(p: Any) -> Any:
    store = p.InMemoryStateStore(p.DictState())
    await store.set("a.b", 1)
    await store.set("list", [1, {"x": 2}])
    await store.set("list.1.x", 5)
    return [
        await store.get("a"),
        await store.get("list.1.x"),
        await store.get("no", default=None),
        await heard(store.get("no")),
        await heard(store.get("a.no")),
        await heard(store.set("", 1)),
        await heard(store.set("list.9", 1)),
        plain(await store.get_state()),
    ]


async def an_edit_is_taken_back_when_it_fails(p: Any) -> Any:
    store = p.InMemoryStateStore(p.DictState(n=1))

    async def edit(value: int, *, fail: bool) -> None:
        async with store.edit_state() as state:
            state.n = value
            if fail:
                raise ValueError

    async def write_inside() -> None:
        async with store.edit_state():
            await store.set("n", 9)

    await edit(2, fail=False)
    return [await heard(edit(3, fail=True)), await heard(write_inside()), await store.get("n")]


def a_serializer_refuses_what_it_was_not_allowed(p: Any) -> Any:
    text = '{"__is_pydantic": true, "value": {}, "qualified_name": "json.decoder.JSONDecoder"}'
    return [
        told(lambda: p.JsonSerializer(allowed_types=[p.Event]).deserialize(text)),
        told(lambda: p.JsonSerializer(allowed_types=[3])),
        told(lambda: p.JsonSerializer().serialize(object())),
        p.PickleSerializer().deserialize(p.PickleSerializer().serialize(print)) is print,
    ]


# -- signatures
def a_signature_says_what_a_step_takes(p: Any) -> Any:
    flow, middle = flow_of(p)
    found = p.inspect_signature(flow.begin)
    return [
        list(found.accepted_events),
        found.return_types == [middle],
        found.context_parameter,
        found.is_fan_out,
        list(p.get_steps_from_class(flow)),
        list(p.get_steps_from_instance(flow())),
        p.is_free_function("A.b"),
        p.is_free_function("f.<locals>.b"),
        told(lambda: p.is_free_function("")),
        told(lambda: p.validate_step_signature(p.inspect_signature(flow.validate))),
    ]


def what_can_be_no_step_is_refused(p: Any) -> Any:
    async def no_event(self: Any, n: int) -> p.StopEvent: ...
    async def no_return(self: Any, ev: p.StartEvent): ...
    async def generator(self: Any, ev: p.StartEvent) -> p.StopEvent:
        yield

    for function in (no_event, no_return, generator):
        function.__annotations__ = inspect.get_annotations(function, eval_str=True, locals={"p": p})
        function.__qualname__ = f"Flow.{function.__name__}"
    return [told(lambda f=f: p.step(f)) for f in (no_event, no_return, generator)] + [
        told(lambda: p.catch_error(max_recoveries=0)),
        told(lambda: p.Take(0)),
        told(lambda: p.ResourceConfig("config.yaml")),
        told(lambda: p.retry_if_exception_message()),
    ]


# -- runs
async def a_handler_tells_of_its_run(p: Any) -> Any:
    flow, _ = flow_of(p)
    handler = flow().run(run_id="mine")
    before = [handler.run_id, handler.is_done(), handler.get_stop_event(), handler.ctx.is_running]
    published = [type(e).__name__ async for e in handler.stream_events()]
    return [
        *before,
        published,
        await handler,
        await handler,
        handler.is_done(),
        plain(handler.get_stop_event()),
        str(handler).replace("wf_core", "workflows"),
        await handler.ctx.running_steps(),
        handler.ctx.is_running,
        await heard(anext(handler.stream_events())),
    ]


async def each_face_of_a_context_has_its_own_methods(p: Any) -> Any:
    flow, middle = flow_of(p)
    ctx = p.Context(flow())
    event = middle(n=1)
    asked = [
        lambda: ctx.send_event(event),
        lambda: ctx.collect_events(event, [middle]),
        lambda: ctx.retry_info(),
        lambda: ctx.write_event_to_stream(event),
        lambda: ctx.stream_events(),
        lambda: p.Context.get_step_context(),
    ]
    before = [told(each) for each in asked]
    await flow().run(ctx=ctx)
    return [before, [told(each) for each in asked[1:4]], told(lambda: ctx.send_event(event, step="no"))]


async def a_run_ends_as_it_was_ended(p: Any) -> Any:
    class Slow(p.Workflow):
        @p.step
        async def wait(self, ev: p.StartEvent) -> p.StopEvent:
            await asyncio.sleep(30)
            return p.StopEvent()

    class Failing(p.Workflow):
        @p.step
        async def fail(self, ev: p.StartEvent) -> p.StopEvent:
            raise LookupError("no")

    cancelled, late, failed = Slow().run(), Slow(timeout=0.02).run(), Failing().run()
    await asyncio.sleep(0.01)
    await cancelled.cancel_run()
    return [
        [await heard(run), run.is_done(), [type(e).__name__ async for e in run.stream_events()]]
        for run in (cancelled, late, failed)
    ]


async def a_timeout_is_told_in_seconds(p: Any) -> Any:
    class Idle(p.Workflow):
        @p.step
        async def rest(self, ev: p.StartEvent) -> p.StopEvent | None:
            return None

    try:
        return await Idle(timeout=-1).run()
    except p.WorkflowTimeoutError as error:
        return str(error)


async def a_step_finds_the_context_it_was_given(p: Any) -> Any:
    class Looks(p.Workflow):
        @p.step
        async def look(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            async def below() -> bool:
                return p.Context.get_step_context() is ctx

            return p.StopEvent(result=[await below(), await asyncio.create_task(below())])

    return await Looks().run()


async def a_timer_set_in_a_step_does_not_keep_its_workflow(p: Any) -> Any:
    timers = []

    class SetsTimer(p.Workflow):
        @p.step
        async def set_it(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            timers.append(asyncio.get_running_loop().call_later(3600, print))
            return p.StopEvent()

    flow = SetsTimer()
    kept = weakref.ref(flow)
    await flow.run()
    del flow
    for _ in range(2):
        gc.collect()
        await asyncio.sleep(0)
    timers[0].cancel()
    return kept() is None


async def a_run_is_idle_before_a_prompt_answer_moves_it(p: Any) -> Any:
    class Asks(p.Workflow):
        @p.step
        async def ask(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            answer = await ctx.wait_for_event(p.HumanResponseEvent, waiter_event=p.InputRequiredEvent())
            return p.StopEvent(result=answer.text)

    seen = []
    run = Asks().run()
    async for event in run.stream_events(expose_internal=True):
        seen.append(type(event).__name__)
        if isinstance(event, p.InputRequiredEvent):
            run.ctx.send_event(p.HumanResponseEvent(text="x"))
    return [await run, seen]


class Unwritable:
    """Equal to its like, and without any serialized form."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unwritable)

    __hash__ = None  # type: ignore[assignment]


async def a_wait_for_what_cannot_be_written_is_begun_again(p: Any) -> Any:
    class Waits(p.Workflow):
        @p.step
        async def wait(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            wanted = {"key": Unwritable()}
            await ctx.wait_for_event(
                p.HumanResponseEvent, p.InputRequiredEvent(), waiter_id="it", requirements=wanted
            )
            return p.StopEvent(result="came")

    flow = Waits()
    run = flow.run()
    async for event in run.stream_events():
        if isinstance(event, p.InputRequiredEvent):
            break
    saved = run.ctx.to_dict()
    await run.cancel_run()
    resumed = flow.run(ctx=p.Context.from_dict(flow, saved))
    resumed.ctx.send_event(p.HumanResponseEvent(key="other"))
    resumed.ctx.send_event(p.HumanResponseEvent(key=Unwritable()))
    return [await resumed, [type(e).__name__ async for e in resumed.stream_events()]]


async def a_class_method_may_be_a_step(p: Any) -> Any:
    class Flow(p.Workflow):
        @classmethod
        @p.step
        async def only(cls, ev: p.StartEvent) -> p.StopEvent:
            return p.StopEvent(result=cls.__name__)

    return await Flow().run()


async def a_test_runner_collects_what_was_published(p: Any) -> Any:
    flow, _ = flow_of(p)
    found = await p.WorkflowTestRunner(flow()).run(expose_internal=False)
    return [found.result, sorted(kind.__name__ for kind in found.event_types), found.ctx is not None]


async def a_workflow_is_registered_with_a_runtime(p: Any) -> Any:
    flow, _ = flow_of(p)
    runtime = p.BasicRuntime()
    with runtime.registering() as entered:
        made = flow()
    await runtime.launch()
    result = await made.run()
    await runtime.destroy()
    return [entered is runtime, made.runtime is runtime, flow().runtime is p.basic_runtime, result]


def a_retry_policy_says_when(p: Any) -> Any:
    error = ValueError("abc")
    policies = [
        p.retry_policy(),
        p.retry_policy(wait=p.wait_exponential(max=5)),
        p.retry_policy(p.retry_never()),
        p.retry_policy(p.retry_if_exception_message(match="a.*") & p.retry_if_exception_type(ValueError)),
        p.retry_policy(wait=p.wait_chain(p.wait_fixed(1), p.wait_fixed(2)) + p.wait_fixed(1)),
        p.retry_policy(stop=p.stop_after_attempt(2) | p.stop_after_delay(9)),
    ]
    return [[policy.next(1.0, attempt, error, seed=1) for attempt in (1, 2, 3)] for policy in policies]


QUESTIONS = [
    value
    for name, value in list(globals().items())
    if inspect.isfunction(value) and list(inspect.signature(value).parameters) == ["p"] and name != "flow_of"
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
async def test_answered_alike(question: Callable[[Any], Any]) -> None:
    answers = []
    for package in (OURS, REFERENCE):
        answer = question(package)
        answers.append(await answer if inspect.isawaitable(answer) else answer)
    assert answers[0] == answers[1]
