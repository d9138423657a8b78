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


@pytest.mark.parametrize(
    ("number", "before"),
    [(signal.SIGINT, ""), (signal.SIGTERM, ""), (signal.SIGTERM, "trap '' INT; ")],
    ids=["ctrl+c", "terminated", "terminated as a background job"],
)
def test_a_signal_ends_run_and_host_in_order(number: signal.Signals, before: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wf_tui", "run", str(FLOWS / "misbehave.py"), "-i", "what=sleep"]
    process = subprocess.Popen(
        ["sh", "-c", f'{before}exec "$0" "$@"', *command],
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
        ("{graph} >&-", 1, "stdout is closed"),
        ("{help} > /dev/full", 1, "cannot write to stdout: No space left on device"),
        ("{run} --record $'/tmp/\\xe9'", 2, "is not UTF-8"),
        ("{exec} $'/tmp/\\xe9.py'", 2, "is not UTF-8"),
    ],
)
def test_what_cannot_be_written_or_named_ends_in_one_line(shell: str, code: int, said: str) -> None:
    wf_tui, flow = f"{sys.executable} -m wf_tui", FLOWS / "greet.py"
    command = shell.format(
        run=f"{wf_tui} run {flow} -i name=Ada",
        graph=f"{wf_tui} graph {flow}",
        help=f"{wf_tui} --help",
        exec=f"{wf_tui} exec",
    )
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
