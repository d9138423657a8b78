"""Send an event into the run: choose its type, fill it in, see who took it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Select, Static
from textual.widgets.option_list import Option

from wf_debug.graph import EventType, FlowGraph
from wf_debug.session import Session
from wf_debug.wire import InjectResult
from wf_tui.forms import drafts
from wf_tui.forms.boxes import Entered, LineBox
from wf_tui.forms.form import EventForm
from wf_tui.look import arrow, fit
from wf_tui.screens.dialog import button
from wf_tui.screens.form_dialog import FormDialog

_NAME_WIDTH = 28
"""Longer names of event types are cut in the list."""


class InjectDialog(FormDialog[None]):
    """First the list of event types, then the form. Stays open until somebody takes the event.

    `event_type` skips the list, if somebody takes such events.
    """

    DEFAULT_CSS = """
    InjectDialog {
        & #pick, & #fill { height: auto; }
        & #pick LineBox { background: $panel; padding: 0 1; margin-bottom: 1; }
        & #target { height: 1; margin-bottom: 1; }
        & #target > Static { width: 16; color: $foreground; }
        & #target > Select { width: 1fr; }
        & #target > Select.-textual-compact > SelectCurrent { background: $panel; padding: 0 1; }
        & #target > Select:focus > SelectCurrent { background: $panel-lighten-1; }
        &.-narrow #target > Static { width: 4; }
        &.-picking #back { display: none; }
        &.-short #pick LineBox { margin-bottom: 0; }
        &.-short #target { margin-bottom: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", show=False),
        Binding("up", "into_filter", show=False),
    ]
    KEYS = "type to filter · enter choose · esc cancel"

    def __init__(self, session: Session, event_type: str | None = None) -> None:
        super().__init__(session, "Inject an event")
        self._graph = session.graph_in() or FlowGraph(name="")
        asked = self._graph.event(event_type) if event_type else None
        self._asked = asked if asked and _takers(asked, self._graph) else None
        self._event: EventType | None = None

    @property
    def draft_name(self) -> str:
        return f"inject {self._event.name if self._event else ''}"

    def body(self) -> Iterable[Widget]:
        with Vertical(id="pick") as pick:
            pick.display = self._asked is None
            yield LineBox(placeholder="type to filter")
            yield OptionList(*self._options(""))

    def buttons(self) -> Iterable[Button]:
        yield button("Choose", "submit", usual=True)
        yield button("Other type", "back")
        yield button("Cancel", "cancel")

    async def on_mount(self) -> None:
        self.set_class(True, "-picking")
        if self._asked:
            await self._fill_in(self._asked)
        elif not self._graph.events:
            self.complain("the workflow has no event types: it did not load")
        else:
            self.query_one(LineBox).focus()

    @property
    def keys(self) -> str:
        esc = "cancel" if self._asked else "back"
        return self.for_tab(f"ctrl+s inject · esc {esc} · F2 JSON · enter next") if self._event else self.KEYS

    # -- choosing the type
    def _options(self, words: str) -> Iterator[Option]:
        matching = [e for e in self._graph.events if _matches(e, self._graph, words)]
        for event in sorted(matching, key=lambda e: not self._graph.accepting(e.name)):
            yield Option(_describe(event, self._graph), id=event.name)

    @on(Input.Changed, "#pick > LineBox")
    def _filter(self, changed: Input.Changed) -> None:
        chooser = self.query_one(OptionList)
        chooser.set_options(self._options(changed.value.lower()))
        chooser.highlighted = 0 if chooser.option_count else None
        self.complain("" if chooser.option_count else f"no event type matches {changed.value!r}")

    @on(Entered)
    def _chosen_by_filter(self, entered: Entered) -> None:
        entered.stop()
        if self.query_one(OptionList).highlighted is None:
            self.query_one(OptionList).highlighted = 0
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    async def _chosen(self, chosen: OptionList.OptionSelected) -> None:
        event = self._graph.event(chosen.option_id or "")
        if event:
            await self._fill_in(event)

    def action_into_list(self) -> None:
        if self.has_class("-picking"):
            self.query_one(OptionList).focus()

    def action_into_filter(self) -> None:
        if self.has_class("-picking"):
            self.query_one(LineBox).focus()

    # -- filling it in
    async def _fill_in(self, event: EventType) -> None:
        self._event = event
        self.complain("")
        self._show_picking(False)
        self.retitle(f"Inject {event.name}")
        target = Horizontal(Static("to"), _targets(event, self._graph), id="target")
        form = EventForm(event, draft=drafts.recall(self.session, self.draft_name))
        await self.query_one("#frame").mount_all([target, form], after="#pick")
        self.settle()

    def _show_picking(self, picking: bool) -> None:
        self.set_class(picking, "-picking")
        self.query_one("#pick").display = picking
        self.query_one("#submit", Button).label = "Choose" if picking else "Inject"
        self._say_below(self.keys if picking else "")

    async def action_back(self) -> None:
        """To the list of types, keeping what is typed."""
        if self.form:
            drafts.keep(self.session, self.draft_name, self.form.draft)
            await self.query("#target, EventForm").remove()
        self._event = None
        self.complain("")
        self.retitle("Inject an event")
        self._show_picking(True)
        self.query_one(LineBox).focus()

    async def action_cancel(self) -> None:
        """Back to the list when one was chosen there, else out."""
        if self.form and not self._asked:
            await self.action_back()
        else:
            await super().action_cancel()

    def action_submit(self) -> None:
        if self.form:
            super().action_submit()
        else:
            self.query_one(OptionList).action_select()

    @on(Button.Pressed, "#back")
    async def _back(self) -> None:
        self._asked = None
        await self.action_back()

    @on(Button.Pressed, "#cancel")
    async def _out(self, pressed: Button.Pressed) -> None:
        pressed.prevent_default()
        await super().action_cancel()

    async def send(self, data: dict[str, Any]) -> bool:
        event = self._event
        assert event is not None
        step = str(self.query_one("#target Select", Select).value) or None
        result = await self.attempt(self.session.inject(event.name, data, step))
        if result is None:
            return False
        if not result.accepted_by:
            self.complain(_nobody(event.name, result))
            return False
        self.app.notify(
            f"{arrow()} {', '.join(result.accepted_by)}", title=f"{event.name} injected", markup=False
        )
        self.dismiss(None)
        return True


def _targets(event: EventType, graph: FlowGraph) -> Select[str]:
    """All who take it, or one of several steps."""
    steps = [s.name for s in graph.accepting(event.name)]
    everyone = (
        f"all who take it: {_takers(event, graph)}" if steps else "whoever waits for it; no step accepts it"
    )
    alone = [(f"{step} alone", step) for step in steps] if len(steps) > 1 else []
    return Select([(everyone, ""), *alone], value="", allow_blank=False, compact=True)


def _nobody(event: str, result: InjectResult) -> str:
    closest = f" Taken now: {', '.join(result.closest)}." if result.closest else ""
    return f"{event} was sent, but nobody takes it: no step accepts it and none waits for it.{closest}"


def _matches(event: EventType, graph: FlowGraph, words: str) -> bool:
    about = " ".join([event.name, event.role, *(s.name for s in graph.accepting(event.name))]).lower()
    return all(word in about for word in words.split())


def _describe(event: EventType, graph: FlowGraph) -> Content:
    width = min(_NAME_WIDTH, max(len(e.name) for e in graph.events))
    if takers := _takers(event, graph):
        takers = f"{arrow()} {takers}"
    else:
        takers = "ends the run" if event.role == "stop" else "no step accepts it"
    return Content.assemble(fit(event.name, width), "  ", (takers, "$foreground 60%"))


def _takers(event: EventType, graph: FlowGraph) -> str:
    takers = [s.name for s in graph.accepting(event.name)]
    return ", ".join([*takers, *(f"{s.name} (waiting)" for s in graph.steps if event.name in s.waits_for)])
