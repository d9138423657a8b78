"""Load a sample flow for one of two engines and run it with scripted people."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

SAMPLES = Path(__file__).parents[2] / "sample_flows"
ENGINES = {"native": "wf_core", "llamaindex": "workflows"}


class EngineSwap(importlib.machinery.SourceFileLoader):
    """Loads a sample as if it had imported its framework from `package`."""

    package = "wf_core"

    def get_data(self, path: str) -> bytes:
        source = super().get_data(path)
        return source.replace(b"from wf_core", f"from {self.package}".encode())

    def path_stats(self, path: str) -> dict[str, Any]:
        raise OSError("never read or write cached bytecode")


@contextmanager
def loaded(sample: str, engine: str) -> Iterator[ModuleType]:
    """The sample's module, imported for `engine`, with its folder on the path as when it is run."""
    path = SAMPLES / sample
    name = f"sample_{engine}_{path.stem}"
    loader = EngineSwap(name, str(path))
    loader.package = ENGINES[engine]
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(path.parent))
        for added in set(sys.modules) - before:
            if str(path.parent) in str(getattr(sys.modules[added], "__file__", "")):
                del sys.modules[added]


@dataclass
class Outcome:
    """What a run gave: its result as plain data, and the names of the events it published."""

    result: Any
    published: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)


def plain(value: Any) -> Any:
    """A typed StopEvent as a dict, so that results of two engines compare."""
    return value.model_dump() if hasattr(value, "model_dump") else value


async def run(
    module: ModuleType,
    answers: list[tuple[str, dict[str, Any]]] | None = None,
    workflow: str = "workflow",
    **inputs: Any,
) -> Outcome:
    """Run the sample without delays; each published question takes the next of `answers`.

    `answers` holds (answer event class, fields). A callable value gets the question.
    """
    pending = list(answers or [])
    offered = getattr(module, workflow)
    flow = offered() if isinstance(offered, type) else offered
    handler = flow.run(**{"pace": 0.0, **inputs})
    outcome = Outcome(None)
    question_type = module_framework(module).InputRequiredEvent
    async for event in handler.stream_events():
        outcome.published.append(type(event).__name__)
        if isinstance(event, question_type):
            outcome.asked.append(event.model_dump())
            kind, fields = pending.pop(0)
            filled = {key: value(event) if callable(value) else value for key, value in fields.items()}
            handler.ctx.send_event(getattr(module, kind)(**filled))
    outcome.result = plain(await handler)
    assert not pending, f"nobody asked for {pending}"
    return outcome


def module_framework(module: ModuleType) -> ModuleType:
    """The events module that the sample was loaded with."""
    package = module.Workflow.__module__.partition(".")[0]
    return importlib.import_module(f"{package}.events")
