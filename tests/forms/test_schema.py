"""Event schemas as pydantic writes them, read as fields that a person can fill in."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt, Le
from pydantic import BaseModel, ConfigDict, Field

from wf_tui.forms.schema import UNSET, FieldSpec, fields_of, takes_extra_fields


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    city: str
    zip: int | None = None


class Everything(BaseModel):
    query: str = Field(description="What to   look for,\nin plain words")
    top_k: int = Field(default=3, ge=1, le=50)
    score: Annotated[float, Gt(0), Le(1)] = 0.5
    strict: bool = False
    maybe: bool | None = None
    colour: Colour = Colour.RED
    mode: Literal["fast", "slow", 3] = "fast"
    only: Literal["one"] = "one"
    day: date | None = None
    at: datetime
    tags: list[str] = Field(default_factory=list)
    unique: set[int] = Field(default_factory=set)
    where: Place | None = None
    by_name: dict[str, float] = Field(default_factory=dict)
    either: int | str = 1
    numbers: list[int] | None = None
    anything: Any = None


@pytest.fixture(scope="module")
def specs() -> dict[str, FieldSpec]:
    return {s.name: s for s in fields_of(Everything.model_json_schema())}


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("query", "text", "text"),
        ("top_k", "integer", "whole number from 1 to 50"),
        ("score", "number", "number above 0 and at most 1"),
        ("strict", "boolean", "true or false"),
        ("maybe", "choice", "true or false or null"),
        ("colour", "choice", "one of red, blue"),
        ("mode", "choice", "one of fast, slow, 3"),
        ("only", "choice", "always one"),
        ("day", "text", "date or null"),
        ("at", "text", "date and time"),
        ("tags", "json", "list of text"),
        ("unique", "json", "set of whole number"),
        ("where", "json", "Place {city, zip} or null"),
        ("by_name", "json", "map of number"),
        ("either", "json", "whole number or text"),
        ("anything", "json", "anything"),
    ],
)
def test_each_type_has_a_kind_and_plain_words(
    specs: dict[str, FieldSpec], name: str, kind: str, words: str
) -> None:
    assert (specs[name].kind, specs[name].words) == (kind, words)


def test_fields_keep_the_order_of_the_class(specs: dict[str, FieldSpec]) -> None:
    assert list(specs) == list(Everything.model_fields)


def test_required_default_and_description_are_told(specs: dict[str, FieldSpec]) -> None:
    assert [n for n, s in specs.items() if s.required] == ["query", "at"]
    assert specs["top_k"].default == 3
    assert specs["query"].default is UNSET
    assert specs["query"].description == "What to look for, in plain words"
    assert specs["colour"].default == "red"


def test_a_closed_set_offers_its_values_and_null_where_allowed(specs: dict[str, FieldSpec]) -> None:
    assert specs["colour"].choices == ("red", "blue")
    assert specs["mode"].choices == ("fast", "slow", 3)
    assert specs["maybe"].choices == (True, False, None)
    assert specs["maybe"].nullable
    assert not specs["mode"].nullable


def test_only_a_type_that_may_be_text_takes_bare_text(specs: dict[str, FieldSpec]) -> None:
    bare = {n for n, s in specs.items() if s.bare_text}
    assert bare == {"either", "anything"}


def test_undeclared_fields_are_taken_unless_the_class_forbids_them() -> None:
    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")

    assert takes_extra_fields(Everything.model_json_schema())
    assert not takes_extra_fields(Closed.model_json_schema())


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": None}])
def test_an_event_without_declared_fields_has_none(schema: dict[str, Any]) -> None:
    assert fields_of(schema) == []


def test_references_that_lead_nowhere_or_in_a_circle_allow_anything() -> None:
    schema = {
        "properties": {"lost": {"$ref": "#/$defs/No"}, "loop": {"$ref": "#/$defs/Loop"}},
        "$defs": {"Loop": {"$ref": "#/$defs/Loop"}},
    }
    assert [s.words for s in fields_of(schema)] == ["anything", "anything"]
