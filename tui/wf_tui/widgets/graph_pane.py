"""The step graph of the debugged workflow, live: what each step does, what passed, what is selected."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph
from wf_debug.trace.activity import EdgeKey, StepActivity
from wf_tui import look
from wf_tui.graphview.boxes import BoxFace
from wf_tui.graphview.drawing import Drawing, Item, ItemKind
from wf_tui.graphview.faces import face_of
from wf_tui.graphview.fit import Fitter
from wf_tui.graphview.glyphs import ASCII, UNICODE
from wf_tui.graphview.navigate import item_at, neighbour
from wf_tui.graphview.observed import undeclared, with_observed
from wf_tui.graphview.picture import Picture
from wf_tui.graphview.plan import plan_of
from wf_tui.widgets.graph_ink import Ink

_INLINE_NODES = 12
"""A graph of more nodes is laid out in a thread, so that the screen never waits for it."""
_COUNT_WIDTH = 6
_ATTENTION: Mapping[str, int] = {"held": 0, "running": 1, "waiting": 2}


class GraphPane(ScrollView, can_focus=True):
    """Draws a `FlowGraph` at the most detailed level that fits, and scrolls where none does.

    The drawing stays the same while a run goes on, except when the pane is resized or an event takes a way
    that the graph does not declare: that edge is then added, dotted.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = set(Ink.CLASSES)
    DEFAULT_CSS = """
    GraphPane {
        height: 1fr;
        overflow: auto auto;
        scrollbar-size: 1 1;
        & .graph--blank, & .graph--idle, & .graph--label, & .graph--human { color: $foreground; }
        & .graph--solid, & .graph--back, & .graph--observed, & .graph--terminal { color: $text-muted; }
        & .graph--count { color: $text-muted; }
        & .graph--error, & .graph--failed { color: $text-error; }
        & .graph--running, & .graph--waiting { color: $text-accent; }
        & .graph--running, & .graph--held, & .graph--asked { text-style: bold; }
        & .graph--held, & .graph--retrying, & .graph--asked { color: $text-warning; }
        & .graph--done { color: $text-success; }
        & .graph--breakpoint { color: $text-error; text-style: bold; }
        & .graph--chosen-line { color: $text-accent; text-style: bold; }
        & .graph--selected { background: $block-cursor-background; color: $block-cursor-foreground; }
        & .graph--selected-blurred { background: $block-cursor-blurred-background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(0,-1)", "Up", show=False),
        Binding("down,j", "move(0,1)", "Down", show=False),
        Binding("left,h", "move(-1,0)", "Left", show=False),
        Binding("right,l", "move(1,0)", "Right", show=False),
        Binding("shift+up", "pan(0,-1)", "Scroll up", show=False),
        Binding("shift+down", "pan(0,1)", "Scroll down", show=False),
        Binding("shift+left", "pan(-4,0)", "Scroll left", show=False),
        Binding("shift+right", "pan(4,0)", "Scroll right", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "first", "First step", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    class Selected(Message):
        """The person selected a step or an event type."""

        def __init__(self, pane: GraphPane, kind: ItemKind, name: str) -> None:
            super().__init__()
            self.pane, self.kind, self.name = pane, kind, name

        @property
        def control(self) -> GraphPane:
            return self.pane

    @dataclass
    class Measured(Message):
        """A graph is there to be drawn; these widths show it, with ever shorter labels."""

        widths: tuple[int, ...]

    class Chosen(Selected):
        """Enter or a double click on the selected step or event type."""

    def __init__(self, *, id: str | None = None, ascii: bool | None = None) -> None:  # noqa: A002
        """`ascii` draws without any other character; by default as the rest of the application does."""
        super().__init__(id=id)
        self._glyphs = ASCII if (look.plain_glyphs() if ascii is None else ascii) else UNICODE
        self.following = True
        """Whether the view scrolls to the step at work; off once the person scrolls or selects."""
        self._graph: FlowGraph | None = None
        self._observed: dict[EdgeKey, None] = {}
        self._fitter: Fitter | None = None
        self._measured: Fitter | None = None
        self._picture: Picture | None = None
        self._activity: Mapping[str, StepActivity] = {}
        self._counts: Mapping[EdgeKey, int] = {}
        self._asked = False
        self._stop_steps: frozenset[str] = frozenset()
        self._stop_events: frozenset[str] = frozenset()
        self._active = ""
        self._ink = Ink(self)

    # -- what is shown ------------------------------
    @property
    def picture(self) -> Picture | None:
        """The drawing with what is on it; None until there is a graph and room to draw it."""
        return self._picture

    @property
    def selected(self) -> Item | None:
        """The selected step or event type."""
        return self._picture.selected if self._picture else None

    def show(self, graph: FlowGraph | None) -> None:
        """Draw this graph from now on; the selection stays if the new graph has it too."""
        self._graph, self._observed = graph, {}
        self._activity, self._counts, self._asked = {}, {}, False
        self.following = True
        self._plan()

    def sync(
        self,
        activity: Mapping[str, StepActivity],
        edges: Mapping[EdgeKey, int] | None = None,
        asked: bool = False,
    ) -> None:
        """Show what the steps do, by step name; the events passed, by (source, event type, target); an open
        question.

        An edge that the graph lacks is added to the drawing.
        """
        if activity is self._activity and edges == self._counts and asked == self._asked:
            return
        if _total(activity) < _total(self._activity):
            self.following = True  # another run
        self._activity, self._asked = activity, asked
        if edges is not None and edges != self._counts:
            self._counts = edges
            self._observe(edges)
        self._update()
        self._follow()

    def mark_breakpoints(self, breakpoints: Iterable[Breakpoint]) -> None:
        """Mark the steps and event types where these stop; disabled ones are not shown."""
        enabled = [b for b in breakpoints if b.enabled]
        self._stop_events = frozenset(b.event for b in enabled if b.event)
        self._stop_steps = frozenset(b.step for b in enabled if b.step and not b.event)
        self._update()

    def select(self, kind: ItemKind, name: str) -> bool:
        """Select a step or event type without telling anybody; False if it is not drawn."""
        found = self._find(kind, name)
        if found is not None:
            self._select(found)
        return found is not None

    def follow(self) -> None:
        """Scroll to the step at work again, and keep doing so."""
        self.following, self._active = True, ""
        self._follow()

    # -- laying out ------------------------------
    def _plan(self) -> None:
        if self._graph is None:
            self._fitter = self._picture = None
            self.virtual_size = Size(0, 0)
            self._repaint()
            return
        self._fitter = Fitter(plan_of(with_observed(self._graph, self._observed)), self._glyphs)
        self._fit()

    def _observe(self, edges: Collection[EdgeKey]) -> None:
        """Add the edges that nobody declared."""
        fresh = undeclared(self._graph, edges) if self._graph else []
        if any(edge not in self._observed for edge in fresh):
            self._observed.update(dict.fromkeys(fresh))
            self._plan()

    def _measure(self, fitter: Fitter) -> None:
        if self._measured is not fitter:
            self._measured = fitter
            self.post_message(self.Measured(fitter.narrowest))

    def _fit(self) -> None:
        width, height = self._room
        if self._fitter is None or not (width and height):
            return
        if len(self._fitter.plan.nodes) > _INLINE_NODES:
            self.run_worker(
                self._fit_aside(self._fitter, width, height),
                exclusive=True,
                group="layout",
                exit_on_error=False,
            )
        else:
            self._adopt(self._fitter.fit(width, height))
            self._measure(self._fitter)

    async def _fit_aside(self, fitter: Fitter, width: int, height: int) -> None:
        drawing = await asyncio.to_thread(fitter.fit, width, height)
        if fitter is self._fitter:
            self._adopt(drawing)
            await asyncio.to_thread(lambda: fitter.narrowest)
            self._measure(fitter)

    @property
    def _room(self) -> Size:
        """The pane's size without scrollbars; they come and go with the drawing."""
        return self.content_region.size

    def _adopt(self, drawing: Drawing) -> None:
        before, selected = self._picture, self.selected
        self._picture = Picture(drawing, self._glyphs, self._spare(drawing))
        if selected:
            self._picture.select(self._find(selected.kind, selected.name, near=selected))
        self._update()
        self._repaint()
        if before is not None and before.drawing is drawing:
            return  # only the space around it changed
        self.virtual_size = Size(drawing.width, drawing.height)
        self._active = ""
        self.call_after_refresh(self._settle_view, before is None)

    def _spare(self, drawing: Drawing) -> int:
        """Columns right of a centred drawing that counts may use."""
        return max(0, min(_COUNT_WIDTH, (self._room.width - drawing.width) // 2))

    def _settle_view(self, first: bool) -> None:
        """Show what matters in a new drawing: the selection, the step at work, or its beginning."""
        if self._picture is None:
            return
        if self.selected and not self.following:
            self._reveal(self.selected)
        elif not self._follow() and self._picture.items and first:
            self._reveal(self._picture.items[0])

    def on_resize(self) -> None:
        self._fit()

    # -- keeping up ------------------------------
    def _update(self) -> None:
        """Bring the picture up to date and repaint the rows that changed."""
        if self._picture is None:
            return
        names = [name for name, box in self._picture.drawing.boxes.items() if box.node.kind == "step"]
        faces = {n: face_of(self._activity.get(n), breakpoint=n in self._stop_steps) for n in names}
        faces["*human"] = BoxFace(asked=self._asked)
        changed = self._picture.set_faces(faces)
        changed |= self._picture.set_counts(self._counts)
        changed |= self._picture.set_breakpoints(self._stop_events)
        self._repaint_rows(changed)

    def _follow(self) -> bool:
        """Scroll to the step that needs attention most, when that is another one; whether there is one."""
        if self._picture is None or not self.following:
            return False
        at_work = [
            (_ATTENTION[face_of(activity).state], name)
            for name, activity in self._activity.items()
            if face_of(activity).state in _ATTENTION and name in self._picture.drawing.boxes
        ]
        if not at_work:
            return False
        urgency = min(urgency for urgency, _ in at_work)
        if (urgency, self._active) not in at_work:
            self._active = next(name for u, name in at_work if u == urgency)
            box = self._picture.drawing.boxes[self._active]
            self._reveal_region(Region(box.x, box.y, box.width, box.height))
        return True

    # -- selecting ------------------------------
    def _find(self, kind: ItemKind, name: str, near: Item | None = None) -> Item | None:
        """The item of that name; of several labels the one nearest to the selected one."""
        items = self._picture.items if self._picture else ()
        here = near or self.selected
        found = [item for item in items if (item.kind, item.name) == (kind, name)]
        if here and len(found) > 1:
            return min(found, key=lambda item: abs(item.y - here.y) + abs(item.x - here.x))
        return found[0] if found else None

    def _select(self, item: Item | None) -> None:
        if self._picture is not None:
            self._repaint_rows(self._picture.select(item))
            if item is not None:
                self._reveal(item)

    def _pick(self, item: Item) -> None:
        """The person selected this."""
        self.following = False
        self._select(item)
        self.post_message(self.Selected(self, item.kind, item.name))

    def action_move(self, dx: int, dy: int) -> None:
        if self._picture is None or not self._picture.items:
            return
        if self.selected is None:
            self._pick(self._starting_item(self._picture))
        elif target := neighbour(self._picture.items, self.selected, dx, dy):
            self._pick(target)
        else:
            self.action_pan(4 * dx, dy)

    def _starting_item(self, picture: Picture) -> Item:
        """Where the keys begin: the step that is followed, else the first one."""
        steps = [item for item in picture.items if item.kind == "step"]
        return next((item for item in steps if item.name == self._active), (steps or picture.items)[0])

    def action_first(self) -> None:
        if self._picture and self._picture.items:
            self._pick(next((i for i in self._picture.items if i.kind == "step"), self._picture.items[0]))

    def action_choose(self) -> None:
        if item := self.selected:
            self.post_message(self.Chosen(self, item.kind, item.name))

    def on_click(self, event: events.Click) -> None:
        item = self._item_under(event.x, event.y)
        if item is None:
            return
        if item == self.selected and event.chain == 2:
            self.action_choose()
        else:
            self._pick(item)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """A name that is cut short is told in full."""
        item = self._item_under(event.x, event.y)
        tip = item.name if item and item.name not in self._shown_text(item) else None
        if tip != self.tooltip:
            self.tooltip = tip

    def _item_under(self, x: int, y: int) -> Item | None:
        if self._picture is None:
            return None
        return item_at(self._picture.items, x + self.scroll_offset.x - self._margin, y + self.scroll_offset.y)

    def _shown_text(self, item: Item) -> str:
        """What the drawing says at the item."""
        if self._picture is None:
            return ""
        y = item.y + (item.height - 1) // 2
        return "".join(run.text for run in self._picture.row(y))

    # -- scrolling ------------------------------
    def _reveal(self, item: Item) -> None:
        self._reveal_region(Region(item.x, item.y, item.width, item.height))

    def _reveal_region(self, region: Region) -> None:
        self.scroll_to_region(region, spacing=Spacing(1, 2, 1, 2), animate=False, immediate=True, force=True)

    def action_pan(self, dx: int, dy: int) -> None:
        self.following = False
        x, y = self.scroll_offset
        self.scroll_to(x + dx, y + dy, animate=False, immediate=True, force=True)

    def action_page(self, by: int) -> None:
        self.action_pan(0, by * max(self.size.height - 1, 1))

    def on_mouse_scroll_up(self) -> None:
        self.following = False

    def on_mouse_scroll_down(self) -> None:
        self.following = False

    def on_scroll_to(self) -> None:
        """A scrollbar was dragged."""
        self.following = False

    # -- painting ------------------------------
    @property
    def _margin(self) -> int:
        """Free columns left of a drawing that is narrower than the pane."""
        return max(0, (self.size.width - self._picture.drawing.width) // 2) if self._picture else 0

    def _repaint(self) -> None:
        self._ink.forget()
        self.refresh()

    def _repaint_rows(self, rows: Iterable[int]) -> None:
        for y in rows:
            self._ink.forget_row(y)
            self.refresh_line(y)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._ink.forget()

    def on_focus(self) -> None:
        self._repaint()

    def on_blur(self) -> None:
        self._repaint()

    def render_line(self, y: int) -> Strip:
        width, row = self.size.width, self.scroll_offset.y + y
        if self._picture is None or row >= self._picture.drawing.height:
            return self._remark(y, width)
        strip = self._ink.row(self._picture, row)
        if self._margin:
            strip = Strip([Segment(" " * self._margin, self.rich_style), *strip])
        return strip.crop_extend(self.scroll_offset.x, self.scroll_offset.x + width, self.rich_style)

    def _remark(self, y: int, width: int) -> Strip:
        """Below the drawing; an empty one says so."""
        empty = self._picture is not None and not self._picture.drawing.boxes
        text = "no steps" if empty and y == 0 else ""
        return Strip([Segment(text, self._ink.style("terminal"))]).extend_cell_length(width, self.rich_style)


def _total(activity: Mapping[str, StepActivity]) -> int:
    return sum(a.finished + a.failed for a in activity.values())
