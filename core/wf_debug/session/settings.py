"""What to debug and how, and where a session keeps its files."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Engine = Literal["auto", "native", "llamaindex"]


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """The file to load, and the workflow in it to run (None: the only one, else to be chosen).

    With `argv` the file is a script: not loaded but executed, and that is what it finds in `sys.argv`.
    """

    path: Path
    workflow: str | None = None
    argv: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a session is run."""

    python: Path | None = None
    """The interpreter (or the directory of a virtual environment) to run the flow under; None: found by
    itself."""
    engine: Engine = "auto"
    recording: Path | None = None
    """Where to record; None: a new file in the user's state directory."""
    watch: bool = True
    """Whether saved files are taken up by themselves."""
    keep: bool = True
    """Whether the recording outlives the session (one that is named always does)."""
    remember_breakpoints: bool = True
    """Whether the flow's breakpoints are read at the start and saved when they change."""
    connect_timeout: float = 30.0
    """Seconds that the host has to connect."""


def state_directory() -> Path:
    """Where recordings and breakpoints are kept: `$XDG_STATE_HOME/wf-tui`, else `~/.local/state/wf-tui`. A
    relative one does not count, as the standard has it."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state") / "wf-tui"


def recording_paths(flow: Path, directory: Path | None = None) -> Iterator[Path]:
    """Names for a new recording, `<flow>-<date>-<time>.wfrec` first: sessions that begin in the same second
    need others."""
    directory = directory or state_directory() / "recordings"
    stem = f"{_plain(flow.stem)}-{time.strftime('%Y%m%d-%H%M%S')}"
    yield directory / f"{stem}.wfrec"
    yield from (directory / f"{stem}-{n}.wfrec" for n in itertools.count(2))


def breakpoints_path(flow: Path) -> Path:
    """The file that keeps this flow's breakpoints."""
    digest = hashlib.sha256(str(flow.resolve()).encode()).hexdigest()[:12]
    return state_directory() / "breakpoints" / f"{_plain(flow.stem)}-{digest}.json"


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)[:60] or "flow"
