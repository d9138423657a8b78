"""`wf-tui FLOW.py` and `wf-tui open`: from the command line into the application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wf_debug.session import SessionSettings
from wf_tui.app import run_app
from wf_tui.cli.executing import script_spec
from wf_tui.cli.exits import CommandError
from wf_tui.cli.inputs import start_fields
from wf_tui.cli.opening import breakpoints_of, spec_of


def debug_flow(
    flow: str,
    pairs: Sequence[str],
    document: str | None,
    breaks: Sequence[str],
    record: Path | None,
    python: Path | None,
) -> int:
    """Open the application on a flow; with fields given, the run starts without the form."""
    fields = start_fields(pairs, document, None) if pairs or document else None
    settings = SessionSettings(python=python, recording=record)
    return run_app(spec_of(flow), settings, fields, breakpoints_of(breaks))


def debug_script(
    script: str, arguments: tuple[str, ...], breaks: Sequence[str], record: Path | None, python: Path | None
) -> int:
    """Open the application on a script, which is executed at once."""
    settings = SessionSettings(python=python, recording=record)
    return run_app(script_spec(script, arguments), settings, None, breakpoints_of(breaks))


def open_past(recording: Path) -> int:
    """Open the application on a recording."""
    if not recording.exists():
        raise CommandError(
            f"no recording at {recording}", hint="`wf-tui FLOW.py` tells where it keeps its recording"
        )
    return run_app(recording, SessionSettings(watch=False), None, [])
