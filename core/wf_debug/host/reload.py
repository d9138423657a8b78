"""Taking up changed source under live runs: new bodies into the living code, or a clear word why not."""

from __future__ import annotations

import ast
import linecache
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from wf_debug.backends.base import Offer
from wf_debug.backends.refusal import Refused
from wf_debug.control.usercode import UserCode
from wf_debug.host.imports import digest, saved_at, with_importers
from wf_debug.host.load import FlowModule, Importer
from wf_debug.host.source import check_source
from wf_debug.host.structure import changed_graph, changed_structure
from wf_debug.host.transplant import CannotTransplant, Transplant
from wf_debug.wire import ReloadResult

_Trees = Mapping[str, ast.Module]
"""Parsed sources by module name."""
FindOffers = Callable[[FlowModule, str], dict[str, Offer]]


class Reloader:
    """Keeps the loaded flow and the content of its files, to see what changed."""

    def __init__(self, user_code: UserCode, importer: Importer, find: FindOffers) -> None:
        self._user_code, self._importer, self._find = user_code, importer, find
        self._flow: FlowModule | None = None
        self._engine = "auto"
        self._digests: dict[str, str] = {}
        self._trees: dict[str, ast.Module] = {}
        self.offers: dict[str, Offer] = {}

    def load(self, path: Path, engine: str) -> dict[str, Offer]:
        """Import the flow anew. Raises: Refused."""
        began = time.time()
        flow = self._importer.load(path)
        self._flow, self._engine = flow, engine
        self._digests, self._trees = {}, {}
        self._remember({}, {}, began)
        self.offers = {}
        self.offers = self._find(flow, engine)
        return self.offers

    def files(self) -> list[str]:
        """Every source file of the project that is imported."""
        return sorted({str(Path(str(m.__file__)).resolve()) for m in self._modules().values()})

    def reload(self) -> ReloadResult:
        """What came of taking up the changed files; on any failure the old code is as it was."""
        if self._flow is None:
            return ReloadResult(outcome="unchanged", detail="no flow is loaded")
        began, modules = time.time(), self._modules()
        read = {name: digest(module) for name, module in modules.items()}
        changed = [name for name in modules if read[name] != self._digests.get(name)]
        files = [str(modules[name].__file__) for name in changed]
        if not changed:
            return ReloadResult(outcome="unchanged")
        linecache.checkcache()
        try:
            trees = {name: check_source(Path(str(modules[name].__file__))) for name in changed}
            detail = self._take_up(self._flow, trees, modules)
        except Refused as refused:
            return ReloadResult(
                outcome="failed", files=files, error=refused.error, detail=refused.error.message
            )
        except CannotTransplant as error:
            detail = str(error)
        if detail:
            return ReloadResult(outcome="structural", files=files, detail=detail)
        self._remember(read, trees, began)
        self.offers = self._find(self._flow, self._engine)
        return ReloadResult(
            outcome="swapped",
            files=files,
            workflows=[o.info for o in self.offers.values()],
            loaded=self.files(),
        )

    def _take_up(self, flow: FlowModule, trees: _Trees, modules: dict[str, ModuleType]) -> str:
        """Swap the changed modules' code in; if that can't be, what changed, with everything as it was.

        Raises:
            Refused: when the new code can't be imported or its workflows are invalid.
            CannotTransplant: when its functions don't fit the living ones.
        """
        affected = with_importers(trees, modules)
        with self._importer.second_generation(affected):
            newer = self._importer.import_again(flow, affected)
            offers = self._find(newer, self._engine)
            self._refuse_invalid(offers)
            detail = self._structural_change(trees) or changed_graph(self.offers, offers)
            generation = self._modules()
        if not detail:
            Transplant([(modules[name], generation[name]) for name in affected]).apply()
            sys.modules.update({n: m for n, m in generation.items() if n not in modules})
        return detail

    def _refuse_invalid(self, offers: dict[str, Offer]) -> None:
        for name, offer in offers.items():
            before = self.offers.get(name)
            was_fine = before is None or not any(p.fatal for p in before.info.problems)
            if was_fine and (fatal := [p for p in offer.info.problems if p.fatal]):
                raise Refused("invalid_workflow", f"{name}: {fatal[0].message}", where=fatal[0].where)

    def _structural_change(self, trees: _Trees) -> str:
        for name, tree in trees.items():
            if name in self._trees and (difference := changed_structure(self._trees[name], tree)):
                return difference
        return ""

    def _modules(self) -> dict[str, ModuleType]:
        return {m.__name__: m for m in self._user_code.modules() if sys.modules.get(m.__name__) is m}

    def _remember(self, read: Mapping[str, str], trees: _Trees, began: float) -> None:
        """What is loaded now. What was `read` before the import counts: a file that was saved since is to be
        taken up the next time, also one that was not known before it `began`."""
        for name, module in self._modules().items():
            saved_since = name not in read and saved_at(module) > began
            self._digests[name] = "" if saved_since else read.get(name) or digest(module)
            if name in trees:
                self._trees[name] = trees[name]
            elif name not in self._trees and not saved_since:
                with suppress(Refused):
                    self._trees[name] = check_source(Path(str(module.__file__)))
