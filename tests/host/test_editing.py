"""An edited payload keeps the objects that the person did not touch, however deep they lie."""

from __future__ import annotations

import abc
from typing import Any

import pytest
from pydantic import BaseModel, Field
from pydantic_core import from_json

from wf_core.events import Event
from wf_debug.backends.building import build, merged
from wf_debug.control.payload import encode_json


class Node(BaseModel, abc.ABC):
    """As frameworks have them: the field says the base, the value is a subclass."""

    name: str

    @abc.abstractmethod
    def text(self) -> str: ...


class TextNode(Node):
    words: str = Field(default="", alias="extra_words")

    def text(self) -> str:
        return self.words


class Found(Event):
    nodes: list[Any]
    best: Node | None = None
    handle: object = None


def node(name: str) -> TextNode:
    return TextNode(name=name, extra_words=f"words of {name}")


def edited(event: Found, change: Any) -> Found:
    data = from_json(encode_json(vars(event)))
    change(data)
    return build(Found, merged(vars(event), data))


def test_an_untouched_neighbour_is_the_very_object() -> None:
    event = Found(nodes=[node("a")], best=node("b"), handle=object())
    after = edited(event, lambda data: data["nodes"][0].update(name="z"))
    assert after.best is event.best
    assert after.handle is event.handle
    assert after.nodes == [TextNode(name="z", extra_words="words of a")]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_an_item_taken_out_leaves_the_others_as_they_are(gone: int) -> None:
    event = Found(nodes=[node("a"), node("b"), node("c")])
    after = edited(event, lambda data: data["nodes"].pop(gone))
    assert [id(n) for n in after.nodes] == [id(n) for i, n in enumerate(event.nodes) if i != gone]


def test_an_item_changed_beside_one_taken_out_keeps_its_class() -> None:
    event = Found(nodes=[node("a"), node("b"), node("c")])

    def change(data: dict[str, Any]) -> None:
        del data["nodes"][1]
        data["nodes"][0]["extra_words"] = "other words"

    after = edited(event, change)
    assert after.nodes[0] == TextNode(name="a", extra_words="other words")
    assert after.nodes[1] is event.nodes[2]


def test_a_value_of_an_abstract_class_can_be_edited() -> None:
    after = edited(Found(nodes=[], best=node("a")), lambda data: data["best"].update(extra_words="new"))
    assert after.best is not None
    assert after.best.text() == "new"
