"""Which questions a person still owes an answer to, folded from records.

A question is an event of role `input_required` that was published, or a step that waits for an event of role
`human_response`; a step that does both asks once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from wf_debug.graph import HUMAN, EventRole, FlowGraph
from wf_debug.trace import records as r

_TEXT_FIELDS = ("prefix", "question", "prompt", "message", "text", "msg")
_NAMED_ROLES: dict[str, EventRole] = {
    "InputRequiredEvent": "input_required",
    "HumanResponseEvent": "human_response",
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One open question. The answer is an event of `answer_type`; `requirements` are field values that it
    must have."""

    id: int
    run: str
    text: str
    answer_type: str
    invocation: int | None = None
    step: str | None = None
    requirements: dict[str, Any] = field(default_factory=dict)
    asked: r.Payload | None = None
    waiting: bool = False
    """Whether the invocation stands still until the answer comes."""
    early: bool = False
    """Whether nobody takes the answer yet: the step that asks has still to begin waiting."""


def question_text(asked: r.Payload) -> str:
    """What to show a person: the event's field that holds the question, else its preview."""
    if isinstance(asked.data, dict):
        texts = {
            name: value for name, value in asked.data.items() if isinstance(value, str) and value.strip()
        }
        for name in (*_TEXT_FIELDS, *texts):
            if name in texts:
                return str(texts[name])
    return asked.preview


class Prompts:
    """The open questions of all runs, oldest first."""

    def __init__(self, graph: FlowGraph | None) -> None:
        self.graph = graph
        self._open: dict[int, Prompt] = {}
        self._next = 1
        self._of_waits: set[tuple[str, int | None]] = set()
        """Events that steps ask with as they begin to wait: run and number."""
        self._answers: dict[tuple[str, int | None], dict[str, r.Payload | None]] = {}
        """Questions that an invocation got its answer to, by text, with what it asked again since."""

    def open(self) -> list[Prompt]:
        return list(self._open.values())

    def apply(self, record: r.Record) -> bool:
        """Take the next record; whether the open questions changed."""
        before = len(self._open), self._next
        if (fold := _FOLDS.get(type(record))) is None:
            return False
        changed = fold(self, record)
        return bool(changed) or before != (len(self._open), self._next)

    def _role(self, name: str) -> EventRole:
        known = self.graph.event(name) if self.graph else None
        if known is not None:
            return known.role
        return _NAMED_ROLES.get(name, "event")

    def _ask(self, prompt: Prompt) -> None:
        self._open[self._next] = replace(prompt, id=self._next)
        self._next += 1

    def _of(self, run: str, invocation: int | None) -> Prompt | None:
        asked = (p for p in self._open.values() if p.run == run and p.invocation == invocation)
        return next(asked, None) if invocation is not None else None

    def published(self, record: r.Published) -> bool:
        if self._role(record.type) != "input_required":
            return False
        waiting = self._of(record.run, record.invocation)
        if waiting is not None and waiting.waiting:
            text = question_text(record.payload)
            self._open[waiting.id] = replace(waiting, text=text, asked=record.payload)
            return True
        text, answer = question_text(record.payload), self._answer_type(record.step)
        answered = self._answers.get((record.run, record.invocation), {})
        if (
            record.event is None and text in answered
        ):  # the step runs again from its first line to where it waited
            answered[text] = record.payload
            return False
        goes_on = record.event is None and not (self.graph and self.graph.accepting(answer))
        early = goes_on or (record.run, record.event) in self._of_waits
        self._ask(
            Prompt(
                0,
                record.run,
                text,
                answer,
                record.invocation,
                record.step,
                asked=record.payload,
                early=early,
            )
        )
        return True

    def _answer_type(self, step: str | None) -> str:
        """The event type that answers a question of this step: what it waits for, else what a person may
        send."""
        graph = self.graph
        if graph is None:
            return "HumanResponseEvent"
        asking = graph.step(step) if step else None
        waited = asking.waits_for if asking else ()
        sent = [edge.event for edge in graph.edges if edge.source == HUMAN]
        answers = [event.name for event in graph.events if event.role == "human_response"]
        fitting = [name for name in waited if self._role(name) == "human_response"]
        return next(iter([*fitting, *waited, *sent, *answers]), "HumanResponseEvent")

    def waiting(self, record: r.InvocationWaiting) -> bool:
        asked = self._of(record.run, record.invocation)
        if asked is not None:
            self._open[asked.id] = replace(
                asked,
                answer_type=record.awaits,
                requirements=record.requirements,
                waiting=True,
                early=False,
            )
            return True
        if self._role(record.awaits) != "human_response":
            return False
        again = self._answers.get((record.run, record.invocation), {})
        asked_again = next((payload for payload in reversed(again.values()) if payload), None)
        text = f"{record.step} waits for {record.awaits}"
        self._ask(
            Prompt(
                0,
                record.run,
                question_text(asked_again) if asked_again else text,
                record.awaits,
                record.invocation,
                record.step,
                record.requirements,
                asked_again,
                waiting=True,
            )
        )
        return True

    def came_in(self, record: r.EventEmitted) -> None:
        """From outside: the oldest question of the run that it answers, and for which no step stands still,
        is closed."""
        if record.by == "prompt":
            self._of_waits.add((record.run, record.event))
        if record.invocation is not None:
            return
        names = self._with_bases(record.type)
        for prompt in self._open.values():
            if prompt.run == record.run and not prompt.waiting and prompt.answer_type in names:
                del self._open[prompt.id]
                return

    def _with_bases(self, name: str) -> tuple[str, ...]:
        known = self.graph.event(name) if self.graph else None
        return (name, *(known.bases if known else ()))

    def routed(self, record: r.EventRouted) -> None:
        for invocation in record.waiters:
            self._answered(record.run, invocation)

    def invocation_went_on(self, record: r.InRun) -> None:
        self._answered(record.run, record.invocation)

    def invocation_over(self, record: r.InRun) -> bool:
        self._answered(record.run, record.invocation)
        self._answers.pop((record.run, record.invocation), None)
        prompt = self._of(record.run, record.invocation)
        if prompt is None or not prompt.early:
            return False
        self._open[prompt.id] = replace(prompt, early=False)
        return True

    def _answered(self, run: str, invocation: int | None) -> None:
        prompt = self._of(run, invocation)
        if prompt is not None and prompt.waiting:
            del self._open[prompt.id]
            self._answers.setdefault((run, invocation), {})[prompt.text] = None

    def run_started(self, record: r.RunStarted) -> None:
        """One that is continued in another host still waits for its answers."""
        if not record.resumed:
            self.run_over(record)

    def run_over(self, record: r.Record) -> None:
        for prompt in [p for p in self._open.values() if p.run == record.run]:
            del self._open[prompt.id]
        for key in [key for key in self._answers if key[0] == record.run]:
            del self._answers[key]
        self._of_waits = {key for key in self._of_waits if key[0] != record.run}


_FOLDS: dict[type, Callable[[Prompts, Any], bool | None]] = {
    r.Published: Prompts.published,
    r.InvocationWaiting: Prompts.waiting,
    r.EventEmitted: Prompts.came_in,
    r.EventRouted: Prompts.routed,
    r.InvocationResumed: Prompts.invocation_went_on,
    r.InvocationFinished: Prompts.invocation_over,
    r.InvocationFailed: Prompts.invocation_over,
    r.InvocationCancelled: Prompts.invocation_over,
    r.RunStarted: Prompts.run_started,
    r.RunFinished: Prompts.run_over,
    r.RunFailed: Prompts.run_over,
    r.RunCancelled: Prompts.run_over,
    r.RunTimedOut: Prompts.run_over,
}
