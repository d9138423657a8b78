"""`wf-tui run --journal` and `--resume`, and flows of the LlamaIndex API on the native engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
import os, pathlib
from wf_core import *

killed = pathlib.Path(__file__).with_name("killed")

class Part(Event):
    n: int

class Flow(Workflow):
    @step
    async def split(self, ev: StartEvent) -> list[Part]:
        return [Part(n=n) for n in range(3)]

    @step(num_workers=1)
    async def work(self, ev: Part) -> Part | None:
        print("working on", ev.n)
        if ev.n == 1 and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), 9)

    @step
    async def join(self, ctx: Context, parts: list[Part]) -> StopEvent:
        answer = await ctx.wait_for_event(HumanResponseEvent)
        return StopEvent(result=answer.response)
"""
FOREIGN = """
from llama_index.core.workflow import StartEvent, StopEvent, Workflow, step

class Flow(Workflow):
    @step
    async def begin(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=[ev.n, Workflow.__module__])
"""


@pytest.fixture
def wf_tui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "foreign.py").write_text(FOREIGN)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "wf_tui", *arguments],
            cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    return call


def test_a_killed_run_goes_on(wf_tui) -> None:
    killed = wf_tui("run", "flow.py", "--journal", "kept")
    assert killed.returncode == 1
    assert "SIGKILL" in killed.stderr
    done = wf_tui("run", "flow.py", "--resume", "kept", "--respond", "yes")
    assert (done.returncode, done.stdout) == (0, '"yes"\n')
    worked = [line.split()[-1] for line in done.stderr.splitlines() if "working on" in line]
    assert worked == ["1", "2"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--resume", "nowhere"], "no journal at nowhere"),
        (["--resume", "flow.py"], "flow.py is no journal"),
        (["--journal", "flow.py"], "flow.py is no journal"),
        (["--resume", "flow.py", "-i", "a=1"], "it takes no -i, --input or --journal"),
    ],
)
def test_what_cannot_be_kept_or_resumed_says_why(wf_tui, arguments: list[str], said: str) -> None:
    done = wf_tui("run", "flow.py", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_flow_of_the_other_package_runs_on_the_native_engine(wf_tui) -> None:
    done = wf_tui("run", "--engine", "native", "foreign.py", "-i", "n=3")
    assert (done.returncode, done.stdout) == (0, '[3, "wf_core.workflow"]\n')
    checked = wf_tui("check", "--engine", "native", "foreign.py")
    assert (checked.returncode, checked.stdout) == (0, "Flow: valid; 1 steps, 2 event types\n")
