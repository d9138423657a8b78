"""Flow files for tests."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from hostclient import HostClient

IMPORTS = """\
import asyncio, sys, os, time, threading
from wf_core import Context, Workflow, step
from wf_core.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent
"""


def write_flow(host: HostClient, text: str, name: str = "flow.py") -> Path:
    """Write a flow file; the usual imports stand above the text."""
    path = host.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(IMPORTS + dedent(text))
    return path
