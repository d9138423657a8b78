"""What of a snapshot can go on with the code as it is now, and what would be lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wf_core import Workflow
from wf_core.serializers import JsonSerializer, import_class
from wf_debug.backends.carrying import class_name, unreadable
from wf_debug.wire import FieldError

Part = Mapping[str, Any]


def carry_over(flow: Workflow, context: Part) -> tuple[dict[str, Any], list[FieldError]]:
    """The snapshot without what the workflow can't take any more, and one entry for everything left out."""
    parts = _Parts(flow)
    broker = dict(context.get("broker") or {})
    if not broker:
        return dict(context), []
    broker["works"] = parts.kept(broker["works"], parts.wrong_with_work)
    broker["pending"] = parts.kept(broker["pending"], parts.wrong_with_pending)
    broker["waits"] = parts.kept(broker["waits"], parts.wrong_with_wait)
    broker["buffers"] = {
        step: buffers for step, buffers in broker["buffers"].items() if parts.keeps_gathered(step, buffers)
    }
    broker["slots"] = {
        step: kept
        for step, pending in broker["slots"].items()
        if parts.keeps_step(step, "events waiting for partners")
        and (kept := parts.kept(pending, parts.wrong_with_pending))
    }
    broker["streams"] = [_without_lost(stream, parts) for stream in broker["streams"]]
    return {**context, "broker": broker}, parts.lost


def waiting_steps(context: Part) -> dict[int, str]:
    """The steps of a snapshot that wait for an event, by invocation."""
    broker = context.get("broker") or {"works": (), "waits": ()}
    steps = {work["id"]: work["step"] for work in broker["works"]}
    return {wait["work"]: steps[wait["work"]] for wait in broker["waits"] if wait["work"] in steps}


def _without_lost(stream: Part, parts: _Parts) -> dict[str, Any]:
    joins = {n: j for n, j in stream["joins"].items() if parts.keeps_gathered(n, {"": j["events"]})}
    return {**stream, "joins": joins}


class _Parts:
    """Checks single parts of a snapshot against a workflow and collects what is wrong with them."""

    def __init__(self, flow: Workflow) -> None:
        self._plan = flow._plan()
        self._serializer = flow._default_serializer()
        self.lost: list[FieldError] = []

    def kept(self, parts: list[Part], wrong: Callable[[Part], tuple[str, str] | None]) -> list[Part]:
        kept = []
        for part in parts:
            if (found := wrong(part)) is None:
                kept.append(part)
            else:
                self.lost.append(FieldError(field=found[0], message=found[1]))
        return kept

    def wrong_with_work(self, work: Part) -> tuple[str, str] | None:
        """The place and the reason, None if it can go on."""
        step = work["step"]
        names = ", ".join(map(class_name, work["events"]))
        if step not in self._plan.steps:
            return step, f"the step is gone, and {names} was queued for it"
        texts = [*work["events"], *(t for t in work["answers"].values() if t is not None)]
        reason = next((r for t in texts if (r := self._unreadable(t))), None)
        if reason is None and not all(self._takes(step, text) for text in work["events"]):
            reason = f"the step no longer takes {names}"
        return (step, reason) if reason else None

    def wrong_with_pending(self, pending: Part) -> tuple[str, str] | None:
        name = class_name(pending["event"])
        if pending["target"] is not None and pending["target"] not in self._plan.steps:
            return pending["target"], f"the step is gone, and {name} was on its way to it"
        reason = self._unreadable(pending["event"])
        return (name, reason) if reason else None

    def wrong_with_wait(self, wait: Part) -> tuple[str, str] | None:
        try:
            self._resolve(wait["kind"])
        except Exception:
            name = wait["kind"].rpartition(".")[2]
            return name, f"the event class {name} is gone, and a step was waiting for it"
        return None

    def keeps_gathered(self, step: str, buffers: Mapping[str, list[str]]) -> bool:
        texts = [text for texts in buffers.values() for text in texts]
        if not self.keeps_step(step, f"{len(texts)} collected events") or not texts:
            return step in self._plan.steps
        reason = next((r for t in texts if (r := self._unreadable(t))), None)
        if reason:
            self.lost.append(FieldError(field=step, message=f"collected events: {reason}"))
        return reason is None

    def keeps_step(self, step: str, what: str) -> bool:
        if step in self._plan.steps:
            return True
        self.lost.append(FieldError(field=step, message=f"the step is gone, and with it {what}"))
        return False

    def _takes(self, step: str, text: str) -> bool:
        return self._plan.steps[step].takes(type(self._serializer.deserialize(text)))

    def _unreadable(self, text: str) -> str | None:
        return unreadable(text, self._serializer.deserialize)

    def _resolve(self, name: str) -> type:
        if isinstance(self._serializer, JsonSerializer):
            return self._serializer.resolve_class(name)
        return import_class(name)
