"""What of a snapshot can go on with the code as it is now, and what would be lost."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from workflows.context.serializers import BaseSerializer

from wf_debug.backends.carrying import class_name, unreadable
from wf_debug.backends.llamaindex.graph import steps_of
from wf_debug.wire import FieldError


def carry_over(
    flow: Any, snapshot: Mapping[str, Any], serializer: BaseSerializer
) -> tuple[dict[str, Any], list[FieldError]]:
    """The snapshot without what the workflow can't take any more, and one entry for everything left out."""
    data = copy.deepcopy(dict(snapshot))
    parts = _Parts(flow, serializer)
    context = data["context"]
    for step, worker in context["workers"].items():
        for place, what in _PLACES:
            kept = [p for p in worker.get(place, ()) if parts.keeps(step, p, what, context)]
            worker[place] = kept
        worker["collected_events"] = {
            buffer: kept
            for buffer, texts in worker.get("collected_events", {}).items()
            if (kept := [t for t in texts if parts.keeps(step, t, "was collected for it", context)])
        }
    context["workers"] = {s: w for s, w in context["workers"].items() if s in parts.steps}
    data["pending"] = [p for p in data["pending"] if parts.keeps_pending(p)]
    readable = parts.is_readable
    data["works"] = [w for w in data["works"] if w["step"] in parts.steps and all(map(readable, w["inputs"]))]
    data["gathered"] = [g for g in data["gathered"] if readable(g["event"])]
    return data, parts.lost


_PLACES = (
    ("queue", "was queued for it"),
    ("in_progress", "was queued for it"),
    ("static_collect_events", "waited there for its partners"),
    ("collected_waiters", "waited there for another event"),
)


class _Parts:
    """Checks single parts of a snapshot against a workflow and collects what is wrong with them."""

    def __init__(self, flow: Any, serializer: BaseSerializer) -> None:
        self.steps = steps_of(type(flow))
        self._read: Callable[[str], Any] = serializer.deserialize
        self.lost: list[FieldError] = []

    def is_readable(self, text: str) -> bool:
        return unreadable(text, self._read) is None

    def keeps(self, step: str, part: Any, what: str, context: Mapping[str, Any]) -> bool:
        """Whether a work item can go on."""
        texts = _texts(part)
        reason = self._wrong(step, texts, what)
        if reason is None:
            return True
        self.lost.append(FieldError(field=step, message=reason))
        if isinstance(part, Mapping) and part.get("scope_path"):
            stream = context.get("streams", {}).get(part["scope_path"][-1])
            if stream is not None:
                stream["open_work_items"] -= 1
        return False

    def _wrong(self, step: str, texts: list[str], what: str) -> str | None:
        names = ", ".join(map(class_name, texts))
        if step not in self.steps:
            return f"the step is gone, and {names} {what}"
        reason = next((r for t in texts if (r := unreadable(t, self._read))), None)
        if reason is None and not all(self.steps[step].takes(self._read(t)) for t in texts):
            return f"the step no longer takes {names}"
        return reason

    def keeps_pending(self, part: Mapping[str, Any]) -> bool:
        name = class_name(part["event"])
        target = part["target"]
        gone = target is not None and target not in self.steps
        reason = f"the step is gone, and {name} was on its way to it" if gone else None
        reason = reason or unreadable(part["event"], self._read)
        if reason is not None:
            self.lost.append(FieldError(field=target or name, message=reason))
        return reason is None


def _texts(part: Any) -> list[str]:
    """The serialized events of a work item: the step's inputs."""
    if isinstance(part, str):
        return [part]
    if batch := part.get("collection_release_payload"):
        return list(batch["events"])
    return list((part.get("bound_events") or {"": part["event"]}).values())
