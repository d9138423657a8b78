"""`wf-tui FLOW.py` and `wf-tui open`: from the command line into the application."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from wf_debug.session.settings import Engine, SessionSettings
from wf_tui.app import run_app
from wf_tui.cli.exits import CommandError
from wf_tui.cli.inputs import breakpoints_of, spec_of, start_fields


def debug_flow(
    flow: str,
    pairs: Sequence[str],
    document: str | None,
    breaks: Sequence[str],
    rules: Sequence[Path],
    record: Path | None,
    python: Path | None,
    engine: Engine = "auto",
) -> int:
    """Open the application on a flow; with fields given, the run starts without the form."""
    fields = partial(start_fields, pairs, document) if pairs or document else None
    if fields is not None:
        fields(None)  # what cannot be read is said before the screen is taken
    settings = SessionSettings(python=python, engine=engine, recording=record)
    return run_app(spec_of(flow), settings, fields, breakpoints_of(breaks, rules))


def debug_script(
    script: str,
    arguments: tuple[str, ...],
    breaks: Sequence[str],
    rules: Sequence[Path],
    record: Path | None,
    python: Path | None,
) -> int:
    """Open the application on a script, which is executed at once."""
    from wf_tui.cli.executing import script_spec

    settings = SessionSettings(python=python, recording=record)
    return run_app(script_spec(script, arguments), settings, None, breakpoints_of(breaks, rules))


def open_past(recording: Path) -> int:
    """Open the application on a recording."""
    if not os.path.exists(recording):
        raise CommandError(
            f"no recording at {recording}", hint="`wf-tui FLOW.py` tells where it keeps its recording"
        )
    return run_app(recording, SessionSettings(watch=False), None, [])
