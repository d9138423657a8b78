"""What debugging costs: a loop of 10,000 hops in a real session with no breakpoint, every record in its
recording, against the same loop without the debugger. Each side runs in a process of its own, in turns.

Prints seconds from start to end (`wall`) and the CPU seconds of the process that runs the flow (`host`), that
do not depend on what else the machine does, and which part of the undebugged speed is kept. Then the same for
the native engine against the undebugged reference. Run:
`python benchmarks/bench_overhead.py [--hops N] [--rounds N] [--engine native|llamaindex]`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from wf_debug.session import FlowSpec, Session, SessionSettings

CORE = Path(__file__).parents[1] / "core"
FLOW = """
from {package} import Workflow, step
from {package}.events import Event, StartEvent, StopEvent

class Hop(Event):
    left: int

class Loop(Workflow):
    @step
    async def begin(self, ev: StartEvent) -> Hop:
        return Hop(left=ev.n)

    @step
    async def hop(self, ev: Hop) -> Hop | StopEvent:
        return Hop(left=ev.left - 1) if ev.left else StopEvent()

flow = Loop(timeout=None)
"""
PLAIN = """
import asyncio, sys, time
sys.path[:0] = [{folder!r}, {core!r}]
from loop import flow
async def main():
    await flow.run(n=10)
    begin, cpu = time.perf_counter(), time.process_time()
    await flow.run(n={hops})
    print(time.perf_counter() - begin, time.process_time() - cpu)
asyncio.run(main())
"""
PACKAGES = {"native": "wf_core", "llamaindex": "workflows"}
TARGETS = {"llamaindex": ">= 70%"}


class Took(NamedTuple):
    """Seconds of one loop."""

    wall: float
    host: float


def undebugged(folder: Path, hops: int) -> Took:
    """The loop on its own."""
    program = PLAIN.format(folder=str(folder), core=str(CORE), hops=hops)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return Took(*map(float, done.stdout.split()))


def debugged(folder: Path, hops: int) -> Took:
    """The loop in a session that records it."""
    return asyncio.run(_debugged(folder, hops))


async def _debugged(folder: Path, hops: int) -> Took:
    settings = SessionSettings(
        python=Path(sys.executable), recording=folder / "loop.wfrec", watch=False, remember_breakpoints=False
    )
    async with await Session.open(FlowSpec(folder / "loop.py"), settings) as session:
        await session.wait_run_end(await session.start_run({"n": 10}))
        begin, cpu = time.perf_counter(), _cpu_of(session.hello.pid)
        run = await session.start_run({"n": hops})
        end = await session.wait_run_end(run)
        assert end.status == "finished", end
        return Took(time.perf_counter() - begin, _cpu_of(session.hello.pid) - cpu)


def _cpu_of(pid: int) -> float:
    """CPU seconds that the process has used; where there is no /proc, 0."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median(rounds: list[Took]) -> Took:
    return Took(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def kept(plain: list[Took], watched: list[Took], part: Callable[[Took], float]) -> str:
    """The median of the rounds' ratios."""
    ratios = [part(p) / part(w) for p, w in zip(plain, watched, strict=True) if part(w)]
    return f"{statistics.median(ratios):.0%}" if ratios else "-"


def line(name: str, hops: int, plain: list[Took], watched: list[Took], target: str) -> None:
    without, with_ = median(plain), median(watched)
    print(
        f"{name:28}{hops:8}{without.wall:12.2f}{with_.wall:10.2f}{without.host:12.2f}{with_.host:10.2f}"
        f"{kept(plain, watched, lambda t: t.wall):>12}{kept(plain, watched, lambda t: t.host):>12}  {target}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hops", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=PACKAGES, action="append")
    chosen = parser.parse_args()
    engines = chosen.engine or list(PACKAGES)
    plain: dict[str, list[Took]] = {engine: [] for engine in engines}
    watched: dict[str, list[Took]] = {engine: [] for engine in engines}
    for _ in range(chosen.rounds):
        for engine in engines:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "loop.py").write_text(FLOW.format(package=PACKAGES[engine]))
                plain[engine].append(undebugged(folder, chosen.hops))
                watched[engine].append(debugged(folder, chosen.hops))
    heads = f"{'hops':>8}{'plain wall':>12}{'debugged':>10}{'plain host':>12}{'debugged':>10}"
    print(f"{'engine':28}{heads}{'wall kept':>12}{'host kept':>12}  target")
    for engine in engines:
        line(engine, chosen.hops, plain[engine], watched[engine], TARGETS.get(engine, ""))
    if len(engines) == len(PACKAGES):
        line("native, to plain llamaindex", chosen.hops, plain["llamaindex"], watched["native"], "")


if __name__ == "__main__":
    main()
