"""Taking up changed source under live runs: new bodies into the living code, or a clear word why not."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from wf_debug.backends.base import Offer
from wf_debug.backends.refusal import Refused
from wf_debug.control.usercode import UserCode
from wf_debug.host.imports import digest, with_importers
from wf_debug.host.load import FlowModule, Importer
from wf_debug.host.source import check_source
from wf_debug.host.structure import changed_graph, changed_structure
from wf_debug.host.transplant import CannotTransplant, Transplant
from wf_debug.wire import ReloadResult

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
        flow = self._importer.load(path)
        self._flow, self._engine = flow, engine
        self._remember()
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
        modules = self._modules()
        changed = [n for n, m in modules.items() if digest(m) != self._digests.get(n)]
        files = [str(modules[name].__file__) for name in changed]
        if not changed:
            return ReloadResult(outcome="unchanged")
        linecache.checkcache()
        try:
            detail = self._take_up(self._flow, changed, modules)
        except Refused as refused:
            return ReloadResult(
                outcome="failed", files=files, error=refused.error, detail=refused.error.message
            )
        except CannotTransplant as error:
            detail = str(error)
        if detail:
            return ReloadResult(outcome="structural", files=files, detail=detail)
        self._remember()
        self.offers = self._find(self._flow, self._engine)
        return ReloadResult(outcome="swapped", files=files, workflows=[o.info for o in self.offers.values()])

    def _take_up(self, flow: FlowModule, changed: list[str], modules: dict[str, ModuleType]) -> str:
        """Swap the changed modules' code in; if that can't be, what changed, with everything as it was.

        Raises:
            Refused: when the new code can't be imported or its workflows are invalid.
            CannotTransplant: when its functions don't fit the living ones.
        """
        for name in changed:
            check_source(Path(str(modules[name].__file__)))
        affected = with_importers(changed, modules)
        with self._importer.second_generation(affected):
            newer = self._importer.import_again(flow, affected)
            offers = self._find(newer, self._engine)
            self._refuse_invalid(offers)
            detail = self._structural_change(changed, modules) or changed_graph(self.offers, offers)
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

    def _structural_change(self, changed: list[str], modules: dict[str, ModuleType]) -> str:
        for name in changed:
            tree = check_source(Path(str(modules[name].__file__)))
            if name in self._trees and (difference := changed_structure(self._trees[name], tree)):
                return difference
        return ""

    def _modules(self) -> dict[str, ModuleType]:
        return {m.__name__: m for m in self._user_code.modules() if sys.modules.get(m.__name__) is m}

    def _remember(self) -> None:
        modules = self._modules()
        self._digests = {name: digest(module) for name, module in modules.items()}
        self._trees = {name: check_source(Path(str(module.__file__))) for name, module in modules.items()}
