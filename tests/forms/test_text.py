"""What is typed into a field and the value it stands for."""

from __future__ import annotations

import enum
import functools
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, create_model

from wf_tui.forms.schema import UNSET, FieldSpec, fields_of
from wf_tui.forms.text import (
    BadText,
    CannotShow,
    dump_object,
    offered,
    parse_object,
    read_form,
    read_text,
    write_text,
)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    city: str
    zip: int | None = None


class Leaf(BaseModel):
    value: int
    children: list[Leaf] = Field(default_factory=list)


@functools.cache
def spec_of(annotation: Any, default: Any = ...) -> FieldSpec:
    model = create_model("Model", it=(annotation, default))
    return fields_of(model.model_json_schema())[0]


floats = st.floats(allow_nan=False, allow_infinity=False)
places = st.builds(Place, city=st.text(), zip=st.none() | st.integers())
texts = st.text() | st.sampled_from(["null", '"null"', '""', '"', '"""', " ", "a\nb", "5", "[]", '"quoted"'])
leaves = st.recursive(
    st.builds(Leaf, value=st.integers()),
    lambda kids: st.builds(Leaf, value=st.integers(), children=st.lists(kids, max_size=3)),
    max_leaves=6,
)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(),
    float: floats,
    bool: st.booleans(),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))])),
    time: st.times(),
    UUID: st.uuids(),
    Colour: st.sampled_from(Colour),
    Literal["a", "b", 3]: st.sampled_from(["a", "b", 3]),
    list[str]: st.lists(texts),
    dict[str, int]: st.dictionaries(texts, st.integers()),
    tuple[int, str]: st.tuples(st.integers(), texts),
    Place: places,
    Leaf: leaves,
    list[Place]: st.lists(places, max_size=3),
    str | None: st.none() | texts,
    int | None: st.none() | st.integers(),
    float | None: st.none() | floats,
    bool | None: st.none() | st.booleans(),
    date | None: st.none() | st.dates(),
    Colour | None: st.none() | st.sampled_from(Colour),
    Literal["null", "x"] | None: st.sampled_from(["null", "x", None]),
    list[str] | None: st.none() | st.lists(texts),
    Place | None: st.none() | places,
    int | str: st.integers() | texts,
    str | list[str]: texts | st.lists(texts),
    int | Place | None: st.none() | st.integers() | places,
    list[dict[str, list[int | None]]]: st.lists(
        st.dictionaries(texts, st.lists(st.none() | st.integers(), max_size=2), max_size=2), max_size=2
    ),
}
types = st.sampled_from(list(VALUES))


@st.composite
def fields_with_value(draw: st.DrawFn) -> tuple[FieldSpec, Any, Any]:
    annotation = draw(types)
    value = draw(VALUES[annotation])
    return spec_of(annotation), TypeAdapter(annotation).dump_python(value, mode="json"), annotation


@given(fields_with_value())
def test_a_value_shown_as_text_reads_back_unchanged(case: tuple[FieldSpec, Any, Any]) -> None:
    spec, value, annotation = case
    try:
        text = write_text(spec, value)
    except CannotShow:
        assert isinstance(value, str)
        assert not value.isprintable()
        return
    again = read_text(spec, text)
    assert again == value
    assert type(again) is type(value)
    TypeAdapter(annotation).validate_python(again, strict=False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(types, json_values)
def test_a_value_of_any_type_is_shown_or_refused_and_never_changed(annotation: Any, value: Any) -> None:
    """A payload may not fit its class; then its text reads as itself, or not at all."""
    spec = spec_of(annotation)
    try:
        again = read_text(spec, write_text(spec, value))
    except (CannotShow, BadText):
        return
    assert again == value


@given(types, st.text())
def test_whatever_is_typed_is_a_value_or_has_a_message(annotation: Any, text: str) -> None:
    spec = spec_of(annotation)
    reading = read_form([spec], {"it": text})
    if reading.errors:
        assert [e.field for e in reading.errors] == ["it"]
        assert reading.errors[0].message
        assert reading.data.get("it", "") == text or not text.strip()
    else:
        assert not isinstance(reading.data["it"], float) or math.isfinite(reading.data["it"])


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_the_json_text_of_a_form_reads_back_unchanged(data: dict[str, Any]) -> None:
    text = dump_object(data)
    assert parse_object(text) == data
    assert all(c == "\n" or c.isprintable() for c in text)


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (int, "abc", "must be a whole number, like 3"),
        (int, "1.5", "must be a whole number, like 3"),
        (int | None, "abc", "must be a whole number, like 3"),
        (float, "fast", "must be a number, like 0.5"),
        (float, "nan", "must be a finite number: JSON has no other"),
        (float, "1e999", "must be a finite number: JSON has no other"),
        (bool, "yes", "must be true or false"),
        (date, "tomorrow", "must be a date, like 2026-11-22"),
        (date, "2026-02-30", "must be a date, like 2026-11-22"),
        (datetime, "noon", "must be a date and time, like 2026-11-22 09:30"),
        (UUID, "12", "must be a UUID, like 0b6e7c1e-2f5a-4a8e-9d0c-3f1f6f0f7a11"),
        (Literal["a", "b"], '"c"', 'must be one of "a", "b"'),
        (list[str], "[1", "is not JSON: expecting ',' delimiter at column 3"),
        (list[str], "[\n1,\n]", "is not JSON: expecting value at line 3, column 1"),
        (list[str], '{"a": 1}', "must be list of text"),
        (list[str], '["a", 1]', "[1] must be text"),
        (list[int], "[NaN]", "is not JSON: it has no NaN"),
        (list[float], "[1e999]", "must be a finite number: JSON has no other"),
        (
            list[int],
            "[" * 100_000,
            "is not JSON that can be read: a number is too long or it is nested too deeply",
        ),
        (Place, "{}", ".city is required"),
        (list[Place], '[{"city": "Bonn"}, {"city": 3}]', "[1].city must be text"),
        (Place | None, '{"city": 3}', ".city must be text"),
        (dict[str, int], '{"a": 1, "b": "x"}', ".b must be whole number"),
        (tuple[int, str], "[1]", "needs at least 2 items, has 1"),
    ],
)
def test_a_text_that_does_not_fit_says_what_would(annotation: Any, text: str, message: str) -> None:
    with pytest.raises(BadText) as bad:
        read_text(spec_of(annotation), text)
    assert str(bad.value) == message


@pytest.mark.parametrize(
    ("limits", "text", "message"),
    [
        ({"ge": 1}, "0", "must be at least 1"),
        ({"le": 5}, "6", "must be at most 5"),
        ({"gt": 1}, "1", "must be more than 1"),
        ({"lt": 5}, "5", "must be less than 5"),
    ],
)
def test_bounds_are_checked_while_typing(limits: dict[str, int], text: str, message: str) -> None:
    model = create_model("Model", it=(int, Field(**limits)))  # type: ignore[call-overload]
    with pytest.raises(BadText, match=message):
        read_text(fields_of(model.model_json_schema())[0], text)


def test_length_is_checked_while_typing() -> None:
    model = create_model("Model", it=(str, Field(max_length=3)))
    with pytest.raises(BadText, match="may have 3 characters at most, has 4"):
        read_text(fields_of(model.model_json_schema())[0], "four")


@pytest.mark.parametrize("annotation", [str, int, list[str], bool | None, str | None])
def test_an_empty_text_leaves_an_optional_field_unset(annotation: Any) -> None:
    spec = spec_of(annotation, None)
    assert read_text(spec, "") is UNSET
    assert read_form([spec], {"it": ""}).data == {}


def test_a_required_text_field_says_how_to_send_empty_text() -> None:
    spec = spec_of(str)
    assert [e.message for e in read_form([spec], {}).errors] == ['is required; type "" for empty text']
    assert read_form([spec], {"it": '""'}).data == {"it": ""}


def test_null_is_a_value_only_where_it_is_allowed() -> None:
    assert read_text(spec_of(str | None), "null") is None
    assert read_text(spec_of(str | None), '"null"') == "null"
    assert read_text(spec_of(str), "null") == "null"


def test_a_union_with_text_takes_json_where_it_can_and_text_where_not() -> None:
    spec = spec_of(int | str)
    assert [read_text(spec, t) for t in ("5", '"5"', "five")] == [5, "5", "five"]


def test_a_value_outside_a_closed_set_is_not_shown_as_another() -> None:
    with pytest.raises(CannotShow, match="'it' is \"green\", which is not one of red, blue"):
        write_text(spec_of(Colour), "green")
    with pytest.raises(CannotShow, match="'it' is 1, which is not true or false"):
        write_text(spec_of(bool), 1)


def test_choices_are_told_apart_by_type() -> None:
    assert offered(spec_of(Literal[1, "1"] | None)) == ("1", '"1"', "null")


def test_extra_fields_join_the_declared_ones() -> None:
    reading = read_form([spec_of(str)], {"it": "x"}, [("n", "5"), ("word", "five"), ("", "")])
    assert reading.data == {"it": "x", "n": 5, "word": "five"}
    assert reading.errors == ()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("it", "5"), "'it' is there already"),
        (("", "5"), "the value '5' has no field name"),
    ],
)
def test_an_extra_field_needs_a_name_of_its_own(extra: tuple[str, str], message: str) -> None:
    reading = read_form([spec_of(str)], {"it": "x"}, [extra])
    assert [e.message for e in reading.errors] == [message]


@pytest.mark.parametrize("text", ["[1, 2]", "5", '"query"', "null"])
def test_the_json_tab_takes_one_object(text: str) -> None:
    with pytest.raises(BadText, match="must be one object of fields"):
        parse_object(text)
