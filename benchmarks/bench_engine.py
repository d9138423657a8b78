"""Native engine against llama-index-workflows and against bare asyncio, in one process, turn by turn.

Prints CPU microseconds per unit (median of the rounds) and two ratios (medians, too): how many times faster
than the reference, and which part of the floor's speed is reached; beside them what is aimed at. The
reference's fan-out grows with the square: at 10,000 it takes a quarter of an hour, so that row compares with
the reference at 1,000, where it is still fast. Run: `python benchmarks/bench_engine.py [--full]`.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import engines
from engines import Work

ROUNDS = 5


@dataclass(frozen=True)
class Workload:
    """One row. `reference_n` is smaller where the reference does not scale; costs are per unit."""

    name: str
    build: Callable[[Any], Work]
    floor: Work
    n: int
    target: str = ""
    reference_n: int | None = None


_HALF = ">= 50% of floor"
WORKLOADS = [
    Workload("loop, 10,000 hops", engines.loop, engines.floor_task_per_event, 10_000, f">= 25x, {_HALF}"),
    Workload("fan-out/in, 100 events", engines.fan_out, engines.floor_pool, 100),
    Workload("fan-out/in, 1,000 events", engines.fan_out, engines.floor_pool, 1_000),
    Workload("fan-out/in, 10,000 events", engines.fan_out, engines.floor_pool, 10_000, _HALF, 1_000),
    Workload("1,000 short runs in turn", engines.runs_in_turn, engines.floor_three_tasks, 1_000, ">= 15x"),
    Workload(
        "1,000 short runs at once", engines.runs_at_once, engines.floor_three_tasks_at_once, 1_000, ">= 15x"
    ),
    Workload("stream, 20,000 events", engines.stream, engines.floor_queue, 20_000),
    Workload("wait and resume, 1,000 times", engines.wait_and_resume, engines.floor_question, 1_000),
]


def cpu_us(work: Work, n: int) -> float:
    """CPU microseconds per unit of one go."""
    gc.collect()
    start = time.process_time()
    asyncio.run(_run(work, n))
    return (time.process_time() - start) / n * 1e6


async def _run(work: Work, n: int) -> None:
    await work(n)


def main() -> None:
    native, reference = engines.api("wf_core"), engines.api("workflows")
    rounds = ROUNDS if "--full" in sys.argv else 3
    heads = ("floor us", "native us", "reference us", "x reference", "of floor")
    print(f"{'workload':32}" + "".join(f"{head:>14}" for head in heads) + "  target")
    for load in WORKLOADS:
        ours, theirs = load.build(native), load.build(reference)
        rows = [
            (cpu_us(load.floor, load.n), cpu_us(ours, load.n), cpu_us(theirs, load.reference_n or load.n))
            for _ in range(rounds)
        ]
        floor, own, ref = (statistics.median(column) for column in zip(*rows, strict=True))
        speedup = statistics.median(r / o for _, o, r in rows)
        share = statistics.median(f / o for f, o, _ in rows)
        figures = f"{floor:14.1f}{own:14.1f}{ref:14.1f}{speedup:13.1f}x{share:14.0%}"
        print(f"{load.name:32}{figures}  {load.target}", flush=True)


if __name__ == "__main__":
    main()
