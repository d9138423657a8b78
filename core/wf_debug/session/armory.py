"""The breakpoints of a flow: numbered, remembered between sessions, each with the host's verdict."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.wire import Verification

_saved = TypeAdapter(list[Breakpoint])


class KnownBreakpoint(Breakpoint):
    """A breakpoint and whether it can match: `verified` is None as long as no host said; `why` tells why
    not."""

    verified: bool | None = None
    why: str = ""


class Armory:
    """All breakpoints of one flow. `path` keeps them; None: they are forgotten with the session."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._all: list[KnownBreakpoint] = []

    @property
    def all(self) -> list[KnownBreakpoint]:
        return list(self._all)

    @property
    def plain(self) -> list[Breakpoint]:
        """As the host takes them."""
        return [plain(b) for b in self._all]

    def load(self) -> str:
        """Read what was saved; in words what was wrong with it, empty if nothing was."""
        if self._path is None or not self._path.exists():
            return ""
        try:
            self.replace(_saved.validate_json(self._path.read_bytes()), save=False)
        except (OSError, ValidationError) as error:
            aside = self._path.with_suffix(".bad")
            with suppress(OSError):
                self._path.replace(aside)
            kind = type(error).__name__
            return f"the saved breakpoints cannot be read ({kind}); they were put aside as {aside}"
        return ""

    def replace(self, breakpoints: Iterable[Breakpoint], save: bool = True) -> None:
        """Take these instead; one without a number, or with one that is taken, gets the next."""
        known = {b.id: b for b in self._all}
        taken: set[int] = set()
        numbered: list[KnownBreakpoint] = []
        wanted = list(breakpoints)
        following = max((b.id for b in wanted), default=0) + 1
        for breakpoint_ in wanted:
            number = breakpoint_.id
            if not number or number in taken:
                number, following = following, following + 1
            taken.add(number)
            numbered.append(
                _carry_verdict(plain(breakpoint_).model_copy(update={"id": number}), known.get(number))
            )
        self._all = numbered
        if save:
            self._save()

    def toggled(self, event: str | None, step: str | None) -> list[Breakpoint]:
        """All breakpoints with the simple one on this place added, or those exactly there removed."""
        others = [b for b in self.plain if not b.is_on(event, step)]
        if len(others) < len(self._all):
            return others
        return [*others, Breakpoint(event=event, step=step)]

    def judge(self, items: Iterable[Verification.Item]) -> None:
        """Take the host's verdicts."""
        verdicts = {item.id: item for item in items}
        self._all = [
            b.model_copy(update={"verified": v.ok, "why": v.reason}) if (v := verdicts.get(b.id)) else b
            for b in self._all
        ]

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        with os.fdopen(number, "wb") as file:
            own = [b for b in self.plain if not b.rules]
            file.write(_saved.dump_json(own, indent=1, exclude_defaults=True))
        Path(name).replace(self._path)


def plain(breakpoint_: Breakpoint) -> Breakpoint:
    """Without the verdict."""
    return Breakpoint(**breakpoint_.model_dump(include=set(Breakpoint.model_fields)))


def _carry_verdict(breakpoint_: Breakpoint, before: KnownBreakpoint | None) -> KnownBreakpoint:
    verdict = (
        {"verified": before.verified, "why": before.why} if before and plain(before) == breakpoint_ else {}
    )
    return KnownBreakpoint(**breakpoint_.model_dump(), **verdict)
