"""A real terminal for tests: the program runs in tmux, keys go in, the screen is read back."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self


class Terminal:
    """One tmux server of its own with one window. Use as a context manager."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        columns: int = 120,
        rows: int = 36,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._socket = f"wf-{uuid.uuid4().hex[:10]}"
        line = " ".join(f"{key}={shlex.quote(value)}" for key, value in (env or {}).items())
        # A size in the environment would win over the terminal's own.
        line = f"env -u COLUMNS -u LINES {line} {shlex.join(command)}; echo EXIT=$?; exec cat"
        self._tmux(
            "-f", os.devnull, "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(cwd), line
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")

    def press(self, *keys: str) -> None:
        """Send keys by tmux's names: `r`, `Enter`, `C-s`, `Escape`, `F9`, ..."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Send the text as typed characters."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self) -> str:
        """What the terminal shows now."""
        return self._tmux("capture-pane", "-p")

    def until(self, seen: str | Callable[[str], bool], timeout: float = 50.0) -> str:
        """The first screen on which `seen` holds (a text: is shown).

        Raises:
            AssertionError: with the last screen, when that does not happen within `timeout` seconds.
        """
        holds = seen if callable(seen) else (lambda screen: seen in screen)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            screen = self.screen()
            if holds(screen):
                return screen
            if "EXIT=" in screen:
                break
            time.sleep(0.05)
        raise AssertionError(f"never seen: {seen}\n{screen}")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout
