"""Taking up changed source: in place, or by moving to a fresh host, never losing a run in silence."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from wf_debug.session.errors import SessionError
from wf_debug.session.hosting import Host, Hosting
from wf_debug.session.watching import fingerprint
from wf_debug.trace.records import CodeReloaded, ErrorInfo, Note, Record, RunCancelled
from wf_debug.wire import (
    Pause,
    Reload,
    ReloadResult,
    ResumeResult,
    ResumeRun,
    Snapshot,
    SnapshotResult,
    Thaw,
    WireError,
)

Outcome = Literal["unchanged", "swapped", "restarted", "failed", "ask"]


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """How a reload went. With "ask", `lost` lists what cannot carry over; the old code stays until
    `accept_loss`."""

    outcome: Outcome
    files: list[str] = field(default_factory=list)
    detail: str = ""
    error: WireError | None = None
    lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Move:
    """A run that is being carried into a fresh host."""

    run: str
    workflow: str
    frozen: SnapshotResult
    moved_to: str = ""


@dataclass(slots=True)
class _Pending:
    """A fresh host that waits for somebody to accept what is lost."""

    host: Host
    moves: list[_Move]
    files: list[str]
    paused: bool


class Reloader:
    """Reloads one at a time."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._busy = asyncio.Lock()
        self._pending: _Pending | None = None

    # -- what a session asks for
    async def start(self) -> None:
        """The first host.

        Raises:
            SessionError: when it does not start or the flow does not load.
        """
        async with self._busy:
            try:
                self._hosting.adopt(await self._hosting.fresh())
            except SessionError as error:
                self._hosting.set_status("error", error.error.message)
                raise

    async def reload(self) -> ReloadReport:
        """Take up what changed on disk. Never raises for what the flow does; the report says it."""
        async with self._busy:
            was_paused = await self._forget_pending()
            now = fingerprint(self._hosting.files)
            changed = self._changed_files(now)
            if self._hosting.status.state == "ready" and not changed:
                return ReloadReport("unchanged")
            try:
                if not self._live():
                    return await self._restart(changed)
                return await self._under_runs(changed, now, was_paused)
            except SessionError as error:
                return self._failed(changed, error.error)

    async def restart(self) -> None:
        """A fresh host in place of the present one, whose runs are cancelled.

        Raises:
            SessionError: when the flow does not load; there is no host then.
        """
        async with self._busy:
            await self._forget_pending()
            old, self._hosting.current = self._hosting.current, None
            self._hosting.set_status("loading")
            if old is not None:
                await self._hosting.end(old.link)
                self._cancel_what_is_left()
            try:
                self._take_over(await self._hosting.fresh(), [], [])
                self._hosting.pausing = False
            except SessionError as error:
                self._hosting.set_status("error", error.error.message)
                raise

    async def accept_loss(self) -> ReloadReport:
        """Go on with the new code without what the last report listed."""
        async with self._busy:
            pending, self._pending = self._pending, None
            if pending is None:
                return ReloadReport("unchanged", detail="nothing waits for an answer")
            try:
                return await self._resume(pending, drop_lost=True)
            except SessionError as error:
                await self._give_up(pending)
                return self._failed(pending.files, error.error)

    async def decline_loss(self) -> None:
        """Keep the old code: the runs go on with it as they were before the reload asked."""
        async with self._busy:
            await self._forget_pending()

    async def close(self) -> None:
        """Give up a move that waits for an answer."""
        await self._forget_pending()

    # -- without a run
    async def _restart(self, changed: list[str]) -> ReloadReport:
        host = await self._hosting.fresh()
        old = self._hosting.current
        self._take_over(host, changed, [])
        if old is not None:
            await self._hosting.end(old.link)
        return ReloadReport("restarted", changed, f"loaded in {host.loaded.seconds:.1f} s")

    # -- under runs
    async def _under_runs(
        self, changed: list[str], now: dict[str, str], was_paused: bool | None
    ) -> ReloadReport:
        host = self._hosting.current
        assert host is not None
        result = await host.link.request(Reload(), ReloadResult)
        if result.outcome == "structural":
            return await self._move_to_fresh(host, self._named(result.files) or changed, was_paused)
        if result.outcome == "failed":
            error = result.error or WireError(code="internal", message=result.detail or "the reload failed")
            return self._failed(self._named(result.files) or changed, error)
        self._hosting.files = self._hosting.rewrites.settle(now, fingerprint({*now, *result.loaded}))
        if result.outcome == "swapped":
            if result.workflows:
                self._hosting.offer(result.workflows)
            await self._hosting.arm(host)
            self._record("swapped", self._named(result.files), result.detail)
        return ReloadReport(result.outcome, self._named(result.files), result.detail)

    async def _move_to_fresh(self, old: Host, files: list[str], was_paused: bool | None) -> ReloadReport:
        live = self._hosting.journal.live
        paused = self._hosting.parks_all() if was_paused is None else was_paused
        fresh = await self._hosting.fresh()
        pending = _Pending(fresh, [], files, paused)
        try:
            for run in live.live_runs:
                if live.runs[run].parent_run is None:
                    pending.moves.append(await self._freeze(old, run))
            return await self._resume(pending, drop_lost=False)
        finally:
            if self._pending is not pending and self._hosting.current is not pending.host:
                await self._give_up(pending)

    async def _freeze(self, old: Host, run: str) -> _Move:
        frozen = await old.link.request(Snapshot(run=run), SnapshotResult)
        return _Move(run, frozen.workflow, frozen)

    async def _resume(self, pending: _Pending, drop_lost: bool) -> ReloadReport:
        """Carry every run over, then let the fresh host take over; the old one is untouched until all are."""
        fresh = pending.host
        if pending.paused:
            await fresh.link.tell(Pause())
        lost: list[str] = []
        for move in pending.moves:
            command = ResumeRun(workflow=move.workflow, snapshot=move.frozen.snapshot, drop_lost=drop_lost)
            try:
                resumed = await fresh.link.request(command, ResumeResult)
            except SessionError as error:
                if error.error.code != "cannot_carry_over" or drop_lost:
                    raise
                return await self._ask(pending, error.error)
            move.moved_to = resumed.run
            lost.extend(resumed.lost)
        return await self._moved(pending, lost)

    async def _ask(self, pending: _Pending, error: WireError) -> ReloadReport:
        """Runs that did resume there do not go on unseen: the host that waits is a fresh one."""
        lost = [f.message if not f.field else f"{f.field}: {f.message}" for f in error.fields] or [
            error.message
        ]
        if any(move.moved_to for move in pending.moves):
            await self._hosting.end(pending.host.link)
            pending.host = await self._hosting.fresh()
            for move in pending.moves:
                move.moved_to = ""
        self._pending = pending
        return ReloadReport("ask", pending.files, error.message, error, lost)

    async def _moved(self, pending: _Pending, lost: list[str]) -> ReloadReport:
        old = self._hosting.current
        if old is not None:
            self._hosting.mute(old.link)
        restarts = sorted({step for move in pending.moves for step in move.frozen.restarts})
        detail = f"the run goes on in a fresh host{_again(restarts)}"
        ends: list[Record] = []
        for move in pending.moves:
            if move.moved_to != move.run:
                ends.append(
                    Note(
                        run=move.run,
                        wall=time.time(),
                        text=f"goes on as run {move.moved_to} with the new code",
                    )
                )
                ends.append(RunCancelled(run=move.run, wall=time.time()))
        self._take_over(pending.host, pending.files, ends, detail)
        if old is not None:
            await self._hosting.end(old.link)
        return ReloadReport("restarted", pending.files, detail, lost=lost)

    # -- parts
    def _take_over(self, host: Host, files: list[str], ends: list[Record], detail: str = "") -> None:
        reloaded = CodeReloaded(outcome="restarted", files=tuple(files), detail=detail, wall=time.time())
        self._hosting.adopt(host, [*ends, reloaded])

    def _cancel_what_is_left(self) -> None:
        """A host that ended without saying how its runs did."""
        live = self._hosting.journal.live
        self._hosting.journal.add([RunCancelled(run=run, wall=time.time()) for run in live.live_runs])

    def _failed(self, files: list[str], error: WireError) -> ReloadReport:
        info = ErrorInfo(type=error.code, message=error.message, where=error.where, traceback=error.traceback)
        self._record("failed", files, error.hint, info)
        current = self._hosting.current
        if current is None or current.link.ending is not None:
            self._hosting.set_status("error", error.message)
        return ReloadReport("failed", files, error.hint, error)

    def _record(
        self,
        outcome: Literal["swapped", "restarted", "failed", "unchanged"],
        files: list[str],
        detail: str,
        error: ErrorInfo | None = None,
    ) -> None:
        self._hosting.journal.write(
            CodeReloaded, outcome=outcome, files=tuple(files), detail=detail, error=error
        )

    async def _forget_pending(self) -> bool | None:
        """Whether the runs were paused before they were frozen for it; None when there is none."""
        pending, self._pending = self._pending, None
        if pending is None:
            return None
        await self._give_up(pending)
        return pending.paused

    async def _give_up(self, pending: _Pending) -> None:
        """End the fresh host; the runs go on in the old one."""
        await self._hosting.end(pending.host.link)
        current = self._hosting.current
        if current is not None and current.link.ending is None:
            with suppress(SessionError):
                await current.link.tell(Thaw())

    def _live(self) -> bool:
        current = self._hosting.current
        return (
            bool(self._hosting.journal.live.live_runs) and current is not None and current.link.ending is None
        )

    def _changed_files(self, now: dict[str, str]) -> list[str]:
        return self._named([file for file, digest in self._hosting.files.items() if now[file] != digest])

    def _named(self, files: list[str]) -> list[str]:
        """Relative to the flow's directory where they lie in it."""
        base = self._hosting.flow.path.absolute().parent
        return [
            str(p.relative_to(base)) if (p := Path(file)).is_relative_to(base) else file for file in files
        ]


def _again(restarts: list[str]) -> str:
    return f"; {', '.join(restarts)} start again from their first line" if restarts else ""
