"""The debugger's control by itself: clock, matching, holds and the order of records, on a clock of the
test's own."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.clock import FreezableClock
from wf_debug.control.controller import Controller, Hold, UnknownHold
from wf_debug.control.matching import Scene
from wf_debug.control.resolve import resolve
from wf_debug.control.tracer import Tracer
from wf_debug.control.visit import Decision, Visit
from wf_debug.graph import EventType, FlowGraph, Step
from wf_debug.trace.records import Note, Payload, Record, When
from wf_debug.wire import Records, host_message_adapter

GRAPH = FlowGraph(
    name="F",
    steps=(Step(name="second", accepts=("Result",)), Step(name="third", accepts=("Other",))),
    events=(EventType(name="Result", bases=("Base",)), EventType(name="Other")),
)


class Base:
    score = 5


class Result(Base): ...


class Other: ...


# -- the clock
class JumpingSelector(selectors.SelectSelector):
    """Instead of waiting, moves the loop's time forward."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0.0
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


@pytest.fixture
def loop() -> Iterator[JumpingLoop]:
    loop = JumpingLoop()
    yield loop
    loop.close()


def fired_at(loop: JumpingLoop, during: Callable[[FreezableClock], Any]) -> float:
    """The loop's time at which a timer of 1 s fires, when `during` happens to the clock meanwhile."""
    clock = FreezableClock(loop.time)

    async def main() -> float:
        fired = loop.create_future()
        clock.call_later(1.0, lambda: fired.set_result(loop.time()))
        during(clock)
        return float(await fired)

    return loop.run_until_complete(main())


def test_a_timer_fires_after_its_delay(loop: JumpingLoop) -> None:
    assert fired_at(loop, lambda clock: None) == pytest.approx(1.0)


def test_frozen_time_does_not_count(loop: JumpingLoop) -> None:
    def freeze_for_three_seconds(clock: FreezableClock) -> None:
        loop.call_later(0.4, clock.freeze)
        loop.call_later(3.4, clock.thaw)

    assert fired_at(loop, freeze_for_three_seconds) == pytest.approx(4.0)


def test_skipped_time_does_not_count(loop: JumpingLoop) -> None:
    assert fired_at(loop, lambda clock: loop.call_later(0.5, clock.skip, 0.5)) == pytest.approx(1.5)


def test_a_cancelled_timer_stays_silent_after_a_thaw(loop: JumpingLoop) -> None:
    clock = FreezableClock(loop.time)
    fired: list[int] = []

    async def main() -> None:
        timer = clock.call_later(0.1, lambda: fired.append(1))
        clock.freeze()
        await asyncio.sleep(1)
        timer.cancel()
        clock.thaw()
        await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert fired == []


def test_freezing_twice_is_freezing_once() -> None:
    clock = FreezableClock(lambda: 7.0)
    assert (clock.freeze(), clock.freeze(), clock.thaw(), clock.thaw()) == (True, False, True, False)
    assert clock.now() == 7.0


# -- gates
class Bench:
    """A controller with everything it says."""

    def __init__(self) -> None:
        self.time = 0.0
        self.lines: list[bytes] = []
        self.clock = FreezableClock(lambda: self.time)
        self.tracer = Tracer(self.lines.append, self.clock, wall=lambda: 1000.0)
        self.controller = Controller(
            self.tracer, self.clock, lambda value: Payload(type="V", preview=str(value))
        )
        self.decisions: list[Decision] = []

    @property
    def records(self) -> list[Record]:
        self.tracer.flush()
        messages = [host_message_adapter.validate_json(line) for line in self.lines]
        return [r for m in messages if isinstance(m, Records) for r in m.records]

    def kinds(self) -> list[str]:
        return [r.kind for r in self.records]

    def set(self, *points: Breakpoint) -> None:
        self.controller.set_breakpoints(resolve(points, [GRAPH]))

    def visit(self, event: Any = None, **fields: Any) -> Hold | None:
        event = event or Result()
        visit = Visit(
            run="r",
            type=type(event).__name__,
            classes=(type(event), *fields.pop("also", ())),
            scene=fields.pop("scene", None)
            or Scene(event, fields.get("step", "second"), 0, lambda: {"count": 2}),
            payload=lambda: Payload(type="V", preview=""),
            decide=self.decisions.append,
            **{"when": "deliver", "step": "second", "events": (1,), "invocation": 1, **fields},
        )
        if not self.controller.watches("r", visit.when, visit.step, visit.classes):
            return None
        return self.controller.visit(visit)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("point", "stops"),
    [
        (Breakpoint(event="Result"), True),
        (Breakpoint(event="Base"), True),
        (Breakpoint(event="Other"), False),
        (Breakpoint(step="second"), True),
        (Breakpoint(event="second"), True),
        (Breakpoint(event="Result", step="third"), False),
        (Breakpoint(event="Result", when="emit"), False),
        (Breakpoint(event="Result", enabled=False), False),
        (Breakpoint(event="Result", condition="ev.score > 4"), True),
        (Breakpoint(event="Result", condition="state.count > 4"), False),
        (Breakpoint(event="Result", condition="state['count'] == 2 and step == 'second'"), True),
        (Breakpoint(event="Result", condition="any(n == ev.score for n in range(9)) and state.count"), True),
        (Breakpoint(event="Result", hits=2), False),
        (Breakpoint(step="second", exception=True), False),
    ],
)
def test_what_a_breakpoint_stops(bench: Bench, point: Breakpoint, stops: bool) -> None:
    bench.set(point)
    assert (bench.visit() is not None) is stops


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event": "Resut"}, "no event type or step named 'Resut'; closest: Result"),
        ({"step": "secnd"}, "no step named 'secnd'; closest: second"),
        ({"event": "Other", "condition": "ev.n >"}, "cannot compile 'ev.n >'"),
        ({"event": "Other", "action": "log", "log": "{1 +}"}, "cannot compile '1 +'"),
    ],
)
def test_a_breakpoint_that_cannot_match_says_why(fields: dict[str, Any], reason: str) -> None:
    (found,) = resolve([Breakpoint(**fields)], [GRAPH])
    assert found.armed is None
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("event", "when", "reason"),
    [
        ("Result", "deliver", ""),
        ("Base", "deliver", ""),
        ("Awaited", "deliver", ""),
        ("Said", "deliver", ""),
        ("Other", "emit", ""),
        ("Other", "deliver", "step 'taker' takes Result, Awaited, not Other"),
    ],
)
def test_an_event_that_never_comes_to_the_step_is_said(event: str, when: When, reason: str) -> None:
    events = (*GRAPH.events, EventType(name="Awaited"), EventType(name="Said", role="human_response"))
    taker = Step(name="taker", accepts=("Result",), waits_for=("Awaited",))
    other = Step(name="other", accepts=("Other", "Said"))
    graph = GRAPH.model_copy(update={"steps": (taker, other), "events": events})
    (found,) = resolve([Breakpoint(event=event, step="taker", when=when)], [graph])
    assert found.reason == reason


def test_the_base_of_all_events_stops_every_delivery() -> None:
    (found,) = resolve([Breakpoint(event="Event")], [GRAPH], loaded=lambda event: True)
    assert (found.breakpoint.when, found.reason) == ("deliver", "")


def test_without_a_flow_nothing_is_verified() -> None:
    assert resolve([Breakpoint(event="A")], [])[0].reason == "no workflow is loaded yet"


def test_hits_count_matches_and_survive_setting_the_same_breakpoint_again(bench: Bench) -> None:
    point = Breakpoint(id=4, event="Result", hits=3, condition="ev.score == 5")
    bench.set(point)
    assert bench.visit() is None
    bench.set(point, Breakpoint(id=5, event="Other"))
    assert bench.visit() is None
    hold = bench.visit()
    assert hold is not None
    assert (hold.reason, hold.breakpoint) == ("breakpoint", 4)


def test_an_exception_breakpoint_matches_only_what_raised(bench: Bench) -> None:
    bench.set(Breakpoint(step="second", exception=True, condition="isinstance(error, KeyError)"))
    assert bench.visit(when="after") is None
    error = KeyError("k")
    scene = Scene(Result(), "second", 0, dict, error, None, error)
    assert bench.visit(when="after", also=(KeyError,), scene=scene) is not None


def test_ev_is_the_returned_event_when_the_breakpoint_names_its_type(bench: Bench) -> None:
    returned = Other()
    returned.n = 1  # type: ignore[attr-defined]
    scene = Scene(Result(), "second", 0, dict, returned, returned)
    bench.set(Breakpoint(event="Other", when="after", condition="ev.n == 1"))
    assert bench.visit(when="after", also=(Other,), scene=scene) is not None
    bench.set(Breakpoint(event="Result", when="after", condition="ev.score == 5 and result.n == 1"))
    assert bench.visit(when="after", also=(Other,), scene=scene) is not None


def test_holding_stops_the_clock_until_the_last_hold_is_released(bench: Bench) -> None:
    bench.set(Breakpoint(event="Result"))
    first, second = bench.visit(), bench.visit()
    assert bench.clock.frozen
    assert first
    assert second
    bench.controller.release(first.id, Decision("accept"))
    assert bench.clock.frozen
    bench.controller.release(second.id, Decision("drop"))
    assert not bench.clock.frozen
    assert [d.verb for d in bench.decisions] == ["accept", "drop"]
    assert bench.kinds() == [
        "held",
        "clock_paused",
        "held",
        "released",
        "released",
        "dropped",
        "clock_resumed",
    ]
    with pytest.raises(UnknownHold, match="held now: nothing"):
        bench.controller.release(first.id, Decision("accept"))


def test_a_pause_parks_deliveries_alone_and_stays_over_accept_all(bench: Bench) -> None:
    bench.controller.pause()
    assert bench.visit(when="emit") is None
    assert bench.visit() is not None
    bench.controller.accept_all()
    assert [d.verb for d in bench.decisions] == ["accept"]
    assert bench.controller.paused
    assert bench.visit() is not None
    bench.controller.resume()
    assert not bench.controller.paused
    assert bench.visit() is None


def test_step_next_lets_the_chosen_or_the_oldest_through(bench: Bench) -> None:
    bench.controller.pause()
    holds = [bench.visit(invocation=n) for n in (1, 2, 3)]
    bench.controller.step_next(holds[1].id)  # type: ignore[union-attr]
    bench.controller.step_next()
    assert [h.id for h in bench.controller.holds()] == [holds[2].id]  # type: ignore[union-attr]
    bench.controller.step_next()
    assert not bench.clock.frozen, "the clock runs until the next delivery is parked"
    assert bench.visit() is not None


def test_follow_parks_what_the_event_causes_and_nothing_else(bench: Bench) -> None:
    bench.set(Breakpoint(event="Result"))
    hold = bench.visit(invocation=7, events=(1,))
    assert hold
    bench.set()
    bench.controller.follow(hold.id)
    assert bench.visit(Other(), when="emit", events=(8,), source=7) is None
    assert bench.visit(Other(), when="emit", events=(9,), source=6) is None
    assert bench.visit(Other(), events=(9,), invocation=11) is None
    caused = bench.visit(Other(), events=(8,), invocation=10)
    assert caused
    assert caused.reason == "follow"


def test_run_to_stops_once(bench: Bench) -> None:
    bench.controller.run_to("third")
    assert bench.visit(step="second") is None
    hold = bench.visit(step="third")
    assert hold
    assert (hold.reason, hold.breakpoint) == ("run_to", None)
    assert bench.visit(step="third") is None


def test_a_breakpoint_may_pause_everything(bench: Bench) -> None:
    bench.set(Breakpoint(event="Result", action="pause", once=True))
    assert bench.visit() is not None
    assert bench.visit(Other()) is not None


def test_the_end_of_a_run_lets_go_what_it_held(bench: Bench) -> None:
    bench.set(Breakpoint(event="Result"))
    bench.visit()
    bench.controller.forget_run("r")
    assert [d.verb for d in bench.decisions] == ["cancelled"]
    assert not bench.clock.frozen


# -- records
def test_run_time_stands_still_while_paused(bench: Bench) -> None:
    bench.time = 5.0
    bench.tracer.begin("r")
    bench.time = 7.0
    bench.controller.pause()
    bench.time = 60.0
    bench.tracer.emit(Note, "r", text="during")
    bench.controller.resume()
    bench.time = 61.0
    bench.tracer.emit(Note, "r", text="after")
    assert [r.t for r in bench.records if r.run == "r"] == [2.0, 3.0]


def test_records_of_many_threads_come_in_order_and_complete() -> None:
    import threading

    lines: list[bytes] = []
    tracer = Tracer(lines.append, FreezableClock(), first_seq=50)
    threads = [
        threading.Thread(target=lambda: [tracer.emit(Note, text="n") for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tracer.close()
    messages = [host_message_adapter.validate_json(line) for line in lines]
    seqs = [r.seq for m in messages if isinstance(m, Records) for r in m.records]
    assert seqs == list(range(50, 2050))


def test_time_lost_to_a_slow_reader_is_not_the_runs() -> None:
    now = [0.0]
    clock = FreezableClock(lambda: now[0])
    skipped: list[float] = []
    clock.skip = skipped.append  # type: ignore[method-assign]
    import time

    def slow(line: bytes) -> None:
        deadline = time.monotonic() + 0.05
        while time.monotonic() < deadline:
            pass

    tracer = Tracer(slow, clock)
    tracer.emit(Note, text="n")
    tracer.flush()
    assert sum(skipped) > 0.04
