"""Importing a flow file as `python flow.py` would see it, with every failure as one clear refusal."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from wf_debug.backends.refusal import Refused
from wf_debug.control.debugger import Debugger
from wf_debug.control.usercode import said_by
from wf_debug.graph import SourceRef
from wf_debug.host.source import check_source, refuse_syntax


class HardExit(SystemExit):
    """`os._exit`, called by a file that is imported: the host refuses it and lives on."""


@dataclass(frozen=True, slots=True)
class FlowModule:
    """An imported flow file."""

    path: Path
    name: str
    module: ModuleType
    tree: ast.Module


class Importer:
    """Imports the flow files of one project."""

    def __init__(self, project: Path, debugger: Debugger) -> None:
        self._project, self._debugger, self._user_code = project, debugger, debugger.user_code

    def load(self, path: Path) -> FlowModule:
        """Import the file and all it imports from the project, again if they were before.

        Raises:
            Refused: naming the file, the line and what to try; the modules of an earlier load are then as
            they were.
        """
        path = path.resolve() if os.path.exists(path) else path.absolute()
        tree = check_source(path)
        old = self._forget()
        name, roots = module_name(path)
        self._prepare_path(path, roots)
        try:
            with self._guarded(path):
                module = self._import(name, path)
        except Refused:
            self._forget()
            sys.modules.update(old)
            raise
        return FlowModule(path, name, module, tree)

    def import_again(self, flow: FlowModule, names: set[str]) -> FlowModule:
        """A second generation of the named modules, which were made unknown. Raises: Refused."""
        tree = check_source(flow.path)
        importlib.invalidate_caches()
        with self._guarded(flow.path):
            module = self._import(flow.name, flow.path) if flow.name in names else flow.module
            for name in sorted(names - sys.modules.keys()):
                importlib.import_module(name)
        return FlowModule(flow.path, flow.name, module, tree)

    @contextmanager
    def second_generation(self, names: set[str]) -> Iterator[None]:
        """Inside, the named modules are unknown, to be imported once more; afterwards all is as it was."""
        before = {m.__name__: m for m in self._user_code.modules()}
        for name in names:
            del sys.modules[name]
        try:
            yield
        finally:
            self._forget()
            sys.modules.update(before)
            for name, module in before.items():
                parent, _, child = name.rpartition(".")
                if parent in sys.modules:
                    setattr(sys.modules[parent], child, module)

    @contextmanager
    def _guarded(self, path: Path) -> Iterator[None]:
        """Turn whatever an import raises into a refusal, and a run that it starts too."""
        self._debugger.runs_started_while_loading()
        self._debugger.loading = True
        try:
            yield
            self._refuse_runs(path)
        except BaseException as error:
            raise self._refusal(error, path) from error
        finally:
            self._debugger.loading = False

    def _forget(self) -> dict[str, ModuleType]:
        """Make the project's modules unknown, so that the next import reads their files; gives them by
        name."""
        old = {m.__name__: m for m in self._user_code.modules() if sys.modules.get(m.__name__) is m}
        for name in old:
            del sys.modules[name]
        return old

    def _prepare_path(self, path: Path, roots: list[Path]) -> None:
        for root in reversed([path.parent, *roots, self._project]):
            if str(root) not in sys.path:
                sys.path.insert(0, str(root))
        sys.argv = [str(path)]
        linecache.checkcache()
        importlib.invalidate_caches()

    def _import(self, name: str, path: Path) -> ModuleType:
        if "." in name:
            importlib.import_module(name.rpartition(".")[0])
        inside = [str(path.parent)] if path.stem == "__init__" else None
        spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=inside)
        if spec is None or spec.loader is None:
            raise Refused("not_python", f"python can't import {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return sys.modules.get(name, module)

    def _refuse_runs(self, path: Path) -> None:
        """A flow that runs itself while it is imported can't be debugged by starting it."""
        if not (started := self._debugger.runs_started_while_loading()):
            return
        where = next((s for s in started if s), None) or SourceRef(file=str(path), line=1)
        raise Refused(
            "ran_at_import",
            f"{Path(where.file).name}:{where.line} runs a workflow while the file is imported",
            where=where,
            hint='put what runs it under `if __name__ == "__main__":`; the debugger starts the run',
        )

    def _refusal(self, error: BaseException, path: Path) -> Refused:
        if isinstance(error, Refused):
            return error
        try:
            self._refuse_runs(path)
        except Refused as refused:
            return refused  # what the code made of the cancelled run is of no interest
        where = self._user_code.place_in(error.__traceback__)
        at = f"{Path(where.file).name}:{where.line}" if where else path.name
        if isinstance(error, SyntaxError):
            return refuse_syntax(error, path)
        if isinstance(error, SystemExit):
            how = "os._exit" if isinstance(error, HardExit) else "sys.exit"
            return Refused(
                "exited_at_import",
                f"{at} ends the process while the file is imported ({how}({error.code!r}))",
                where=where,
                hint='put what ends the program under `if __name__ == "__main__":`',
            )
        if isinstance(error, ModuleNotFoundError) and error.name:
            return _refuse_missing(error, where, at)
        return Refused(
            "import_error",
            f"{at}: {_said(error)}",
            where=where,
            hint=self._import_hint(error, path),
            traceback=self._user_code.traceback_of(error),
        )

    def _import_hint(self, error: BaseException, path: Path) -> str:
        """What to try when an import raised."""
        if isinstance(error, ImportError) and error.name in sys.stdlib_module_names:
            hiding = path.with_name(f"{error.name}.py")
            if hiding.exists():
                return f"{hiding} has the name of a module of Python itself, which is meant here; rename it"
        if isinstance(error, ImportError) and "no known parent package" in str(error):
            return f"put an __init__.py into {path.parent}, or import the module by its name alone"
        return "the file raised while it was imported; correct and save it, it is read again"


def _said(error: BaseException) -> str:
    """`ValueError: no`; the type alone where there is no message."""
    text = said_by(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


_PACKAGES = {
    "workflows": "llama-index-workflows",
    "llama_index": "llama-index-core",
    "llama_agents": "llama-index-workflows",
}
"""What to install for an import name, where the two differ."""


def _refuse_missing(error: ModuleNotFoundError, where: SourceRef | None, at: str) -> Refused:
    return Refused(
        "missing_package",
        f"No module named {error.name!r}; imported at {at}; interpreter {sys.executable}",
        where=where,
        hint=_where_to_get(str(error.name), where),
    )


def _where_to_get(name: str, where: SourceRef | None) -> str:
    top = name.partition(".")[0]
    if source := _source_root(top, where):
        return f"{top} lies in {source}: set PYTHONPATH={source}, or install the project into the interpreter"
    found = importlib.util.find_spec(top)
    if found is not None and (top in sys.stdlib_module_names or not _is_installed(found)):
        return f"{top} is there, but has no such module; look at the spelling"
    parent = name.rpartition(".")[0]
    if getattr(sys.modules.get(parent), "__file__", None):  # no namespace that other packages add to
        child = name.removeprefix(f"{parent}.")
        return (
            f"{parent} is installed, but has no {child}: look at the spelling, or install the version of it \
that the code is written for"
        )
    package = _PACKAGES.get(top, top) if found is None else name.replace(".", "-").replace("_", "-")
    return (
        f"install it there (`{sys.executable} -m pip install {package}`), "
        "or pass --python with the interpreter that has it"
    )


def _source_root(package: str, where: SourceRef | None) -> Path | None:
    """The directory above the importing file that holds the package, or has a `src` that does."""
    above = Path(where.file).parents if where else ()
    roots = (root for folder in above for root in (folder / "src", folder))
    return next((r for r in roots if (r / package).is_dir() or (r / f"{package}.py").is_file()), None)


def _is_installed(spec: ModuleSpec) -> bool:
    places = [spec.origin or "", *(spec.submodule_search_locations or ())]
    return any(part in ("site-packages", "dist-packages") for place in places for part in Path(place).parts)


def module_name(path: Path) -> tuple[str, list[Path]]:
    """The name to import the file under, and the directories above its package, if it is in one.

    Never a name that another module has: a flow called `json.py` must not become the json that everybody
    imports.
    """
    parts = [] if path.stem == "__init__" else [path.stem.replace(".", "_")]
    folder = path.parent
    while (folder / "__init__.py").exists() and folder.name.isidentifier() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    name = ".".join(parts) or path.parent.name
    if "." in name:
        return name, [folder]
    return _free_name(name, path), []


def has_own(path: Path, package: str) -> bool:
    """Whether python takes the name of a package, seen from this file, for the project's own code."""
    places = (path.parent, *module_name(path)[1])
    return any((p / f"{package}.py").is_file() or (p / package / "__init__.py").is_file() for p in places)


def _free_name(name: str, path: Path) -> str:
    taken = sys.modules.get(name)
    file = getattr(taken, "__file__", None)
    ours = file is not None and Path(file) == path
    if name == "__main__" or name in sys.stdlib_module_names or (taken is not None and not ours):
        return f"{name.strip('_')}_flow"
    return name
