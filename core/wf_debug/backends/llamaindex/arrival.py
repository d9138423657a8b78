"""Noticing the moment at which user code imports a package for the first time."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def when_imported(package: str, tell: Callable[[], None]) -> None:
    """Call `tell` right after the package was imported; at once if it already is."""
    if package in sys.modules:
        tell()
    else:
        sys.meta_path.insert(0, _Finder(package, tell))


class _Finder(MetaPathFinder):
    """Finds nothing itself; hands the package's own loader out with a word to say afterwards."""

    def __init__(self, package: str, tell: Callable[[], None]) -> None:
        self._package, self._tell = package, tell

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._package:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            sys.meta_path.insert(0, self)
        else:
            spec.loader = _TellingLoader(spec.loader, self._tell)
        return spec


class _TellingLoader(Loader):
    def __init__(self, loader: Loader, tell: Callable[[], None]) -> None:
        self._loader, self._tell = loader, tell

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._tell()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
