"""Any chain of stages with nested fan-outs, losses, retries and recoveries gives what the reference gives."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from packages import NATIVE, REFERENCE, Scenario, observe


@dataclass(frozen=True)
class Stage:
    """One step: `plus` adds; `drop`, `flaky`, `broken` hit multiples of `n`; `fan` makes n, `join` sums."""

    kind: str
    n: int
    workers: int = 4


simple = st.builds(
    Stage, st.sampled_from(["plus", "flaky", "broken"]), st.integers(1, 3), st.integers(1, 4)
).map(lambda stage: [stage])
lossy = st.builds(Stage, st.just("drop"), st.integers(2, 3), st.integers(1, 4)).map(lambda stage: [stage])


def chains(*parts: st.SearchStrategy[list[Stage]]) -> st.SearchStrategy[list[Stage]]:
    return st.lists(st.one_of(*parts), max_size=2).map(
        lambda found: [stage for part in found for stage in part]
    )


def fanned(
    inner: st.SearchStrategy[list[Stage]], take: st.SearchStrategy[int]
) -> st.SearchStrategy[list[Stage]]:
    opened = st.builds(Stage, st.just("fan"), st.integers(0, 4))
    closed = st.builds(Stage, st.just("join"), take, st.integers(1, 4))
    return st.tuples(opened, inner, closed).map(lambda parts: [parts[0], *parts[1], parts[2]])


everything = st.just(0)
inner_fans = fanned(chains(simple, lossy), everything)
flows = chains(simple, fanned(chains(simple, lossy, inner_fans), everything)).filter(len)


def build(p: Any, stages: list[Stage]) -> Any:
    """The workflow: stage i takes events of class i and passes on events of class i + 1."""
    classes = [type(f"E{i}", (p.Event,), {"__annotations__": {"n": int}}) for i in range(len(stages))]
    members: dict[str, Any] = {"ran": []}
    for i, stage in enumerate(stages):
        last = i + 1 == len(stages)
        emit = (lambda n: p.StopEvent(result=n)) if last else (lambda n, c=classes[i + 1]: c(n=n))
        passed = p.StopEvent if last else classes[i + 1]
        add_stage(p, members, i, stage, classes[i], passed, emit)

    async def begin(self: Any, ev: Any) -> Any:
        return classes[0](n=ev.n)

    members["begin"] = as_step(p.step, begin, "begin", p.StartEvent, classes[0])
    return type("Flow", (p.Workflow,), members)


def as_step(decorate: Any, body: Any, name: str, accepted: Any, returned: Any) -> Any:
    body.__name__, body.__qualname__ = name, f"Flow.{name}"
    body.__annotations__ = {"ev": accepted, "return": returned}
    return decorate(body)


def add_stage(
    p: Any, members: dict[str, Any], i: int, stage: Stage, accepted: Any, passed: Any, emit: Any
) -> None:
    name, ran, failed_once = f"s{i}", members["ran"], set()
    policy = p.retry_policy(wait=p.wait_none(), stop=p.stop_after_attempt(2))

    async def one(self: Any, ev: Any) -> Any:
        ran.append((name, ev.n))
        if stage.kind == "fan":
            return [emit(ev.n * 5 + k) for k in range(stage.n)]
        hit = ev.n % stage.n == 0
        if hit and stage.kind == "flaky" and ev.n not in failed_once:
            failed_once.add(ev.n)
            raise ConnectionError
        if hit and stage.kind == "broken":
            raise ValueError
        return None if hit and stage.kind == "drop" else emit(ev.n + 1)

    async def join(self: Any, ev: Any) -> Any:
        ran.append((name, sorted(e.n for e in ev)))
        return emit(sum(e.n for e in ev))

    async def mend(self: Any, ev: Any) -> Any:
        return emit(ev.input_event.n + 100)

    body, taken, given_on = one, accepted, passed
    if stage.kind == "join":
        body, taken = join, Annotated[list[accepted], p.Collect()]
    elif stage.kind == "fan":
        given_on = list[passed]
    elif stage.kind == "drop":
        given_on = passed | None
    elif stage.kind == "broken":
        handler = p.catch_error(for_steps=[name], max_recoveries=9)
        members[f"mend{i}"] = as_step(handler, mend, f"mend{i}", p.StepFailedEvent, passed)
    decorate = p.step(num_workers=stage.workers, retry_policy=policy if stage.kind == "flaky" else None)
    members[name] = as_step(decorate, body, name, taken, given_on)


def closes_on_stop(stages: list[Stage]) -> bool:
    """A list of stop events is no flow: the last stage must not open a fan-out."""
    return stages[-1].kind != "fan"


@settings(max_examples=40, deadline=None)
@given(flows.filter(closes_on_stop), st.integers(0, 3))
def test_any_chain_of_stages_computes_what_the_reference_computes(stages: list[Stage], n: int):
    def run(p: Any) -> Any:
        flow = build(p, stages)
        seen = asyncio.run(observe(p, lambda _: Scenario(flow(timeout=5), {"n": n})))
        return seen, sorted(flow.ran, key=repr)

    assert run(NATIVE) == run(REFERENCE)
