"""A terminal that is closed under the application ends it, with its host."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

FLOWS = Path(__file__).parent.parent / "flows"


class InATerminal:
    """The application with a controlling terminal of its own."""

    def __init__(self, temporaries: Path) -> None:
        self._master, self._slave = pty.openpty()
        command = [sys.executable, "-m", "wf_tui", str(FLOWS / "greet.py"), "-i", "name=Ada"]
        size = {"TERM": "xterm-256color", "LINES": "30", "COLUMNS": "100"}
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" <>{os.ttyname(self._slave)} >&0 2>&0', "sh", *command],
            env={**os.environ, "TMPDIR": str(temporaries), **size},
            start_new_session=True,
        )

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    def read_until(self, wanted: bytes) -> bytes:
        """All that is written up to there."""
        seen = b""
        while wanted not in seen:
            seen += os.read(self._master, 4_000)
        return seen

    def close(self) -> None:
        for end in (self._master, self._slave):
            with suppress(OSError):
                os.close(end)


@pytest.fixture
def application(tmp_path: Path) -> Iterator[InATerminal]:
    application = InATerminal(tmp_path)
    yield application
    application.close()
    application.process.kill()
    application.process.wait()


def test_a_closed_terminal_ends_all(application: InATerminal, tmp_path: Path) -> None:
    application.read_until(b"finished")
    assert [p.name[:7] for p in tmp_path.iterdir()] == ["wf-tui-"]
    application.close()
    assert application.process.wait(40) == 128 + signal.SIGHUP
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_was_not_stopped_does_not_begin_anew_when_it_is_continued(
    application: InATerminal,
) -> None:
    """A terminal that is closed sends SIGCONT after SIGHUP: what began then would never end."""
    application.read_until(b"finished")
    application.process.send_signal(signal.SIGCONT)
    application.press(b"?")
    assert b"\x1b[?1049h" not in application.read_until(b"Help")  # to the alternate screen


def test_a_signal_gives_the_terminal_back(application: InATerminal, tmp_path: Path) -> None:
    application.read_until(b"finished")
    application.process.send_signal(signal.SIGTERM)
    application.read_until(b"\x1b[?1049l")  # from the alternate screen
    assert application.process.wait(40) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
