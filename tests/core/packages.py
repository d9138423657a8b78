"""The two packages side by side, and what one run on either of them shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

_MODULES = ("decorators", "events", "collect", "retry_policy", "resource", "errors")

_SERIALIZERS = {"wf_core": "wf_core.serializers", "workflows": "workflows.context.serializers"}


def _namespace(package: str) -> SimpleNamespace:
    """All public names of a package in one place."""
    names: dict[str, Any] = {}
    for module in _MODULES:
        names.update(vars(import_module(f"{package}.{module}")))
    top = import_module(package)
    serializers = import_module(_SERIALIZERS[package])
    return SimpleNamespace(
        **names
        | {"Workflow": top.Workflow, "Context": top.Context, "JsonSerializer": serializers.JsonSerializer}
    )


NATIVE = _namespace("wf_core")
REFERENCE = _namespace("workflows")


@dataclass
class Seen:
    """One run, with everything that names a package or an address taken out."""

    result: Any = None
    published: list[Any] = field(default_factory=list)
    steps: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    """How often each step began and ended on what; not the interleaving, which is nobody's promise."""
    unhandled: list[Any] = field(default_factory=list)
    state: Any = None

    def note(self, event: Any) -> None:
        """Take down one event of the stream."""
        match plain(event):
            case "StepStateChanged", {"step_state": "RUNNING" | "NOT_RUNNING" as state, **fields}:
                self.steps[
                    fields["name"], state, fields["input_event_name"], fields["output_event_name"]
                ] += 1
            case "UnhandledEvent", fields:
                self.unhandled.append((fields["event_type"], fields["step_name"]))
            case (("StepStateChanged" | "WorkflowIdleEvent"), _):
                pass
            case published:
                self.published.append(published)


@dataclass
class Scenario:
    """A workflow to run, with what, and how its caller reacts to each event it publishes."""

    workflow: Any
    inputs: dict[str, Any] = field(default_factory=dict)
    react: Callable[[Any, Any], Awaitable[None] | None] | None = None
    concurrent: bool = False
    """Several invocations publish side by side, in any order."""


Definition = Callable[[Any], Scenario]


async def observe(package: Any, definition: Definition) -> Seen:
    """Run a definition on a package."""
    scenario = definition(package)
    seen = Seen()
    handler = scenario.workflow.run(**scenario.inputs)
    async for event in handler.stream_events(expose_internal=True):
        seen.note(event)
        if scenario.react is not None and (reaction := scenario.react(handler, event)) is not None:
            await reaction
    try:
        seen.result = plain(await handler)
    except Exception as error:
        seen.result = plain(error)
    if scenario.concurrent:
        seen.published.sort(key=repr)
    seen.state = plain(await handler.ctx.store.get_state())
    return seen


def plain(value: Any) -> Any:
    """A value as data that compares equal across the packages."""
    if isinstance(value, BaseException):
        return type(value).__name__, _neutral(str(value))
    if hasattr(value, "model_dump"):
        fields = {name: getattr(value, name) for name in type(value).model_fields if name not in _UNSTABLE}
        fields |= dict(value.items()) if hasattr(value, "items") else {}
        if getattr(value, "result", None) is not None:
            fields["result"] = value.result
        return type(value).__name__, {name: plain(part) for name, part in fields.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if hasattr(value, "name") and hasattr(value, "value"):
        return value.name
    return _neutral(value) if isinstance(value, str) else value


_UNSTABLE = ("elapsed_seconds", "failed_at", "stream_id", "binding_id", "qualified_name")


def _neutral(text: str) -> str:
    text = re.sub(r"<class '(?:\w+\.)*(?:\w+\.<locals>\.)?(\w+)'>", r"<\1>", text)
    text = re.sub(r"\n  in step .*", "", text)
    return text.replace("wf_core", "workflows")
