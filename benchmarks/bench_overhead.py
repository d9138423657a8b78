"""What debugging costs: a 10,000-hop loop with every record written and no breakpoint set, against the same
loop without the debugger. Each side runs in a process of its own, in turns.

Prints seconds (median of the rounds) and the share of the undebugged speed that is kept, for both engines.
Run: `python benchmarks/bench_overhead.py [--hops N] [--rounds N] [--engine native|llamaindex]`.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CORE = Path(__file__).parents[1] / "core"
TOKEN = "t" * 43
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
    begin = time.perf_counter()
    await flow.run(n={hops})
    print(time.perf_counter() - begin)
asyncio.run(main())
"""
PACKAGES = {"native": "wf_core", "llamaindex": "workflows"}


def undebugged(folder: Path, hops: int) -> float:
    """Seconds that the loop takes on its own."""
    program = PLAIN.format(folder=str(folder), core=str(CORE), hops=hops)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


class Host:
    """A real host process whose records are read as fast as they come, and thrown away."""

    def __init__(self, folder: Path) -> None:
        address = str(folder / "s")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen()
            config = {"address": address, "token": TOKEN, "project": str(folder), "spill": str(folder)}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "wf_debug.host", json.dumps(config)], env={"PYTHONPATH": str(CORE)}
            )
            self._socket, _ = listening.accept()
        self._lines = self._socket.makefile("rb")

    def ask(self, cmd: str, **fields: Any) -> None:
        self._socket.sendall(json.dumps({"cmd": cmd, "id": 1, **fields}).encode() + b"\n")

    def until(self, wanted: bytes) -> bytes:
        """The first line with these bytes in it."""
        return next(line for line in self._lines if wanted in line)

    def close(self) -> None:
        self._lines.close()
        self._socket.close()
        self._process.wait()


def debugged(folder: Path, hops: int) -> float:
    """Seconds between the run's first record and its last."""
    host = Host(folder)
    host.ask("load", path=str(folder / "loop.py"))
    host.until(b'"reply"')
    host.ask("start_run", workflow="Loop", input={"n": 10})
    host.until(b'"run_finished"')
    begin = time.perf_counter()
    host.ask("start_run", workflow="Loop", input={"n": hops})
    host.until(b'"run_finished"')
    took = time.perf_counter() - begin
    host.close()
    return took


def measure(engine: str, hops: int, rounds: int) -> None:
    plain, watched = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "loop.py").write_text(FLOW.format(package=PACKAGES[engine]))
            plain.append(undebugged(folder, hops))
            watched.append(debugged(folder, hops))
    kept = statistics.median(p / w for p, w in zip(plain, watched, strict=True))
    seconds = f"{statistics.median(plain):10.2f}{statistics.median(watched):12.2f}"
    print(f"{engine:12}{hops:8}{seconds}{kept:12.0%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hops", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=PACKAGES, action="append")
    chosen = parser.parse_args()
    print(f"{'engine':12}{'hops':>8}{'plain s':>10}{'debugged s':>12}{'speed kept':>12}")
    for engine in chosen.engine or PACKAGES:
        measure(engine, chosen.hops, chosen.rounds)


if __name__ == "__main__":
    main()
