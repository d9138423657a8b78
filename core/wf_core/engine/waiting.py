"""Bodies in `wait_for_event`: each is suspended on a future until its event comes or its time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wf_core.engine.commands import Resume
from wf_core.engine.state import Wait, Work
from wf_core.events import Event, StepState

if TYPE_CHECKING:
    from wf_core.engine.runner import Run


class Waiting:
    """The suspended bodies of a run."""

    __slots__ = ("_arrivals", "_run")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._arrivals: dict[int, asyncio.Future[Event | None]] = {}

    async def wait(
        self,
        work: Work,
        kind: type[Event],
        prompt: Event | None,
        waiter_id: str | None,
        requirements: Mapping[str, Any],
        timeout: float | None,
    ) -> Event:
        """Suspend the body until the event comes; what an earlier attempt was given comes at once.

        Raises TimeoutError after `timeout` seconds of run clock.
        """
        key = waiter_id or _key(work, kind, requirements)
        if work.answers is not None and key in work.answers:
            await asyncio.sleep(0)
            return _answer(work.answers[key], kind)
        run = self._run
        run.stream.note(work, StepState.NOT_RUNNING)
        wait, commands = run.broker.wait(work, key, kind, requirements, timeout)
        arrival = self._arrivals[wait.id] = run.loop.create_future()
        if work.limit is not None:
            work.limit.halt()
        self._prompt(work, key, prompt)
        if run.gates is not None:
            run.gates.tell("waiting", work, kind, requirements, timeout)
        self.arm(wait)
        run.perform(commands)
        try:
            return _answer(await arrival, kind)
        finally:
            self._leave(wait)

    def arm(self, wait: Wait) -> None:
        """Let the wait time out."""
        if wait.timeout is not None:
            run = self._run
            wait.deadline = run.timers.set("wait", wait.id, wait.timeout, lambda: self._time_out(wait))

    def _time_out(self, wait: Wait) -> None:
        broker = self._run.broker
        if wait.id in broker.waits:
            self._run.perform(broker.wait_timed_out(wait))

    def resume(self, command: Resume) -> None:
        """Give the body its answer."""
        run, wait = self._run, command.wait
        run.stream.note(wait.work, StepState.RUNNING)
        if run.gates is not None:
            run.gates.tell("resumed", wait.work, wait.emission)
        arrival = self._arrivals.get(wait.id)
        if arrival is not None and not arrival.done():
            arrival.set_result(command.answer)

    def _prompt(self, work: Work, key: str, prompt: Event | None) -> None:
        broker = self._run.broker
        if prompt is not None and not broker.asked(work, key):
            self._run.admit(broker.announce(prompt, "prompt", work.id))

    def _leave(self, wait: Wait) -> None:
        run = self._run
        self._arrivals.pop(wait.id, None)
        run.timers.clear("wait", wait.id)
        if wait.work.limit is not None:
            wait.work.limit.go_on()
        if not run.over and wait.id in run.broker.waits:
            # The step itself gave up waiting: a cancelled inner task, a timeout of its own.
            run.perform(run.broker.unwait(wait))


def _key(work: Work, kind: type[Event], requirements: Mapping[str, Any]) -> str:
    work.waited += 1
    return f"{kind.__module__}.{kind.__qualname__} {dict(requirements)!r} {work.waited}"


def _answer(event: Event | None, kind: type[Event]) -> Event:
    if event is None:
        raise TimeoutError(f"Timed out waiting for {kind.__name__}")
    return event
