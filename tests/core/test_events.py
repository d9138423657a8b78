"""Events: declared fields are validated, whatever else is given is kept, and both survive copies and JSON."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import workflows.events as reference
from pydantic import Field, PrivateAttr, ValidationError

from wf_core import events
from wf_core.serializers import JsonSerializer


class A(events.Event):
    n: int


class Private(A):
    _secret: int = PrivateAttr(default=5)
    _unset: int = PrivateAttr()


class Hooked(A):
    seen: list[int] = Field(default_factory=list)

    def model_post_init(self, context: Any) -> None:
        self.seen.append(self.n)


class HookedChild(Hooked):
    _more: str = PrivateAttr(default="more")


class Total(events.StopEvent):
    total: int


def test_declared_fields_are_validated_and_others_kept() -> None:
    event = A(n="3", extra=[1], n2=None)
    assert (event.n, event.extra, event["extra"], event.get("none", 7)) == (3, [1], [1], 7)
    assert ("extra" in event, "n" in event, len(event), list(event)) == (True, False, 2, ["extra", "n2"])
    event.late = 1
    event["later"] = 2
    event.n = 4
    assert event.to_dict() == {"extra": [1], "n2": None, "late": 1, "later": 2}
    assert (list(event.keys())[-1], list(event.values())[-1], dict(event.items())["late"]) == ("later", 2, 1)
    assert bool(events.Event())
    with pytest.raises(ValidationError):
        A()
    with pytest.raises(AttributeError, match="'A' object has no attribute 'nothing'"):
        event.nothing  # noqa: B018


@pytest.mark.parametrize(
    "event",
    [
        A(n=1),
        A(n=1, x=[2]),
        Private(n=1, x=1, _secret=9),
        Hooked(n=2),
        HookedChild(n=2, x=1),
        Total(total=3),
        events.StopEvent(result={"a": 1}),
        events.StopEvent(result=1, x=2),
        events.StepFailedEvent(
            step_name="s",
            input_event=A(n=1, x=2),
            exception=ValueError("bad"),
            attempts=1,
            elapsed_seconds=0.5,
            failed_at="2026-01-01T00:00:00Z",
        ),
    ],
    ids=repr,
)
def test_events_survive_copy_pickle_and_json(event: events.Event) -> None:
    serializer = JsonSerializer()
    again = serializer.deserialize(serializer.serialize(event))
    for twin in (copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert type(twin) is type(event)
        assert twin.model_dump() == event.model_dump()
    assert type(again) is type(event)
    assert again.model_dump() == event.model_dump() or type(event) is Hooked or type(event) is HookedChild
    assert event.model_copy() == event


def test_private_attributes_and_hooks_of_subclasses_work() -> None:
    assert (Private(n=1)._secret, Private(n=1, _secret=7)._secret, Private(n=1, x=2).x) == (5, 7, 2)
    assert Private(n=1, _unset=3)._unset == 3
    assert Hooked(n=2).seen == [2]
    child = HookedChild(n=3, x=1)
    assert (child.seen, child._more, child.x) == ([3], "more", 1)


def test_the_data_of_two_events_is_apart() -> None:
    one, two = A(n=1), A(n=1)
    one.x = 1
    assert "x" not in two
    assert one != two


def test_stop_events_carry_a_result() -> None:
    assert events.StopEvent("x").result == "x"
    assert str(events.StopEvent(result=[1])) == "[1]"
    assert repr(events.StopEvent(result=1, x=2)) == "StopEvent(x=2, result=1)"
    assert events.StopEvent(result=1) != events.StopEvent(result=2)

    with pytest.warns(UserWarning, match="shadows an attribute"):

        class Declared(events.StopEvent):
            result: int  # type: ignore[assignment]

    assert Declared(result=3).result == 3


def test_an_exception_that_cannot_come_back_leaves_its_message() -> None:
    class Local(Exception):
        pass

    event = events.WorkflowFailedEvent(step_name="s", exception=Local("gone"))
    again = JsonSerializer().deserialize(JsonSerializer().serialize(event))
    assert isinstance(again.exception, events.UnreconstructedException)
    assert str(again.exception) == "gone"
    assert again.exception.original_type.endswith("Local")


def test_every_event_class_of_the_reference_is_there() -> None:
    ours = {name for name in vars(reference) if isinstance(getattr(reference, name), type)}
    theirs = {n for n in ours if issubclass(getattr(reference, n), reference.Event)}
    assert {n for n in theirs if not hasattr(events, n)} == set()
