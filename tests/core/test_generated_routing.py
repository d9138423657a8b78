"""Any web of steps that broadcast, send, return and address events runs as it does on the reference."""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from packages import NATIVE, REFERENCE, Scenario, observe

CLASSES = 4
"""Event classes 0 to 3; class 3 derives from class 2."""


@dataclass(frozen=True)
class Node:
    """One step: the classes it takes, returns, sends to all, and sends to one step (its number, class)."""

    takes: tuple[int, ...]
    returns: int | None
    sends: tuple[int, ...]
    addresses: tuple[tuple[int, int], ...]
    subclasses: bool
    workers: int


kinds = st.integers(0, CLASSES - 1)
nodes = st.builds(
    Node,
    takes=st.lists(kinds, min_size=1, max_size=2, unique=True).map(tuple),
    returns=st.none() | kinds,
    sends=st.lists(kinds, max_size=2).map(tuple),
    addresses=st.lists(st.tuples(st.integers(0, 2), kinds), max_size=1).map(tuple),
    subclasses=st.booleans(),
    workers=st.integers(1, 3),
)


def build(p: Any, web: list[Node]) -> Any:
    """The workflow. An event's number is one less than that of its cause; at 0 nothing follows."""
    fields = {"__annotations__": {"n": int}}
    classes = [type(f"E{i}", (p.Event,), dict(fields)) for i in range(CLASSES - 1)]
    classes.append(type("E3", (classes[2],), {}))
    ran: list[Any] = []
    refused: list[Any] = []

    def make_body(i: int, node: Node) -> Any:
        async def body(self: Any, ctx: Any, ev: Any) -> Any:
            ran.append((i, type(ev).__name__, ev.n))
            if ev.n == 0:
                return None
            for kind in node.sends:
                ctx.send_event(classes[kind](n=ev.n - 1))
            for target, kind in node.addresses:
                try:
                    ctx.send_event(classes[kind](n=ev.n - 1), step=f"s{target}")
                except p.WorkflowRuntimeError:
                    refused.append((i, target, kind))
            return None if node.returns is None else classes[node.returns](n=ev.n - 1)

        taken = classes[node.takes[0]]
        for kind in node.takes[1:]:
            taken = taken | classes[kind]
        body.__name__, body.__qualname__ = f"s{i}", f"Flow.s{i}"
        returned = None if node.returns is None else classes[node.returns] | None
        body.__annotations__ = {"ctx": p.Context, "ev": taken, "return": returned or type(None)}
        return p.step(num_workers=node.workers, accept_event_subclasses=node.subclasses)(body)

    class Finish(p.HumanResponseEvent):
        pass

    class Base(p.Workflow):
        @p.step
        async def begin(self, ctx: p.Context, ev: p.StartEvent) -> None:
            for kind in range(CLASSES):
                ctx.send_event(classes[kind](n=2))

        @p.step
        async def finish(self, ev: Finish) -> p.StopEvent:
            return p.StopEvent(result=[sorted(ran), sorted(refused)])

    members = {f"s{i}": make_body(i, node) for i, node in enumerate(web)}
    return type("Flow", (Base,), members)(timeout=10, disable_validation=True), Finish


def run(p: Any, web: list[Node]) -> Any:
    def scenario(p: Any) -> Scenario:
        flow, finish = build(p, web)

        def when_idle(handler: Any, event: Any) -> None:
            if isinstance(event, p.WorkflowIdleEvent):
                handler.ctx.send_event(finish())

        return Scenario(flow, react=when_idle)

    seen = asyncio.run(observe(p, scenario))
    seen.unhandled.sort()
    return seen


@settings(max_examples=25, deadline=None)
@given(st.lists(nodes, min_size=3, max_size=4))
def test_any_web_of_steps_routes_as_the_reference_does(web: list[Node]):
    assert run(NATIVE, web) == run(REFERENCE, web)
