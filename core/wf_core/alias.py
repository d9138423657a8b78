"""Lets code written for LlamaIndex Workflows run on this engine as it is: its module names give our modules.

    with aliased():
        import the_flow     # which says `from workflows import Workflow, step`

Only what is public there has a counterpart here; an import of anything else says so. docs/compatibility.md
tells what behaves differently, and why.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from wf_core import events

ROOTS = ("workflows", "llama_agents.workflows", "llama_index.core.workflow")
"""The names that the one package goes by."""

_STATE = ("wf_core.state_store", "wf_core.state_paths")
MODULES: Mapping[str, tuple[str, ...]] = {
    "": ("wf_core",),
    "collect": ("wf_core.collect",),
    "context": ("wf_core.context", "wf_core.serializers"),
    "context.context": ("wf_core.context",),
    "context.serializers": ("wf_core.serializers",),
    "context.state_store": _STATE,
    "decorators": ("wf_core.decorators",),
    "errors": ("wf_core.errors",),
    "events": ("wf_core.events",),
    "handler": ("wf_core.handler",),
    "plugins": ("wf_core.runtime",),
    "plugins.basic": ("wf_core.runtime",),
    "representation": ("wf_core.representation",),
    "representation.build": ("wf_core.representation",),
    "representation.types": ("wf_core.representation",),
    "resource": ("wf_core.resource",),
    "retry_policy": ("wf_core.retry_policy",),
    "testing": ("wf_core.testing",),
    "testing.runner": ("wf_core.testing",),
    "types": ("wf_core.types",),
    "utils": ("wf_core.signature",),
    "workflow": ("wf_core.workflow",),
}
"""Our modules that together stand for each of theirs, by its name under a root."""
_OLDER: Mapping[str, tuple[str, ...]] = {
    "": ("wf_core", "wf_core.errors", "wf_core.serializers"),
    "context_serializers": ("wf_core.serializers",),
}
"""Where `llama_index.core.workflow` differs from the others."""


def _defined_by(module: ModuleType) -> list[str]:
    return [k for k, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__]


_EVENTS = _defined_by(events)


class _StandIn(ModuleType):
    """A module whose names are those of others."""

    def __init__(self, name: str, originals: Sequence[str]) -> None:
        super().__init__(name, f"Stands for {name}; see {', '.join(originals)}.")
        modules = [importlib.import_module(each) for each in originals]
        for module in reversed(modules):
            vars(self).update({k: v for k, v in vars(module).items() if not k.startswith("__")})
        self.__all__ = _offered(modules)


def _offered(modules: Sequence[ModuleType]) -> list[str]:
    """The names that `import *` gives: those of `__all__`, else what the module itself defines."""
    names: dict[str, None] = {}
    for module in modules:
        own = _EVENTS if module is events else _defined_by(module)
        names.update(dict.fromkeys(getattr(module, "__all__", own)))
    return [name for name in names if not name.startswith("_")]


class _Finder(MetaPathFinder, Loader):
    """Finds the stand-ins, and for their parents an empty package if there is no real one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root = next((r for r in ROOTS if fullname == r or fullname.startswith(f"{r}.")), None)
        if root is not None:
            if _originals(fullname, root) is None:
                raise ModuleNotFoundError(
                    f"{fullname} has no counterpart in wf_core, which is standing in for {root}",
                    name=fullname,
                )
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        root = next(r for r in ROOTS if spec.name == r or spec.name.startswith(f"{r}."))
        return _StandIn(spec.name, _originals(spec.name, root) or ())

    def exec_module(self, module: ModuleType) -> None:
        """It is complete."""


def _originals(name: str, root: str) -> tuple[str, ...] | None:
    below = name[len(root) + 1 :]
    older = _OLDER.get(below) if root == "llama_index.core.workflow" else None
    return older or MODULES.get(below)


class _Parents(MetaPathFinder, Loader):
    """Makes the packages above a root, where the real ones are not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        above = any(root.startswith(f"{fullname}.") for root in ROOTS)
        return ModuleSpec(fullname, self, is_package=True) if above else None

    def create_module(self, spec: ModuleSpec) -> None:
        """A plain module will do."""

    def exec_module(self, module: ModuleType) -> None:
        """It stays empty."""


_finder, _parents = _Finder(), _Parents()


def install() -> None:
    """From now on the names give our modules, also where the real package is installed or was imported."""
    if _finder not in sys.meta_path:
        _forget()
        sys.meta_path.insert(0, _finder)
        sys.meta_path.append(_parents)
        _call_events("workflows.events")
        _log_below("workflows")


def uninstall() -> None:
    """The names give what is installed again."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        sys.meta_path.remove(_parents)
        _forget()
        _call_events(events.__name__)
        _log_below("")


def _call_events(module: str) -> None:
    """Have the event classes go by this module, in what is shown of them, sent to others and saved."""
    for name in _EVENTS:
        if isinstance(kind := getattr(events, name), type):
            kind.__module__ = module


def _log_below(parent: str) -> None:
    """Have what is logged obey the levels of the loggers that the module names lead one to expect."""
    for ours in ("", ".verbose"):
        logger = logging.getLogger(f"wf_core{ours}")
        logger.parent = logging.getLogger(f"{parent}{ours}" if parent else "wf_core" if ours else None)
        logger.setLevel(logger.level)  # what was known of the levels above no longer holds


@contextmanager
def aliased() -> Iterator[None]:
    """Within the block the names give our modules; afterwards they are what they were."""
    before = _forget()
    install()
    try:
        yield
    finally:
        uninstall()
        sys.modules.update(before)
        for name, module in before.items():
            _bind(name, module)


def _forget() -> dict[str, ModuleType]:
    """Make the names unknown; the modules that they gave."""
    names = [n for n in sys.modules if any(n == root or n.startswith(f"{root}.") for root in ROOTS)]
    known = {name: sys.modules.pop(name) for name in names}
    above = {root.rpartition(".")[0] for root in ROOTS} | {root.partition(".")[0] for root in ROOTS}
    for name in above & sys.modules.keys():
        if getattr(sys.modules[name].__spec__, "loader", None) is _parents:
            del sys.modules[name]
    return known


def _bind(name: str, module: ModuleType) -> None:
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)
