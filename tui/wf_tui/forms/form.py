"""The form for one event: a row per field, or all of them as JSON. The two stay in step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from wf_debug.graph import EventType
from wf_debug.wire import FieldError
from wf_tui.forms.boxes import Entered, JsonArea
from wf_tui.forms.drafts import Draft
from wf_tui.forms.row import ExtraRow, FieldRow, Problem
from wf_tui.forms.schema import ANY_FIELD, UNSET, FieldSpec, fields_of, takes_extra_fields
from wf_tui.forms.text import (
    BadText,
    CannotShow,
    Reading,
    dump_json,
    dump_object,
    parse_object,
    read_form,
    write_text,
)
from wf_tui.widgets.tab_strip import TabStrip

FORM, JSON = "Form", "JSON"
_LONG_NAME = 14


class EventForm(Vertical):
    """Fields of an event to fill in.

    `data` prefills it; `hidden` fields are sent along and not shown; a `draft` goes before `data`. Undeclared
    fields are added in the rows at the end; `suggest` names the first when the event class declares none.
    """

    DEFAULT_CSS = """
    EventForm {
        height: auto;
        & TabStrip { margin-bottom: 1; }
        & #fields { height: auto; scrollbar-size-vertical: 1; }
        & .remark { color: $text-muted; height: auto; margin-bottom: 1; }
        & JsonArea { display: none; background: $panel; padding: 0 1; }
        &.-json #fields { display: none; }
        &.-json JsonArea { display: block; }
        &.-long-names FieldRow > .name { width: 26; }
        &.-long-names ExtraRow > LineBox.-textual-compact { width: 25; }
    }
    """

    class Submitted(Message):
        """Enter was pressed in the last box."""

    class Turned(Message):
        """The other tab is shown."""

    def __init__(
        self,
        event: EventType,
        data: Mapping[str, Any] | None = None,
        *,
        hidden: Mapping[str, Any] | None = None,
        draft: Draft | None = None,
        suggest: str = "",
    ) -> None:
        super().__init__()
        self.event = event
        self.hidden = dict(hidden or {})
        self.specs = [s for s in fields_of(event.fields) if s.name not in self.hidden]
        self._suggest = suggest if not self.specs else ""
        shown = draft.data if draft else dict(data or {})
        self._begin = Draft(
            {k: v for k, v in shown.items() if k not in self.hidden}, draft.raw if draft else None
        )
        self._trouble = ""
        self._offered: dict[str, Any] = {}
        self.set_class(any(len(s.name) > _LONG_NAME for s in self.specs), "-long-names")

    # -- what it shows
    def compose(self) -> ComposeResult:
        texts, extra = self._texts_at_first()
        yield TabStrip((FORM, JSON))
        with VerticalScroll(id="fields", can_focus=False):
            if remark := self._remark():
                yield Static(Content(remark), classes="remark")
            for spec in self.specs:
                yield FieldRow(spec, texts.get(spec.name, ""))
            if takes_extra_fields(self.event.fields):
                yield from (ExtraRow(name, text) for name, text in extra)
                yield ExtraRow()
        yield JsonArea(self._begin.raw if self._begin.raw is not None else dump_object(self._begin.data))
        yield Problem(id="beside")

    def on_mount(self) -> None:
        if self._begin.raw is not None:
            self._offer(())
        if self._begin.raw is not None or self._trouble:
            self._show_tab(JSON)
            self.query_one("#beside", Problem).show(self._trouble)

    def _texts_at_first(self) -> tuple[dict[str, str], list[tuple[str, str]]]:
        try:
            texts, extra = self._as_texts(self._begin.data)
        except CannotShow as cannot:
            self._trouble = f"{cannot}; here it can be edited"
            return {}, []
        if self._suggest and self._begin.data.get(self._suggest, "") == "":
            extra = [(self._suggest, ""), *(e for e in extra if e[0] != self._suggest)]
        return texts, extra

    def _remark(self) -> str:
        if self.specs or self._suggest:
            return ""
        if takes_extra_fields(self.event.fields):
            return f"{self.event.name} declares no fields; add those that its steps read."
        return f"{self.event.name} has no fields."

    # -- what it holds
    @property
    def in_json(self) -> bool:
        """Whether the JSON tab is the one in use."""
        return self.has_class("-json")

    @property
    def draft(self) -> Draft:
        """All that is typed, fit to be sent or not."""
        if self.in_json:
            return Draft({}, self.query_one(JsonArea).text)
        return Draft(self._reading().data)

    def read(self) -> dict[str, Any] | None:
        """The event's fields; None when something does not fit, which is then shown where it is."""
        self.show_errors(())
        if not self.in_json:
            reading = self._reading()
            self.show_errors(reading.errors)
            return None if reading.errors else {**self.hidden, **reading.data}
        try:
            return {**self.hidden, **self._set_in(parse_object(self.query_one(JsonArea).text))}
        except BadText as bad:
            self.query_one("#beside", Problem).show(f"this {bad}")
            self.query_one(JsonArea).focus()
            return None

    def show_errors(self, errors: Sequence[FieldError]) -> None:
        """Put each message under its field, the rest below; go to the first. None clears them all."""
        rest: list[str] = []
        first: Widget | None = None
        for row in self.query(FieldRow):
            row.show_problem("")
        for extra in self.query(ExtraRow):
            extra.show_problem("")
        for error in errors:
            row_at_fault = None if self.in_json else self._row(error.field)
            if row_at_fault is None:
                rest.append(f"{error.field}: {error.message}" if error.field else error.message)
                continue
            row_at_fault.show_problem(_within(error))
            first = first or row_at_fault
        self.query_one("#beside", Problem).show("\n".join(rest))
        if first is not None:
            first.scroll_visible(animate=False)
            _boxes(first)[0].focus()

    def focus_first(self) -> None:
        """Go to the first field at fault, else to the first required one that is empty, else to the first."""
        if self.in_json:
            self.screen.set_focus(self.query_one(JsonArea))
            return
        fields = [*self.query(FieldRow)]
        missing = [r for r in fields if r.spec.required and not r.text]
        rows = [r for r in fields if r.has_class("-bad")] or missing or fields
        boxes = [b for r in rows for b in _boxes(r)] or [b for r in self.query(ExtraRow) for b in _boxes(r)]
        if self._suggest and len(boxes) > 1:
            boxes = boxes[1:]
        if boxes:
            self.screen.set_focus(boxes[0])

    def limit_height(self, rows: int) -> None:
        """Scroll inside this many rows."""
        beside = [self.query_one(TabStrip), self.query_one("#beside")]
        used = sum(w.outer_size.height + w.styles.margin.height for w in beside if w.display)
        room = max(3, rows - used)
        self.query_one("#fields").styles.max_height = room
        self.query_one(JsonArea).styles.max_height = room

    def _offer(self, held: Collection[str]) -> None:
        """JSON names all fields, so that nobody has to know them; what is not set, by its default."""
        unset = [s for s in self.specs if s.name not in held]
        self._offered = {s.name: None if s.default is UNSET else s.default for s in unset}

    def _set_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of `data` without those that were only offered, and that nobody changed."""
        meant = {s.name for s in self.specs if s.default is UNSET and s.nullable}
        offered = {name: dump_json(value) for name, value in self._offered.items() if name not in meant}
        return {name: value for name, value in data.items() if offered.get(name) != dump_json(value)}

    # -- the two tabs
    async def switch_tab(self) -> None:
        """Go from the form to JSON or back, with what is typed. Stays when the form cannot hold it."""
        self.show_errors(())
        if not self.in_json:
            data = self._reading().data
            self._offer(data)
            whole = {**self._offered, **data}
            declared = {s.name: whole[s.name] for s in self.specs}
            self.query_one(JsonArea).text = dump_object({**declared, **whole})
            self.query_one(JsonArea).styles.min_height = max(5, self.query_one("#fields").size.height)
            self._show_tab(JSON)
            return
        try:
            texts, extra = self._as_texts(self._set_in(parse_object(self.query_one(JsonArea).text)))
        except (BadText, CannotShow) as cannot:
            self._show_tab(JSON)
            self.query_one("#beside", Problem).show(
                f"this {cannot}" if isinstance(cannot, BadText) else f"the form cannot show it: {cannot}"
            )
            return
        for row in self.query(FieldRow):
            row.text = texts.get(row.spec.name, "")
        await self._replace_extra(extra)
        self._show_tab(FORM)

    def _show_tab(self, name: str) -> None:
        with self.prevent(TabStrip.Chosen):
            self.query_one(TabStrip).active = name
        self.set_class(name == JSON, "-json")
        self.focus_first()
        self.post_message(self.Turned())

    @on(TabStrip.Chosen)
    async def _tab_clicked(self, chosen: TabStrip.Chosen) -> None:
        chosen.stop()
        if (chosen.name == JSON) != self.in_json:
            await self.switch_tab()

    # -- rows
    def _reading(self) -> Reading:
        texts = {row.spec.name: row.text for row in self.query(FieldRow)}
        return read_form(self.specs, texts, [row.pair for row in self.query(ExtraRow)])

    def _as_texts(self, data: Mapping[str, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
        declared: dict[str, FieldSpec] = {s.name: s for s in self.specs}
        texts = {name: write_text(declared[name], v) for name, v in data.items() if name in declared}
        extra = [(name, write_text(ANY_FIELD, v)) for name, v in data.items() if name not in declared]
        if extra and not takes_extra_fields(self.event.fields):
            raise CannotShow(f"{self.event.name} has no field {extra[0][0]!r}")
        if odd := next((n for n, _ in extra if n != n.strip() or not n.isprintable()), None):
            raise CannotShow(f"{odd!r} is no name that a line can hold")
        return texts, extra

    def _row(self, path: str) -> FieldRow | ExtraRow | None:
        name = path.split(".")[0]
        rows: Iterable[FieldRow | ExtraRow] = [*self.query(FieldRow), *self.query(ExtraRow)]
        return next((r for r in rows if name and name == _name(r)), None)

    async def _replace_extra(self, extra: list[tuple[str, str]]) -> None:
        if takes_extra_fields(self.event.fields):
            await self.query(ExtraRow).remove()
            await self.query_one("#fields").mount(*(ExtraRow(name, text) for name, text in extra), ExtraRow())

    @on(Input.Changed, "ExtraRow > LineBox")
    @on(TextArea.Changed, "ExtraRow JsonBox")
    async def _offer_another(self) -> None:
        rows = list(self.query(ExtraRow))
        if rows and not rows[-1].empty:
            await self.query_one("#fields").mount(ExtraRow())

    @on(Entered)
    def _next_box(self, entered: Entered) -> None:
        entered.stop()
        boxes = [b for r in self.query("FieldRow, ExtraRow") for b in _boxes(r)]
        rows = list(self.query(ExtraRow))
        if rows and rows[-1].empty:
            del boxes[-2:]
        here = boxes.index(self.screen.focused) if self.screen.focused in boxes else len(boxes) - 1
        if here + 1 < len(boxes):
            boxes[here + 1].focus()
        else:
            self.post_message(self.Submitted())


def _boxes(row: Widget) -> list[Widget]:
    return [w for w in row.query("LineBox, TextBox, Checkbox, Select") if w.focusable]


def _name(row: FieldRow | ExtraRow) -> str:
    return row.spec.name if isinstance(row, FieldRow) else row.pair[0].strip()


def _within(error: FieldError) -> str:
    """The message, with the place inside the field's value when there is one."""
    _, _, inside = error.field.partition(".")
    return f"{inside}: {error.message}" if inside else error.message
