"""The form of one event at the keyboard: fields, messages, the JSON tab."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Select

from wf_debug.graph import EventType
from wf_debug.wire import FieldError
from wf_tui.forms.boxes import JsonArea, LineBox, TextBox, TickBox
from wf_tui.forms.drafts import Draft
from wf_tui.forms.form import EventForm
from wf_tui.forms.row import ExtraRow, FieldRow, Problem


class Place(BaseModel):
    city: str


class Ask(BaseModel):
    query: str = Field(description="What to look for")
    top_k: int = Field(default=3, ge=1)
    mode: Literal["fast", "slow"] = "fast"
    strict: bool = True
    since: date | None = None
    where: Place | None = None


class Short(BaseModel):
    query: str
    top_k: int = Field(default=3, ge=1)


class Bare(BaseModel):
    pass


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int = 1


def event_of(model: type[BaseModel]) -> EventType:
    return EventType(name=model.__name__, fields=model.model_json_schema())


class Harness(App[None]):
    def __init__(self, form: EventForm) -> None:
        super().__init__()
        self.form = form
        self.submitted = 0

    def compose(self) -> ComposeResult:
        yield self.form

    def on_mount(self) -> None:
        self.form.focus_first()

    def on_event_form_submitted(self) -> None:
        self.submitted += 1


@asynccontextmanager
async def shown(
    model: type[BaseModel], data: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[EventForm, Pilot[None]]]:
    app = Harness(EventForm(event_of(model), data, **options))
    async with app.run_test(size=(80, 40)) as pilot:
        yield app.form, pilot


def row(form: EventForm, name: str) -> FieldRow:
    return next(r for r in form.query(FieldRow) if r.spec.name == name)


def texts(form: EventForm) -> dict[str, str]:
    return {r.spec.name: r.text for r in form.query(FieldRow)}


def complaint(form: EventForm, name: str) -> str:
    problem = row(form, name).query_one(Problem)
    return str(problem.content) if problem.has_class("-shown") else ""


def complaint_below(form: EventForm) -> str:
    problem = form.query_one("#beside", Problem)
    return str(problem.content) if problem.has_class("-shown") else ""


async def test_each_kind_of_field_has_its_widget() -> None:
    async with shown(Ask) as (form, _):
        boxes = {r.spec.name: type(r.box) for r in form.query(FieldRow)}
        assert boxes["top_k"] is LineBox
        assert boxes["mode"] is Select
        assert boxes["strict"] is TickBox
        assert issubclass(boxes["query"], TextBox)
        assert issubclass(boxes["where"], TextBox)


async def test_what_is_typed_is_read_and_what_is_not_stays_unset() -> None:
    async with shown(Short) as (form, pilot):
        await pilot.press(*"rain", "enter", "5", "enter")
        assert form.read() == {"query": "rain", "top_k": 5}


async def test_a_prefilled_form_reads_back_what_it_was_given() -> None:
    given = {
        "query": "two\nlines",
        "top_k": 7,
        "mode": "slow",
        "strict": False,
        "since": "2026-11-22",
        "where": {"city": "Bonn"},
        "page": 2,
        "note": "free text",
    }
    async with shown(Ask, given) as (form, _):
        assert form.read() == given


async def test_the_json_tab_holds_the_same_fields_and_gives_them_back() -> None:
    given = {"query": "rain", "strict": False, "where": None, "page": 2}
    async with shown(Ask, given) as (form, pilot):
        await form.switch_tab()
        assert form.in_json
        assert form.read() == given
        form.query_one(JsonArea).text = '{"query": "sun", "mode": "slow", "extra": [1]}'
        await form.switch_tab()
        assert not form.in_json
        assert form.read() == {"query": "sun", "mode": "slow", "extra": [1]}
        assert texts(form)["mode"] == '"slow"'
        await pilot.pause()


async def test_a_local_mistake_is_told_under_its_field_and_focused() -> None:
    async with shown(Short, {"query": "rain"}) as (form, pilot):
        row(form, "top_k").box.focus()
        await pilot.press("x")
        assert form.read() is None
        assert complaint(form, "top_k") == "✗ must be a whole number, like 3"
        assert pilot.app.focused is row(form, "top_k").box
        await pilot.press("backspace", "4")
        assert complaint(form, "top_k") == ""
        assert form.read() == {"query": "rain", "top_k": 4}


async def test_a_field_complains_when_it_is_left() -> None:
    async with shown(Short, {"query": "rain"}) as (form, pilot):
        row(form, "top_k").box.focus()
        await pilot.press("0", "tab")
        assert complaint(form, "top_k") == "✗ must be at least 1"


async def test_a_required_field_left_empty_is_complained_about_on_sending_only() -> None:
    async with shown(Short) as (form, pilot):
        await pilot.press("tab", "shift+tab")
        assert complaint(form, "query") == ""
        assert form.read() is None
        assert "is required" in complaint(form, "query")


async def test_the_host_s_objections_go_under_their_fields() -> None:
    async with shown(Ask, {"query": "rain", "page": 2}) as (form, _):
        form.show_errors(
            [
                FieldError(field="where.city", message="Input should be a valid string"),
                FieldError(field="page", message="too far"),
                FieldError(field="", message="query and mode do not go together"),
                FieldError(field="hidden", message="is wrong"),
            ]
        )
        assert complaint(form, "where") == "✗ city: Input should be a valid string"
        assert str(form.query(ExtraRow).first().query_one(Problem).content) == "✗ too far"
        assert complaint_below(form) == "✗ query and mode do not go together\nhidden: is wrong"


async def test_json_that_cannot_be_read_is_kept_and_explained() -> None:
    async with shown(Short, {"query": "rain"}) as (form, _):
        await form.switch_tab()
        form.query_one(JsonArea).text = '{"query": '
        await form.switch_tab()
        assert form.in_json
        assert form.query_one(JsonArea).text == '{"query": '
        assert complaint_below(form) == "✗ this is not JSON: expecting value at column 11"
        assert form.read() is None


async def test_the_json_tab_names_every_field_and_sends_only_those_that_are_set() -> None:
    async with shown(Ask, {"query": "rain"}) as (form, _):
        await form.switch_tab()
        text = form.query_one(JsonArea).text
        assert '"query": "rain"' in text
        assert '"top_k": ' in text
        assert '"mode": "fast"' in text
        assert form.read() == {"query": "rain"}
        form.query_one(JsonArea).text = text.replace('"fast"', '"slow"')
        assert form.read() == {"query": "rain", "mode": "slow"}
        await form.switch_tab()
        assert form.read() == {"query": "rain", "mode": "slow"}


async def test_what_the_form_cannot_show_stays_in_json() -> None:
    refused = {
        '{"mode": "medium"}': "'mode' is \"medium\", which is not one of fast, slow",
        '{"strict": 1}': "'strict' is 1, which is not true or false",
        '{"query": 5}': "'query' is 5, which is not text",
        '{"query": "a\\u0000b"}': "'query' has control characters",
    }
    async with shown(Ask) as (form, _):
        await form.switch_tab()
        for raw, why in refused.items():
            form.query_one(JsonArea).text = raw
            await form.switch_tab()
            assert form.in_json
            assert why in complaint_below(form)
            assert form.query_one(JsonArea).text == raw


async def test_a_complaint_of_the_host_stays_until_its_text_changes() -> None:
    async with shown(Short, {"query": "rain"}) as (form, pilot):
        form.show_errors([FieldError(field="query", message="no rain")])
        await pilot.press("tab", "shift+tab")
        assert complaint(form, "query") == "✗ no rain"
        await pilot.press("y")
        assert complaint(form, "query") == ""


async def test_a_payload_that_the_form_cannot_show_opens_as_json() -> None:
    async with shown(Ask, {"query": "rain", "mode": "medium"}) as (form, _):
        assert form.in_json
        assert "which is not one of fast, slow" in complaint_below(form)
        assert form.read() == {"query": "rain", "mode": "medium"}


async def test_a_half_filled_form_survives_a_switch_of_tabs() -> None:
    async with shown(Ask) as (form, pilot):
        row(form, "top_k").box.focus()
        await pilot.press(*"many")
        row(form, "where").text = '{"city": '
        await form.switch_tab()
        await form.switch_tab()
        assert texts(form)["top_k"] == "many"
        assert texts(form)["where"] == '{"city": '


@pytest.mark.parametrize("tabs", [0, 1])
async def test_a_draft_brings_back_all_that_was_typed(tabs: int) -> None:
    async with shown(Short, {"query": "rain"}) as (form, pilot):
        row(form, "top_k").box.focus()
        await pilot.press(*"many")
        for _ in range(tabs):
            await form.switch_tab()
        draft = form.draft
    async with shown(Short, {"query": "other"}, draft=draft) as (form, _):
        assert form.in_json == bool(tabs)
        if not tabs:
            assert (texts(form)["query"], texts(form)["top_k"]) == ("rain", "many")
        assert form.draft == draft


async def test_undeclared_fields_are_added_row_by_row() -> None:
    async with shown(Bare) as (form, pilot):
        await pilot.press(*"topic", "enter", *"rain", "tab", *"n", "enter", "5")
        assert form.read() == {"topic": "rain", "n": 5}
        assert len(form.query(ExtraRow)) == 3


async def test_a_value_without_a_name_is_not_lost() -> None:
    async with shown(Bare) as (form, pilot):
        await pilot.press("tab", *"rain")
        assert form.read() is None
        assert "has no field name" in complaint_below(form)
        assert form.draft == Draft({"": "rain"})


async def test_a_class_that_forbids_other_fields_offers_none() -> None:
    async with shown(Closed) as (form, _):
        assert not form.query(ExtraRow)
        await form.switch_tab()
        form.query_one(JsonArea).text = '{"b": 1}'
        await form.switch_tab()
        assert "Closed has no field 'b'" in complaint_below(form)


async def test_hidden_fields_are_sent_and_not_shown() -> None:
    async with shown(Short, hidden={"query": "rain"}) as (form, _):
        assert "query" not in texts(form)
        assert form.read() == {"query": "rain"}


async def test_a_suggested_field_only_waits_for_its_value() -> None:
    async with shown(Bare, suggest="response") as (form, pilot):
        await pilot.press(*"yes")
        assert form.read() == {"response": "yes"}
        await pilot.press("enter")
        app = pilot.app
        assert isinstance(app, Harness)
        await pilot.pause()
        assert app.submitted == 1


async def test_enter_goes_on_and_submits_from_the_last_field() -> None:
    async with shown(Closed) as (form, pilot):
        await pilot.press("2", "enter")
        app = pilot.app
        assert isinstance(app, Harness)
        await pilot.pause()
        assert app.submitted == 1
        assert form.read() == {"a": 2}


async def test_text_takes_several_lines() -> None:
    async with shown(Short) as (form, pilot):
        await pilot.press("a", "ctrl+j", "b")
        assert form.read() == {"query": "a\nb"}
        assert row(form, "query").box.size.height == 2


async def test_a_box_that_was_never_touched_leaves_its_default_alone() -> None:
    async with shown(Ask, {"query": "rain"}) as (form, pilot):
        assert row(form, "strict").query_one(TickBox).value is True
        assert form.read() == {"query": "rain"}
        row(form, "strict").box.focus()
        await pilot.press("space")
        assert form.read() == {"query": "rain", "strict": False}


async def test_a_suggested_field_that_was_left_empty_waits_for_its_value_again() -> None:
    async with shown(Bare, suggest="response") as (form, _):
        draft = form.draft
    async with shown(Bare, suggest="response", draft=draft) as (form, pilot):
        form.focus_first()
        await pilot.press(*"yes")
        assert form.read() == {"response": "yes"}
