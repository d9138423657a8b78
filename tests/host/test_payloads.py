"""Any value can be recorded: it never raises, is never used up, and stays small in the record."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from wf_core.events import Event, StopEvent
from wf_debug.backends.native.events import fields_of, rebuild
from wf_debug.backends.refusal import Refused
from wf_debug.control.payload import PREVIEW, PayloadEncoder
from wf_debug.trace.records import Payload


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class ArrayLike:
    def tolist(self) -> list[float]:
        return [1.0, 2.0]


class Colour(Enum):
    RED = "red"


class Model(BaseModel):
    n: int
    inner: Any = None


@dataclass
class Point:
    x: int


class Found(Event):
    query: str
    score: float = 0.0


def encode(value: Any, limit: int = 32_768, spill: Path = Path("/nonexistent")) -> Payload:
    encoder = PayloadEncoder(limit, spill)
    encoder.fields_of = [fields_of]
    return encoder.encode(value)


def cyclic() -> list[Any]:
    items: list[Any] = [1]
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, None),
        ({"a": [1, None, True]}, {"a": [1, None, True]}),
        (math.nan, "NaN"),
        ({"x": math.inf}, {"x": "Infinity"}),
        ({"b": b"text"}, {"b": "text"}),
        ({"b": b"\xff"}, {"b": {"$bytes": "/w=="}}),
        ({"s": {3}}, {"s": [3]}),
        ({(1, 2): 3}, {"1,2": 3}),
        (Colour.RED, "red"),
        (date(2026, 1, 2), "2026-01-02"),
        (Path("a/b"), "a/b"),
        (Point(3), {"x": 3}),
        (Model(n=1, inner=Point(2)), {"n": 1, "inner": {"x": 2}}),
        (ArrayLike(), [1.0, 2.0]),
        ("\ud800", "\\ud800"),
        (Found(query="q", extra=[1]), {"query": "q", "score": 0.0, "extra": [1]}),
        (StopEvent(result="done"), {"result": "done"}),
    ],
)
def test_what_has_a_json_form_is_kept_as_json(value: Any, data: Any) -> None:
    payload = encode(value)
    assert payload.data == data
    json.dumps(payload.data, allow_nan=False)


@pytest.mark.parametrize("value", [Broken(), object(), open, iter([1]), (n for n in "ab")])
def test_what_has_no_json_form_is_a_preview(value: Any) -> None:
    payload = encode(value)
    assert (payload.data, payload.handle) == (None, None)
    assert payload.preview


def test_a_part_without_a_json_form_leaves_the_rest_readable() -> None:
    payload = encode(Found(query="q", lock=Broken(), loop=cyclic()))
    assert payload.data["query"] == "q"
    assert payload.data["lock"]["$type"] == "Broken"
    assert payload.data["loop"][0] == 1


def test_recording_an_iterator_does_not_use_it_up() -> None:
    words = iter(["a", "b"])
    payload = encode(Found(query="q", words=words))
    assert payload.data["words"]["$type"] == "list_iterator"
    assert list(words) == ["a", "b"]


def test_a_preview_is_one_short_line_with_every_kind_of_field() -> None:
    payload = encode(Found(query="two\nlines", score=0.5, note="n" * 500, deep=[[[[[1]]]]]))
    assert payload.preview.startswith("query='two\\nlines', score=0.5, note='nnn")
    assert len(payload.preview) <= PREVIEW


def test_a_large_value_goes_to_a_file(tmp_path: Path) -> None:
    payload = encode({"text": "x" * 100}, limit=50, spill=tmp_path / "new")
    assert payload.data is None
    assert payload.handle
    assert json.loads(Path(payload.handle).read_bytes()) == {"text": "x" * 100}
    assert Path(payload.handle).stat().st_size == payload.size


def test_a_full_disk_costs_the_value_not_the_run() -> None:
    payload = encode("x" * 100, limit=50, spill=Path("/proc/nowhere"))
    assert (payload.data, payload.handle) == (None, None)
    assert payload.preview.startswith("'xxx")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(Broken),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=12,
)


@given(values)
def test_no_value_breaks_the_recording(value: Any) -> None:
    payload = encode(value)
    assert len(payload.preview) <= PREVIEW
    assert "\n" not in payload.preview
    assert Payload.model_validate_json(payload.model_dump_json()) == payload
    json.dumps(payload.data, allow_nan=False)


def test_an_edit_keeps_what_it_does_not_change() -> None:
    lock = Broken()
    event = Found(query="old", score=math.nan, lock=lock, raw=b"\xff")
    shown = encode(event).data
    changed = rebuild(event, {**shown, "query": "new"})
    assert (changed.query, changed.lock, changed.raw) == ("new", lock, b"\xff")
    assert math.isnan(changed.score)
    assert event.query == "old"


def test_an_edit_with_a_wrong_field_says_which() -> None:
    with pytest.raises(Refused) as caught:
        rebuild(Found(query="q"), {"score": "high"})
    assert caught.value.error.fields[0].field == "score"
