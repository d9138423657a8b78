"""Putting workflows that user code made elsewhere under the debugger."""

from __future__ import annotations

from types import ModuleType

from workflows import Workflow
from workflows.runtime.verbose import VerboseDecorator

from wf_debug.backends.llamaindex.runtime import DebugRuntime


def adopt(module: ModuleType, runtime: DebugRuntime) -> None:
    """Instances at module level that were not made under the runtime (in a thread, say) move to it, as the
    engine's own server does with them; one that ran before stays where it is."""
    for flow in list(vars(module).values()):
        if isinstance(flow, Workflow) and not is_under(flow, runtime):
            _move(flow, runtime)


def is_under(flow: Workflow, runtime: DebugRuntime) -> bool:
    """Whether the debugger sees the runs of this instance."""
    own = flow.runtime
    return own is runtime or getattr(own, "_decorated", None) is runtime


def _move(flow: Workflow, runtime: DebugRuntime) -> None:
    switch = getattr(flow, "_switch_runtime", None)
    if switch is None:
        return
    try:
        switch(VerboseDecorator(runtime) if isinstance(flow.runtime, VerboseDecorator) else runtime)
    except RuntimeError:
        return
