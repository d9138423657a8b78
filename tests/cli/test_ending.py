"""However a command ends, it leaves no process and no file behind, and the terminal as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wf_tui.cli.output import say

FLOWS = Path(__file__).parent.parent / "flows"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_run_and_host_in_order(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wf_tui", "run", str(FLOWS / "misbehave.py"), "-i", "what=sleep"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    )
    assert process.stderr is not None
    while "→ Do" not in process.stderr.readline():
        pass
    assert list(tmp_path.iterdir()) != []
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_what_user_code_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("\x1b[31mred\x1b[0m\ta\nb \x1b]0;title\x07 \x1b[2J \x9b2J \u202egnp.exe 日本 é")
    assert capsys.readouterr().err == "red\ta\nb ␛]0;title␇ ␛[2J 2J gnp.exe 日本 é\n"


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("{run} | true", 0, ""),
        ("{run} > /dev/full", 1, "cannot write to stdout: No space left on device"),
        ("{run} >&-", 1, "stdout is closed"),
        ("{run} 2>&-", 0, ""),
    ],
)
def test_output_that_nobody_takes_ends_in_one_line(shell: str, code: int, said: str) -> None:
    run = f"{sys.executable} -m wf_tui run {FLOWS / 'greet.py'} -i name=Ada"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.format(run=run)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
