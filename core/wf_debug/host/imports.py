"""Which project modules import which, read from their sources."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from wf_debug.host.source import parse


def digest(module: ModuleType) -> str:
    """Identifies the present content of a module's file; empty when it can't be read."""
    path = Path(str(module.__file__))
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError:
        return ""


def saved_at(module: ModuleType) -> float:
    """When a module's file was changed last, in seconds since the epoch; 0 when it can't be told."""
    try:
        return Path(str(module.__file__)).stat().st_mtime
    except OSError:
        return 0.0


def with_importers(changed: Iterable[str], modules: Mapping[str, ModuleType]) -> set[str]:
    """The changed modules and all that import them, directly or not."""
    imports = {name: _imported_by(name, module) & modules.keys() for name, module in modules.items()}
    found = set(changed)
    while more := {name for name, used in imports.items() if name not in found and used & found}:
        found |= more
    return found


def _imported_by(name: str, module: ModuleType) -> set[str]:
    try:
        tree = parse(Path(str(module.__file__)).read_bytes(), name)
    except (OSError, SyntaxError, ValueError):
        return set()
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(part for alias in node.names for part in _prefixes(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            found.update(_prefixes(base))
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]
