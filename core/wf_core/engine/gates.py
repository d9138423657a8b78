"""Asks the instrument of a run at the four gates, and tells it the rest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wf_core.engine import results
from wf_core.engine.instrument import (
    Drop,
    Duplicate,
    Emission,
    Hold,
    Instrument,
    Outcome,
    Raised,
    Replace,
    Returned,
    Verdict,
)
from wf_core.errors import WorkflowRuntimeError
from wf_core.events import Event

if TYPE_CHECKING:
    from wf_core.engine.runner import Run
    from wf_core.engine.state import Pending, Work

logger = logging.getLogger("wf_core")


class Gates:
    """The instrument of one run. One that raises is asked no more, and all it held goes on."""

    def __init__(self, run: Run, instrument: Instrument) -> None:
        self._run = run
        self._instrument = instrument
        self._held: set[asyncio.Future[Verdict]] = set()
        self.parked_publications = 0

    def tell(self, point: str, *facts: Any) -> None:
        """Call one of the methods that only listen."""
        self._ask(point, *facts)

    def _ask(self, point: str, *facts: Any) -> Verdict:
        if self._run.gates is not self:
            return None
        try:
            verdict: Verdict = getattr(self._instrument, point)(self._run, *facts)
        except Exception:
            logger.exception(
                "The instrument failed at %s and is detached from run %s", point, self._run.run_id
            )
            self._detach()
            return None
        return verdict

    def _detach(self) -> None:
        self._run.gates = None
        for future in list(self._held):
            if not future.done():
                future.set_result(None)

    def release(self) -> None:
        """The run is over: whatever was held in it is let go."""
        for future in list(self._held):
            future.cancel()

    # -- emitting --------------------------------------------------------------------------------------------
    def emitting(self, pending: Pending) -> None:
        """Ask about an event, then route it, drop it or park it."""
        self._decide_emission(pending, self._ask("emitting", _emission(pending)))

    def _decide_emission(self, pending: Pending, verdict: Verdict) -> None:
        if isinstance(verdict, Hold):
            self._park(verdict, lambda next_: self._decide_emission(pending, next_))
        elif self._run.over:
            return
        elif isinstance(verdict, Drop):
            self._run.drop(pending)
        else:
            if isinstance(verdict, Replace):
                self._run.broker.replace_event(pending, verdict.value)
            twin = self._run.again(pending) if isinstance(verdict, Duplicate) else None
            self._run.proceed(pending)
            if twin is not None and not self._run.over:
                self._run.proceed(twin)

    def routing(self, pending: Pending) -> None:
        """Tell who takes an event."""
        takers = self._run.accepts(pending.event, pending.target)
        self._ask("routed", _emission(pending), *takers)

    # -- starting --------------------------------------------------------------------------------------------
    async def admitted(self, work: Work) -> Drop | Raised | None:
        """Whether the work is not to run, or to fail instead; waits for as long as it is held."""
        verdict = await self._resolved(self._ask("starting", work))
        if isinstance(verdict, Drop):
            return verdict
        if isinstance(verdict, Replace):
            value = verdict.value
            if isinstance(value, Raised):
                return value
            self._run.broker.replace_input(work, [value] if isinstance(value, Event) else list(value))
        if isinstance(verdict, Duplicate):
            self._run.perform(self._run.broker.repeat(work))
        return None

    async def _resolved(self, verdict: Verdict) -> Verdict:
        while isinstance(verdict, Hold):
            until = verdict.until
            self._held.add(until)
            try:
                verdict = await until
            finally:
                self._held.discard(until)
        return verdict

    # -- ended -----------------------------------------------------------------------------------------------
    async def ended(
        self, work: Work, value: Any, error: BaseException | None, emitted: results.Emitted
    ) -> tuple[Any, BaseException | None, results.Emitted]:
        """How the body is taken to have ended."""
        outcome: Outcome = Returned(value) if error is None else Raised(error)
        verdict = await self._resolved(self._ask("ended", work, outcome))
        if isinstance(verdict, Drop):
            return None, None, results.NOTHING
        if isinstance(verdict, Duplicate):
            return value, error, (emitted[0] * 2, emitted[1])
        if not isinstance(verdict, Replace):
            return value, error, emitted
        if isinstance(verdict.value, Raised):
            return None, verdict.value.error, results.NOTHING
        replaced = verdict.value.value if isinstance(verdict.value, Returned) else verdict.value
        try:
            return replaced, None, results.emitted_by(work.plan, replaced)
        except WorkflowRuntimeError as wrong:
            return None, wrong, results.NOTHING

    def returned(self, work: Work, value: Any) -> None:
        """Tell that a return value was accepted."""
        self._ask("finished", work, Returned(value), None)

    def failed(self, work: Work, error: BaseException, delay: float | None) -> None:
        """Tell that an error was accepted."""
        self._ask("finished", work, Raised(error), delay)

    # -- publishing ------------------------------------------------------------------------------------------
    def publishing(self, event: Event, source: int | None) -> None:
        """Ask about an event for the caller's stream, then put it there, or not."""
        self._decide_publication(event, source, self._ask("publishing", event, source))

    def _decide_publication(self, event: Event, source: int | None, verdict: Verdict) -> None:
        if isinstance(verdict, Hold):
            self.parked_publications += 1
            verdict.until.add_done_callback(lambda future: self._unpark(event, source, future))
            return
        if isinstance(verdict, Drop):
            return
        if isinstance(verdict, Replace):
            event = verdict.value
        for _ in range(2 if isinstance(verdict, Duplicate) else 1):
            self._run.stream.put(event)
            self._ask("published", event, source)

    def _unpark(self, event: Event, source: int | None, future: asyncio.Future[Verdict]) -> None:
        self.parked_publications -= 1
        verdict = None if future.cancelled() else future.result()
        self._decide_publication(event, source, verdict)
        if self._run.over and self._run.result.done() and not self.parked_publications:
            self._run.stream.close()

    # -- holding ---------------------------------------------------------------------------------------------
    def _park(self, hold: Hold, then: Callable[[Verdict], None]) -> None:
        self._held.add(hold.until)

        def decided(future: asyncio.Future[Verdict]) -> None:
            self._held.discard(future)
            if not future.cancelled():
                then(future.result())
                self._run.go_on()

        hold.until.add_done_callback(decided)


def _emission(pending: Pending) -> Emission:
    return Emission(pending.id, pending.event, pending.how, pending.source, pending.target)
