"""From starting the process to its first painted frame on a pseudo-terminal: wf-tui against an empty app.

Prints the median of the rounds and the ratio, round by round. Run: `python benchmarks/bench_first_frame.py`.
"""

from __future__ import annotations

import os
import pty
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

ROUNDS = 7
ROOT = Path(__file__).parent.parent
EMPTY = [sys.executable, "-c", "from textual.app import App; App().run()"]
OURS = [sys.executable, "-m", "wf_tui", str(ROOT / "sample_flows" / "research.py")]
FRAME = b"\x1b[?2026l"
"""Ends a frame as a synchronized update; without that mode a screenful of bytes counts as one."""
SCREENFUL = 120 * 20


def seconds_to_first_frame(command: list[str]) -> float:
    """Start the command on a terminal of 120x36 and read until a frame is complete."""
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    seen = b""
    while FRAME not in seen and len(seen) < SCREENFUL:
        seen += os.read(terminal, 65536)
    taken = time.perf_counter() - start
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    return taken


def main() -> None:
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    os.environ["TERM"] = "xterm-256color"
    rounds = [(seconds_to_first_frame(EMPTY), seconds_to_first_frame(OURS)) for _ in range(ROUNDS)]
    empty, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(own / floor for floor, own in rounds)
    print(f"empty Textual app {empty * 1000:.0f} ms, wf-tui {ours * 1000:.0f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
