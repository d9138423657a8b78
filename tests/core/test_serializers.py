"""Values as text and back, and what happens to values and classes that can't make the trip."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationInfo, model_validator
from workflows.context.serializers import JsonSerializer as ReferenceSerializer

from wf_core.events import Event, StopEvent
from wf_core.serializers import (
    BaseSerializer,
    JsonPickleSerializer,
    JsonSerializer,
    PickleSerializer,
    active_serializer,
)


class Point(BaseModel):
    x: int = 0

    class Label(BaseModel):
        text: str = ""


class Note(Event):
    text: str


class Component:
    """In the manner of LlamaIndex's components."""

    def __init__(self, size: int) -> None:
        self.size = size

    @classmethod
    def class_name(cls) -> str:
        return "component"

    def to_dict(self) -> dict[str, Any]:
        return {"size": self.size}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Component:
        return cls(**data)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
models = st.integers().map(lambda x: Point(x=x)) | st.text().map(lambda t: Note(text=t, extra=[t]))
mixed = st.recursive(
    plain | models, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(mixed)
def test_what_goes_in_comes_out_and_the_text_is_that_of_the_reference(value: Any):
    text = JsonSerializer().serialize(value)
    assert JsonSerializer().deserialize(text) == value
    assert text == ReferenceSerializer().serialize(value)
    assert ReferenceSerializer().deserialize(text) == value


def test_components_come_back():
    [back] = JsonSerializer().deserialize(JsonSerializer().serialize([Component(3)]))
    assert isinstance(back, Component)
    assert back.size == 3


def test_a_nested_class_comes_back_and_a_stop_event_keeps_its_result():
    value = {"label": Point.Label(text="a"), "stop": StopEvent(result={"n": 1})}
    back = JsonSerializer().deserialize(JsonSerializer().serialize(value))
    assert back["label"] == Point.Label(text="a")
    assert back["stop"].result == {"n": 1}


def test_the_error_names_the_part_that_has_no_json_form():
    with pytest.raises(ValueError, match=r"the value\['jobs'\]\[1\]\['lock'\] of type lock has no JSON form"):
        JsonSerializer().serialize({"ok": 1, "jobs": [{}, {"lock": threading.Lock()}]})
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(ValueError, match="contains itself"):
        JsonSerializer().serialize({"ring": ring})


def local_class() -> type[BaseModel]:
    class Local(BaseModel):
        n: int = 1

    return Local


def test_a_local_class_comes_back_only_if_it_is_listed():
    local = local_class()
    text = JsonSerializer().serialize(local(n=2))
    assert JsonSerializer(allowed_types=[local]).deserialize(text) == local(n=2)
    with pytest.raises(AttributeError, match=r"Local .*made inside a function.*allowed_types"):
        JsonSerializer().deserialize(text)


def test_only_allowed_classes_are_built():
    text = JsonSerializer().serialize(Point(x=1))
    name = f"{__name__}.Point"
    with pytest.raises(ValueError, match=f"Class {name} is not in the serializer's allowed types"):
        JsonSerializer(allowed_types=[]).deserialize(text)
    for allowed in (JsonSerializer(allowed_types=[Point]), JsonSerializer(allowed_types=[name])):
        assert allowed.deserialize(text) == Point(x=1)
    assert JsonSerializer(allowed_types=[]).with_types(Point).deserialize(text) == Point(x=1)


def test_the_engines_own_events_are_always_allowed():
    text = JsonSerializer().serialize(StopEvent(result=1))
    assert JsonSerializer(allowed_types=[]).deserialize(text).result == 1


def test_without_a_list_of_classes_there_is_nothing_to_add_to():
    anything = JsonSerializer()
    assert anything.with_types(Point) is anything


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="Two classes claim the serialized name"):
        JsonSerializer(allowed_types=[local_class(), local_class()])


@pytest.mark.parametrize("entry", [list[int], 3, Any])
def test_an_allowed_type_is_a_class_or_a_name(entry: Any):
    with pytest.raises(TypeError, match="concrete classes or legacy names"):
        JsonSerializer(allowed_types=[entry])


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("Point", ValueError, "not a qualified class name"),
        ("no_such_package.deep.Class", ImportError, "Failed to import module no_such_package"),
        (
            "json.NoSuchClass",
            AttributeError,
            "Attribute NoSuchClass not found in module json, for class json.NoSuchClass",
        ),
        ("json.dumps", ValueError, "json.dumps is not a class"),
    ],
)
def test_a_name_that_leads_to_no_class_is_explained(name: str, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        JsonSerializer().resolve_class(name)


def test_validators_of_nested_values_can_ask_for_the_serializer_in_use():
    seen: list[BaseSerializer | None] = []

    class Watching(BaseModel):
        @model_validator(mode="before")
        @classmethod
        def look(cls, data: Any, info: ValidationInfo) -> Any:
            seen.append(active_serializer())
            return data

    serializer = JsonSerializer(allowed_types=[Watching])
    serializer.deserialize(serializer.serialize([Watching()]))
    assert seen == [None, serializer]
    assert active_serializer() is None


class Opaque:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque)

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("value", [1, "text", {"a": [Point(x=1)]}, Opaque(), [Opaque()]])
def test_pickle_takes_over_where_json_ends(value: Any):
    serializer = PickleSerializer()
    assert serializer.deserialize(serializer.serialize(value)) == value
    assert JsonPickleSerializer is PickleSerializer
