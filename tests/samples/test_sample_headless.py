"""The headless lines of the docstrings do what they promise, in the real process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lessons import headless_lines
from runsample import SAMPLES

RunLine = Callable[[list[str]], subprocess.CompletedProcess[str]]
TOLD = [
    "approval.py",
    "customer_service.py",
    "data_analysis.py",
    "helpdesk/flow.py",
    "research.py",
    "two_flows.py",
]
"""Several answers, one answer, a warning, modules of its own, a breakpoint, a workflow with children."""


@pytest.fixture
def run_line(tmp_path: Path) -> RunLine:
    """Runs a `wf-tui ...` of a docstring without its delays, in the folder above sample_flows."""

    def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "wf_tui", *arguments[1:], "-i", "pace=0"],
            cwd=SAMPLES.parent,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


@pytest.mark.parametrize("sample", TOLD)
def test_the_last_headless_line_runs_to_its_result_or_its_breakpoint(sample: str, run_line: RunLine) -> None:
    line = headless_lines(sample)[-1]
    done = run_line(line)
    assert "Traceback" not in done.stderr
    if "--break" in line:
        assert done.returncode == 3, done.stderr
        assert "held" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


def test_without_an_answer_left_the_run_stops_with_its_question(run_line: RunLine) -> None:
    done = run_line(["wf-tui", "run", "sample_flows/approval.py"])
    assert done.returncode == 3
    assert "Approve, change or reject?" in done.stderr


def test_the_second_signature_is_asked_for_by_the_event_that_gives_it(run_line: RunLine) -> None:
    done = run_line(["wf-tui", "run", "sample_flows/approval.py", "--respond", "approve"])
    assert done.returncode == 3
    assert "SignatureGiven" in done.stderr


def test_a_bad_day_is_lived_through_by_the_rules_of_the_research_flow(run_line: RunLine) -> None:
    rules = "sample_flows/research.rules.toml"
    done = run_line(
        ["wf-tui", "run", "sample_flows/research.py", "--rules", rules, "-i", "flaky_index=false"]
    )
    assert done.returncode == 0, done.stderr
    assert "meta-review" not in json.loads(done.stdout)["markdown"]
    for told in ("search raises ConnectionError", "dropped by rule 2", "Reading waits", "too little about"):
        assert told in done.stderr
