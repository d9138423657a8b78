"""What the command line gives becomes the start event's fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from wf_debug.graph import EventType
from wf_tui.cli.exits import CommandError
from wf_tui.cli.inputs import answer_fields, spec_of, split_flow, start_fields, undeclared

START = EventType(
    name="Begin",
    role="start",
    fields={"properties": {"zip": {"type": "string"}, "top_k": {"type": "integer"}}, "required": ["zip"]},
)


def test_a_text_field_keeps_its_text_and_other_fields_are_read_as_json() -> None:
    assert start_fields(["zip=01234", "top_k=3"], None, START) == {"zip": "01234", "top_k": 3}


def test_a_value_may_contain_equals_signs() -> None:
    assert start_fields(["zip=a=b"], None, START) == {"zip": "a=b"}


def test_single_fields_win_over_the_document() -> None:
    assert start_fields(["top_k=5"], '{"zip": "x", "top_k": 1}', START) == {"zip": "x", "top_k": 5}


@pytest.mark.parametrize(
    ("pairs", "document", "message"),
    [(["zip"], None, "not key=value"), ([], "{", "not JSON"), ([], "[1]", "must be a JSON object")],
)
def test_what_cannot_be_read_is_said(pairs: list[str], document: str | None, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        start_fields(pairs, document, START)


def test_a_bare_answer_fills_the_field_that_must_be_given() -> None:
    assert answer_fields("yes", START) == {"zip": "yes"}
    assert answer_fields('{"zip": "no"}', START) == {"zip": "no"}
    assert answer_fields("yes", None) == {"response": "yes"}


def test_a_bare_answer_leaves_alone_what_the_question_fixes_and_stays_text_for_a_text_field() -> None:
    fields = {"user": {"type": "string"}, "text": {"type": "string"}, "ok": {"type": "boolean"}}
    answer = EventType(name="Said", fields={"properties": fields, "required": ["user", "text"]})
    assert answer_fields("42", answer, {"user": "ann"}) == {"text": "42"}
    assert answer_fields("true", answer, {"user": "ann", "text": "hi"}) == {"ok": True}


def test_names_that_the_start_event_does_not_declare_are_told() -> None:
    assert undeclared(["zip", "zp"], START) == ["Begin declares no field 'zp'; closest: zip"]
    assert undeclared(["anything"], EventType(name="StartEvent")) == []


def test_a_flow_may_name_its_workflow(tmp_path: Path) -> None:
    assert split_flow("flow.py:Main") == (Path("flow.py"), "Main")
    assert split_flow("flow.py") == (Path("flow.py"), None)
    odd = tmp_path / "odd:name"
    odd.touch()
    assert split_flow(str(odd)) == (odd, None)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('{"zip": NaN}', "NaN"),
        ('{"zip": 1e999}', "1e999 is too large"),
        ('{"zip": "\\ud800"}', "surrogate"),
        ('{"zip": ' + "[" * 50_000 + "]" * 50_000 + "}", "too deep"),
    ],
)
def test_what_json_cannot_carry_is_refused_rather_than_changed(document: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        start_fields([], document, START)


def test_a_value_that_is_no_json_stays_text_for_the_field_to_read() -> None:
    assert start_fields(["top_k=NaN", "other=Infinity"], None, START) == {"top_k": "NaN", "other": "Infinity"}


def test_a_path_that_is_no_text_is_refused() -> None:
    with pytest.raises(CommandError, match="not UTF-8"):
        spec_of("a\udcff.py")
