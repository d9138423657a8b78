"""What single features of the native engine cost: journals, steps that are never used, size, memory, import.

Prints CPU microseconds and ratios. Run: `python benchmarks/bench_costs.py`.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engines
from bench_engine import cpu_us
from engines import Work

from wf_core import Event, StartEvent, StopEvent, Workflow, step
from wf_core.engine.journal import MemoryJournal, SqliteJournal

ROUNDS = 5
HOPS = 3_000
NATIVE = engines.api("wf_core")


class Hop(Event):
    left: int


class Never(Event):
    """Nobody sends it."""


class Loop(Workflow):
    """Hands an event to itself until it counts to zero, then calls `at_end`."""

    at_end: Callable[[], Any] = staticmethod(int)

    @step
    async def begin(self, ev: StartEvent) -> Hop:
        return Hop(left=ev.n)

    @step
    async def hop(self, ev: Hop) -> Hop | StopEvent:
        return Hop(left=ev.left - 1) if ev.left else StopEvent(result=self.at_end())


def with_unused_steps(count: int) -> type[Workflow]:
    """The loop's class with so many more steps."""

    def unused(number: int) -> Any:
        async def body(self: Any, ev: Never) -> None:
            raise AssertionError

        body.__name__ = f"unused_{number}"
        body.__qualname__ = f"Loop.unused_{number}"
        return step(body)

    return type("Wide", (Loop,), {f"unused_{k}": unused(k) for k in range(count)})


def hops_of(kind: type[Workflow]) -> Work:
    async def work(n: int) -> None:
        await kind(timeout=None, disable_validation=True).run(n=n)

    return work


def runs_of(kind: type[Workflow]) -> Work:
    flow = kind(timeout=None, disable_validation=True)

    async def work(n: int) -> None:
        for _ in range(n):
            await flow.run(n=1)

    return work


def best(works: dict[str, Work], n: int) -> dict[str, float]:
    """CPU microseconds per unit of each, median of rounds in turn."""
    rounds = [{name: cpu_us(work, n) for name, work in works.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(each[name] for each in rounds) for name in works}


def journals(folder: Path) -> None:
    files = iter(range(1_000))
    kinds: dict[str, engines.Options] = {
        "none": dict,
        "memory": lambda: {"journal": MemoryJournal()},
        "sqlite": lambda: {"journal": SqliteJournal(folder / f"{next(files)}.sqlite")},
    }
    for shape, build in (("loop", engines.loop), ("fan-out", engines.fan_out)):
        found = best({kind: build(NATIVE, options) for kind, options in kinds.items()}, HOPS)
        for kind, us in found.items():
            part = found["none"] / us
            print(f"{shape + ', journal ' + kind:22}{us:8.1f} us per event  {part:5.0%} of the speed without")


def unused_steps() -> None:
    few, many = with_unused_steps(1), with_unused_steps(100)
    hops = best({"few": hops_of(few), "many": hops_of(many)}, HOPS)
    runs = best({"few": runs_of(few), "many": runs_of(many)}, 300)
    for unit, us in (("hop", hops), ("run", runs)):
        ratio = us["many"] / us["few"]
        print(f"100 unused steps      {us['many']:8.1f} us per {unit}  {ratio:6.2f} x one unused")


def growth() -> None:
    for name, build in (("loop", engines.loop), ("fan-out", engines.fan_out)):
        work = build(NATIVE)
        pairs = [(cpu_us(work, 1_000), cpu_us(work, 10_000)) for _ in range(ROUNDS)]
        ratio = statistics.median(10 * large / small for small, large in pairs)
        print(f"{name + ', 10,000 / 1,000':21} {ratio:8.1f} x the time (10 is linear)")


def memory_per_hop() -> None:
    def kept(n: int) -> int:
        tracemalloc.start()
        flow = Loop(timeout=None)
        flow.at_end = lambda: tracemalloc.get_traced_memory()[0]  # type: ignore[method-assign]
        size: int = asyncio.run(_result(flow, n))
        tracemalloc.stop()
        return size

    per_hop = (kept(6 * HOPS) - kept(HOPS)) / (5 * HOPS)
    print(f"memory kept           {per_hop:8.1f} bytes per hop, stream unread, no journal")


async def _result(flow: Workflow, n: int) -> Any:
    return await flow.run(n=n)


def import_time() -> None:
    floor = "import asyncio, pydantic\nclass M(pydantic.BaseModel):\n    a: int"
    pairs = [(process_ms(floor), process_ms("import wf_core")) for _ in range(9)]
    own = statistics.median(mine for _, mine in pairs)
    ratio = statistics.median(mine / base for base, mine in pairs)
    print(f"import wf_core        {own:8.0f} ms CPU, {ratio:.2f} x asyncio, pydantic and one model")


def process_ms(code: str) -> float:
    """CPU milliseconds of an interpreter that runs the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        journals(Path(folder))
    unused_steps()
    growth()
    memory_per_hop()
    import_time()


if __name__ == "__main__":
    main()
