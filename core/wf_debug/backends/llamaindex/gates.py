"""Asking the controller at the gates, and waiting for its answer on the run's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from workflows.events import Event

from wf_debug.backends.llamaindex.events import type_of
from wf_debug.backends.llamaindex.run import Emission, LiveRun, Work, state_of
from wf_debug.control.debugger import Debugger
from wf_debug.control.matching import Scene
from wf_debug.control.visit import Decision, Visit
from wf_debug.trace.records import When

GO_ON = Decision("accept")


class Gates:
    """Each gate gives the decision, at once where nothing is of interest."""

    def __init__(self, debugger: Debugger) -> None:
        self._controller, self._encode = debugger.controller, debugger.payloads.encode

    async def emitting(self, run: LiveRun, emission: Emission) -> Decision:
        """An event was emitted and is about to be routed."""
        source = emission.source
        step = source.step if source else None
        if not self._controller.watches(run.run_id, "emit", step, (type(emission.event),)):
            return GO_ON
        return await self._ask(self._of_event(run, "emit", emission.event, source, emission))

    async def delivering(self, run: LiveRun, work: Work, inputs: Sequence[Event]) -> Decision:
        """A step is about to start."""
        classes = tuple(map(type, inputs))
        if not self._controller.watches(run.run_id, "deliver", work.step, classes):
            return GO_ON
        whole = inputs[0] if len(inputs) == 1 else list(inputs)
        scene = Scene(inputs[0] if inputs else None, work.step, work.attempt, state_of(run))
        return await self._ask(self._of_work(run, "deliver", work, whole, classes, scene))

    async def answering(self, run: LiveRun, work: Work, number: int | None, event: Event) -> Decision:
        """A waiting step is about to get the event that it awaits."""
        if not self._controller.watches(run.run_id, "deliver", work.step, (type(event),)):
            return GO_ON
        emission = None if number is None else Emission(number, event, "external")
        return await self._ask(self._of_event(run, "deliver", event, work, emission))

    async def ending(
        self, run: LiveRun, work: Work, inputs: Sequence[Event], value: Any, error: BaseException | None
    ) -> Decision:
        """A step returned or raised, and nobody has acted on it yet."""
        came_out = [error] if error is not None else value if isinstance(value, list) else [value]
        classes = tuple(dict.fromkeys(type(x) for x in (*inputs, *came_out) if x is not None))
        if not self._controller.watches(run.run_id, "after", work.step, classes):
            return GO_ON
        shown = value if error is None else error
        first = inputs[0] if inputs else None
        scene = Scene(first, work.step, work.attempt, state_of(run), shown, value, error)
        return await self._ask(self._of_work(run, "after", work, shown, classes, scene))

    def watches_publishing(self, run: LiveRun, event: Event, work: Work | None) -> bool:
        step = work.step if work else None
        return self._controller.watches(run.run_id, "publish", step, (type(event),))

    async def publishing(self, run: LiveRun, event: Event, work: Work | None) -> Decision:
        """An event is about to be published."""
        return await self._ask(self._of_event(run, "publish", event, work, run.emission_of(event)))

    # -- inside
    async def _ask(self, visit: Visit) -> Decision:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Decision] = loop.create_future()
        visit.decide = _resolver(answer, loop)
        match self._controller.visit(visit):
            case None:
                return GO_ON
            case Decision() as decided:
                return decided
            case _:
                return await answer

    def _of_event(
        self, run: LiveRun, when: When, event: Event, work: Work | None, emission: Emission | None
    ) -> Visit:
        step, attempt = (work.step, work.attempt) if work else (None, 0)
        return Visit(
            run=run.run_id,
            when=when,
            type=type(event).__name__,
            classes=(type(event),),
            scene=Scene(event, step, attempt, state_of(run)),
            payload=lambda: self._encode(event),
            decide=_undecided,
            value=event,
            step=step,
            invocation=work.id if work else None,
            attempt=attempt,
            events=(emission.number,) if emission else (),
            source=work.id if work and when == "emit" else None,
        )

    def _of_work(
        self, run: LiveRun, when: When, work: Work, whole: Any, classes: tuple[type, ...], scene: Scene
    ) -> Visit:
        return Visit(
            run=run.run_id,
            when=when,
            type=type_of(whole),
            classes=classes,
            scene=scene,
            payload=lambda: self._encode(whole, type_of(whole)),
            decide=_undecided,
            value=whole if isinstance(whole, Event) else None,
            step=work.step,
            invocation=work.id,
            attempt=work.attempt,
            events=work.events,
            can_raise=True,
        )


def _resolver(
    answer: asyncio.Future[Decision], loop: asyncio.AbstractEventLoop
) -> Callable[[Decision], None]:
    def resolve(decision: Decision) -> None:
        if not answer.done():
            answer.set_result(decision)

    def decide(decision: Decision) -> None:
        try:
            loop.call_soon_threadsafe(resolve, decision)
        except RuntimeError:
            return  # the loop is closed, and everything on it gone

    return decide


def _undecided(decision: Decision) -> None:
    """Stands until the gate has something to tell."""
