"""Promises of the programming model, each kept alike by this engine and by the reference.

A definition is a small flow that takes all its names from the package `p`; only `p` differs between the runs.
"""

import asyncio
from typing import Annotated, Any

import pytest
from packages import NATIVE, REFERENCE, Definition, Scenario, observe
from pydantic import BaseModel


# -- routing
def a_union_parameter_takes_either(p: Any) -> Scenario:
    class A(p.Event):
        pass

    class B(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> A:
            return A()

        @p.step
        async def either(self, ev: A | B) -> B | p.StopEvent:
            return B() if isinstance(ev, A) else p.StopEvent(result="both")

    return Scenario(Flow())


def an_undeclared_event_is_routed_all_the_same(p: Any) -> Scenario:
    class A(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> A | p.StopEvent:
            return p.StopEvent(result=1) if ev.get("again") else A(n=1)

        @p.step
        async def second(self, ev: A) -> p.StopEvent:
            return p.StartEvent(again=True)

    return Scenario(Flow())


def a_stop_event_that_is_sent_does_not_stop(p: Any) -> Scenario:
    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent | None:
            ctx.send_event(p.StopEvent(result="sent"))

    return Scenario(Flow(timeout=0.1))


def an_event_can_be_addressed_to_one_step(p: Any) -> Scenario:
    class A(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> A | None:
            ctx.send_event(A(), step="b")

        @p.step
        async def a(self, ev: A) -> p.StopEvent:
            return p.StopEvent(result="a")

        @p.step
        async def b(self, ev: A) -> p.StopEvent:
            return p.StopEvent(result="b")

    return Scenario(Flow())


def an_address_that_does_not_exist_is_refused_at_once(p: Any) -> Scenario:
    class A(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> A | p.StopEvent:
            refusals = []
            for event, step in ((A(), "nowhere"), (A(), "start")):
                try:
                    ctx.send_event(event, step=step)
                except p.WorkflowRuntimeError as error:
                    refusals.append(str(error))
            return p.StopEvent(result=refusals)

        @p.step
        async def take(self, ev: A) -> p.StopEvent:
            return p.StopEvent()

    return Scenario(Flow())


# -- fan-out and join
def _fan(p: Any) -> Any:
    class Job(p.Event):
        n: int

    class Done(p.Event):
        n: int

    return Job, Done


def fewer_than_the_first_few_fire_at_the_end(p: Any) -> Scenario:
    Job, _ = _fan(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> list[Job]:
            return [Job(n=1)]

        @p.step
        async def join(self, evs: Annotated[list[Job], p.Collect(p.Take(5))]) -> p.StopEvent:
            return p.StopEvent(result=len(evs))

    return Scenario(Flow())


def a_list_must_be_declared(p: Any) -> Scenario:
    Job, _ = _fan(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> Job:
            return [Job(n=1)]

        @p.step
        async def end(self, ev: Job) -> p.StopEvent:
            return p.StopEvent()

    return Scenario(Flow())


def nothing_instead_of_a_list_fires_no_join(p: Any) -> Scenario:
    Job, _ = _fan(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> list[Job] | None:
            return None

        @p.step
        async def join(self, evs: list[Job]) -> p.StopEvent:
            return p.StopEvent(result="joined")

    return Scenario(Flow(timeout=0.05))


def a_declared_bare_event_is_ordinary(p: Any) -> Scenario:
    Job, Done = _fan(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> list[Job] | Done:
            return Done(n=7)

        @p.step
        async def join(self, evs: list[Job]) -> p.StopEvent:
            return p.StopEvent(result="joined")

        @p.step
        async def end(self, ev: Done) -> p.StopEvent:
            return p.StopEvent(result=ev.n)

    return Scenario(Flow())


def members_that_end_in_nothing_drop_out(p: Any) -> Scenario:
    Job, Done = _fan(p)
    turns = [asyncio.Event() for _ in range(5)]
    turns[4].set()

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> list[Job]:
            return [Job(n=n) for n in range(4)]

        @p.step
        async def work(self, ev: Job) -> Done | None:
            await turns[ev.n + 1].wait()
            asyncio.get_running_loop().call_later(0.01, turns[ev.n].set)  # when this one's event has come
            return None if ev.n == 2 else Done(n=ev.n)

        @p.step
        async def join(self, evs: list[Done]) -> p.StopEvent:
            return p.StopEvent(result=[e.n for e in evs])

    return Scenario(Flow())


def an_event_sent_to_a_join_by_name_fails_the_run(p: Any) -> Scenario:
    Job, Done = _fan(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> list[Job]:
            ctx.send_event(Done(n=9), step="join")
            return [Job(n=1)]

        @p.step
        async def work(self, ev: Job) -> Done:
            return Done(n=ev.n)

        @p.step
        async def join(self, evs: list[Done]) -> p.StopEvent:
            return p.StopEvent(result=[e.n for e in evs])

    return Scenario(Flow())


def two_joins_share_a_fan_out(p: Any) -> Scenario:
    Job, Done = _fan(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> list[Job | Done]:
            return [Job(n=1), Done(n=2), Job(n=3)]

        @p.step
        async def both(self, evs: list[Job | Done]) -> p.StopEvent:
            await asyncio.sleep(0.02)
            return p.StopEvent(result=sorted(e.n for e in evs))

        @p.step
        async def jobs(self, ctx: p.Context, evs: list[Job]) -> None:
            await ctx.store.set("jobs", sorted(e.n for e in evs))

    return Scenario(Flow())


# -- collect_events and wait_for_event
def concurrent_arrivals_are_all_collected(p: Any) -> Scenario:
    class A(p.Event):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> A | None:
            for n in range(8):
                ctx.send_event(A(n=n))

        @p.step
        async def gather(self, ctx: p.Context, ev: A) -> p.StopEvent | None:
            await asyncio.sleep(0.005)
            batch = ctx.collect_events(ev, [A] * 8)
            return p.StopEvent(result=sorted(e.n for e in batch)) if batch else None

    return Scenario(Flow())


def types_that_are_not_expected_are_ignored(p: Any) -> Scenario:
    class A(p.Event):
        pass

    class B(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> A | B:
            return B()

        @p.step
        async def gather(self, ctx: p.Context, ev: A | B) -> p.StopEvent:
            return p.StopEvent(
                result=[ctx.collect_events(ev, [A]), ctx.collect_events(ev, [], buffer_id="x")]
            )

    return Scenario(Flow())


def _human(p: Any) -> Any:
    class Ask(p.InputRequiredEvent):
        text: str

    class Reply(p.HumanResponseEvent):
        text: str
        to: str = ""

    return Ask, Reply


def an_answer_must_meet_the_requirements(p: Any) -> Scenario:
    Ask, Reply = _human(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            replies = []
            for name in ("ann", "bob"):
                reply = await ctx.wait_for_event(
                    Reply, waiter_event=Ask(text=name), waiter_id=name, requirements={"to": name}
                )
                replies.append(reply.text)
            return p.StopEvent(result=replies)

    def answer(handler: Any, event: Any) -> None:
        if isinstance(event, Ask):
            handler.ctx.send_event(Reply(text="wrong", to="nobody"))
            handler.ctx.send_event(Reply(text=f"I am {event.text}", to=event.text))

    return Scenario(Flow(), react=answer)


def other_steps_get_the_awaited_event_too(p: Any) -> Scenario:
    Ask, Reply = _human(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            await ctx.wait_for_event(Reply, waiter_event=Ask(text="?"))
            await asyncio.sleep(0.01)
            return p.StopEvent(result=await ctx.store.get("also"))

        @p.step
        async def also(self, ctx: p.Context, ev: Reply) -> None:
            await ctx.store.set("also", ev.text)

    def answer(handler: Any, event: Any) -> None:
        if isinstance(event, Ask):
            handler.ctx.send_event(Reply(text="me"))

    return Scenario(Flow(), react=answer)


def several_invocations_wait_side_by_side(p: Any) -> Scenario:
    Ask, Reply = _human(p)
    Job, Done = _fan(p)

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> list[Job]:
            return [Job(n=n) for n in range(6)]

        @p.step
        async def work(self, ctx: p.Context, ev: Job) -> Done:
            me = str(ev.n)
            reply = await ctx.wait_for_event(Reply, waiter_event=Ask(text=me), requirements={"to": me})
            return Done(n=int(reply.text))

        @p.step
        async def join(self, evs: list[Done]) -> p.StopEvent:
            return p.StopEvent(result=sorted(e.n for e in evs))

    def answer(handler: Any, event: Any) -> None:
        if isinstance(event, Ask):
            handler.ctx.send_event(Reply(text=event.text * 2, to=event.text))

    return Scenario(Flow(timeout=5), react=answer, concurrent=True)


# -- failure, retry, recovery
def a_policy_may_refuse_an_error(p: Any) -> Scenario:
    class Flow(p.Workflow):
        @p.step(retry_policy=p.retry_policy(retry=p.retry_if_exception_type(OSError), wait=p.wait_none()))
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            n = await ctx.store.get("n", default=0)
            await ctx.store.set("n", n + 1)
            raise (OSError if n == 0 else ValueError)(n)

    return Scenario(Flow())


def a_step_knows_how_its_earlier_attempts_ended(p: Any) -> Scenario:
    class Flow(p.Workflow):
        @p.step(retry_policy=p.retry_policy(wait=p.wait_fixed(0.01), stop=p.stop_after_attempt(3)))
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            info = ctx.retry_info()
            if info.retry_number < 2:
                raise ConnectionError(str(info.retry_number))
            return p.StopEvent(
                result=[info.retry_number, repr(info.last_exception), info.elapsed_seconds > 0]
            )

    return Scenario(Flow())


def the_handler_of_a_step_goes_before_the_one_for_all(p: Any) -> Scenario:
    class A(p.Event):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> A:
            return A(n=5)

        @p.step(retry_policy=p.retry_policy(wait=p.wait_none(), stop=p.stop_after_attempt(2)))
        async def work(self, ev: A) -> p.StopEvent:
            raise KeyError("k")

        @p.catch_error(for_steps=["work"])
        async def mine(self, ev: p.StepFailedEvent) -> p.StopEvent:
            return p.StopEvent(
                result=[
                    ev.step_name,
                    ev.input_event.n,
                    repr(ev.exception),
                    ev.attempts,
                    ev.elapsed_seconds >= 0,
                ]
            )

        @p.catch_error
        async def others(self, ev: p.StepFailedEvent) -> p.StopEvent:
            return p.StopEvent(result="wrong handler")

    return Scenario(Flow())


def a_lineage_is_recovered_only_so_often(p: Any) -> Scenario:
    class A(p.Event):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> A:
            return A(n=0)

        @p.step
        async def work(self, ev: A) -> p.StopEvent:
            raise KeyError(ev.n)

        @p.catch_error(max_recoveries=2)
        async def mend(self, ctx: p.Context, ev: p.StepFailedEvent) -> A:
            ctx.write_event_to_stream(A(n=100 + ev.input_event.n))
            return A(n=ev.input_event.n + 1)

    return Scenario(Flow())


def a_handler_that_fails_fails_the_run(p: Any) -> Scenario:
    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> p.StopEvent:
            raise KeyError("first")

        @p.catch_error
        async def mend(self, ev: p.StepFailedEvent) -> p.StopEvent:
            raise ValueError("second")

    return Scenario(Flow())


# -- the end of a run
def the_first_stop_event_wins(p: Any) -> Scenario:
    class A(p.Event):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> A | None:
            for n in (3, 1, 2):
                ctx.send_event(A(n=n))

        @p.step
        async def work(self, ev: A) -> p.StopEvent:
            await asyncio.sleep(0.02 * ev.n)
            return p.StopEvent(result=ev.n)

    return Scenario(Flow())


def a_start_event_of_ones_own_takes_the_keywords(p: Any) -> Scenario:
    class Begin(p.StartEvent):
        n: int

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: Begin) -> p.StopEvent:
            return p.StopEvent(result=[ev.n, ev.extra])

    return Scenario(Flow(), {"n": "3", "extra": [1]})


def a_run_with_nothing_left_to_do_ends_at_its_timeout(p: Any) -> Scenario:
    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> p.StopEvent | None:
            return None

    return Scenario(Flow(timeout=0.05))


def a_cancelled_run_says_so(p: Any) -> Scenario:
    class Started(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            ctx.write_event_to_stream(Started())
            await asyncio.sleep(60)
            return p.StopEvent()

    async def cancel(handler: Any, event: Any) -> None:
        if isinstance(event, Started):
            await handler.cancel_run()

    return Scenario(Flow(), react=cancel)


# -- state, inheritance, resources
class Tally(BaseModel):
    total: int = 0
    names: list[str] = []


class LongTally(Tally):
    comment: str = "none"


def the_most_derived_state_type_is_used(p: Any) -> Scenario:
    class A(p.Event):
        pass

    class Flow(p.Workflow):
        @p.step
        async def start(self, ctx: p.Context[Tally], ev: p.StartEvent) -> A:
            async with ctx.store.edit_state() as state:
                state.total += 2
                state.names.append("x")
            return A()

        @p.step
        async def end(self, ctx: p.Context[LongTally], ev: A) -> p.StopEvent:
            await ctx.store.set("comment", "done")
            state = await ctx.store.get_state()
            return p.StopEvent(result=[state.total, state.comment])

    return Scenario(Flow())


def an_edit_that_fails_is_rolled_back(p: Any) -> Scenario:
    class Flow(p.Workflow):
        @p.step(retry_policy=p.retry_policy(wait=p.wait_none()))
        async def start(self, ctx: p.Context, ev: p.StartEvent) -> p.StopEvent:
            if ctx.retry_info().retry_number == 0:
                async with ctx.store.edit_state() as state:
                    state.n = 1
                    raise ValueError
            return p.StopEvent(result=await ctx.store.get("n", default="nothing"))

    return Scenario(Flow())


def an_undecorated_override_removes_the_step(p: Any) -> Scenario:
    class Base(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent) -> p.StopEvent:
            return p.StopEvent(result="base")

        @p.step
        async def alternative(self, ev: p.StartEvent) -> p.StopEvent:
            return p.StopEvent(result="alternative")

    class Derived(Base):
        async def alternative(self, ev: p.StartEvent) -> p.StopEvent:
            return p.StopEvent(result="not a step")

        @p.step
        async def start(self, ev: p.StartEvent) -> p.StopEvent:
            return p.StopEvent(result="derived")

    return Scenario(Derived())


def a_resource_is_made_once_for_the_workflow_or_once_per_invocation(p: Any) -> Scenario:
    made: list[str] = []

    def kept() -> list[str]:
        made.append("kept")
        return made

    async def fresh() -> list[str]:
        made.append("fresh")
        return made

    class A(p.Event):
        pass

    Kept = Annotated[list[str], p.Resource(kept)]
    Fresh = Annotated[list[str], p.Resource(fresh, cache=False)]

    class Flow(p.Workflow):
        @p.step
        async def start(self, ev: p.StartEvent, one: Kept, two: Fresh, three: Fresh) -> A:
            return A()

        @p.step
        async def end(self, ev: A, one: Kept, two: Fresh) -> p.StopEvent:
            return p.StopEvent(result=list(one))

    return Scenario(Flow())


def a_failing_resource_is_a_failure_of_the_step(p: Any) -> Scenario:
    def broken() -> str:
        raise ConnectionError("no db")

    class Flow(p.Workflow):
        @p.step(retry_policy=p.retry_policy(wait=p.wait_none(), stop=p.stop_after_attempt(2)))
        async def start(self, ev: p.StartEvent, db: Annotated[str, p.Resource(broken)]) -> p.StopEvent:
            return p.StopEvent()

    return Scenario(Flow())


def a_policy_that_raises_fails_the_step_with_its_error(p: Any) -> Scenario:
    class Broken:
        def next(self, elapsed_time: float, attempts: int, error: Exception) -> float | None:
            raise ZeroDivisionError("policy")

    class Flow(p.Workflow):
        @p.step(retry_policy=Broken())
        async def start(self, ev: p.StartEvent) -> p.StopEvent:
            raise ValueError("step")

    return Scenario(Flow())


DEFINITIONS = [
    value
    for name, value in list(globals().items())
    if getattr(value, "__annotations__", {}).get("return") is Scenario and not name.startswith("_")
]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.__name__)
async def test_kept_alike(definition: Definition):
    assert await observe(NATIVE, definition) == await observe(REFERENCE, definition)
