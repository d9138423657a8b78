"""Hosts of one engine, and flows written for any."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hostclient import HostClient

IMPORTS = """\
import asyncio, sys, os, time, threading
from {package} import Context, Workflow, step
from {package}.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent
"""
FIRST_LINE = 4
"""The line of a flow file on which the test's own text starts."""

SINCE = {"lists": (2, 22), "catch_error": (2, 20), "wait_timeout": (2, 20), "composed_retry": (2, 20)}
"""What only later versions of llama-index-workflows have."""


@dataclass(frozen=True)
class Engine:
    """An engine, the package that its flows import, and an interpreter that has it."""

    name: str
    package: str
    python: str


PYTHON = os.environ.get("WF_TUI_LLAMAINDEX_PYTHON", sys.executable)
"""The interpreter whose llama-index-workflows is tested."""
ENGINES = [Engine("native", "wf_core", sys.executable), Engine("llamaindex", "workflows", PYTHON)]


class EngineHost(HostClient):
    """A host process for flows of one engine."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        super().__init__(folder)
        self.engine = engine

    def needs(self, feature: str) -> None:
        """Skip the test where the engine's version lacks the feature."""
        assert self.hello is not None
        version = self.hello.engines[self.engine.name]
        numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
        if self.engine.name == "llamaindex" and numbers < SINCE[feature]:
            pytest.skip(f"llama-index-workflows {version} has no {feature}")

    def write_flow(self, text: str, name: str = "flow.py") -> Path:
        """Write a flow file; the usual imports stand above the text, and `PACKAGE` names the engine's."""
        path = self.folder / name
        path.write_text(
            (IMPORTS + dedent(text))
            .replace("{package}", self.engine.package)
            .replace("PACKAGE", self.engine.package)
        )
        return path

    async def given(self, text: str) -> list[dict[str, Any]]:
        """Write and load a flow."""
        self.write_flow(text)
        return await self.load()

    async def stop_at(self, **fields: Any) -> dict[str, Any]:
        """Set one breakpoint; the answer to it."""
        result = await self.ask("set_breakpoints", breakpoints=[{"id": 1, **fields}])
        return dict(result["items"][0])

    async def release(self, held: Any, action: str = "accept", **fields: Any) -> None:
        await self.ask("release", hold=held.hold, action=action, **fields)

    async def result_of(self, run: str) -> Any:
        """The run's result; fails unless it finished."""
        end = await self.ended(run)
        assert end.kind == "run_finished", end
        return end.result.data

    async def run_result_without_stops(self, workflow: str) -> Any:
        """The result of a run of its own, with all breakpoints gone."""
        await self.ask("set_breakpoints", breakpoints=[])
        return await self.run_result(workflow)

    def story(self) -> list[str]:
        """What happened, one short line a record, without what depends on time or engine."""
        return [line for record in self.records if (line := _told(record))]


def _told(record: Any) -> str:
    kind = record.kind
    if kind in ("log", "note", "clock_paused", "clock_resumed", "checkpoint"):
        return ""
    actor = f" {record.step}#{record.invocation}.{record.attempt}" if getattr(record, "step", None) else ""
    about = ""
    if kind == "event_emitted":
        about = f" {record.event} {record.type} {record.by}"
    elif kind == "event_routed":
        about = f" {record.event} {record.type} to {sorted(record.steps)} {record.waiters}"
    elif kind in ("invocation_started", "invocation_queued"):
        about = f" {record.events}"
    elif kind in ("invocation_finished", "invocation_resumed"):
        about = f" {record.result if kind == 'invocation_finished' else record.event}"
    elif kind == "published":
        about = f" {record.event} {record.type}"
    elif kind == "state_changed":
        about = f" {record.path}={record.value.preview}"
    elif kind == "run_finished":
        about = f" {record.result.preview}"
    return f"{kind}{actor}{about}"
