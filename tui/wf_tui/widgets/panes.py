"""The five panes: which are on screen at this size, which has the focus, and the zoom."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.reactive import var

from wf_tui.screens.layout import EVERYWHERE, MODES, Mode, PaneName, left_width, mode_of, visible_panes
from wf_tui.widgets.graph_pane import GraphPane
from wf_tui.widgets.inspector import Inspector
from wf_tui.widgets.lanes import Lanes
from wf_tui.widgets.logs import Logs
from wf_tui.widgets.pane import Pane
from wf_tui.widgets.timeline import Timeline


class Panes(Horizontal):
    """Lays the panes out. The style sheet says where they lie, this class which are there."""

    focused: var[PaneName] = var[PaneName]("timeline")
    zoomed: var[bool] = var(False)
    mode: var[Mode] = var[Mode]("normal")

    class Focused(Message):
        """Another pane has the focus."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._detail: PaneName = "inspector"
        self._graph_widths: tuple[int, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical(id="left"):
            with Pane(1, "Graph", id="pane-graph"):
                yield GraphPane()
            with Pane(2, "Lanes", id="pane-lanes"):
                yield Lanes(id="lanes")
        with Container(id="right"):
            with Pane(3, "Timeline", id="pane-timeline"):
                yield Timeline()
            with Pane(4, "Inspector", id="pane-inspector"):
                yield Inspector()
            with Pane(5, "Logs", id="pane-logs"):
                yield Logs()

    def pane(self, name: PaneName) -> Pane:
        return self.query_one(f"#pane-{name}", Pane)

    def on_mount(self) -> None:
        self.fit_to(self.screen.size.width, self.screen.size.height)

    def fit_to(self, width: int, height: int) -> None:
        """The terminal has this size now."""
        self.mode = mode_of(width, height)
        self._arrange()

    def toggle_zoom(self) -> None:
        self.zoomed = not self.zoomed
        self._arrange()

    def go_to(self, name: PaneName) -> None:
        """Show the pane and give it the focus."""
        self._became_focused(name)
        self.pane(name).focus_content()

    def go_beside(self, by: int) -> None:
        """The next pane in order of their numbers, or the one before."""
        self.go_to(EVERYWHERE[(EVERYWHERE.index(self.focused) + by) % len(EVERYWHERE)])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        pane = next((w for w in event.widget.ancestors_with_self if isinstance(w, Pane)), None)
        if pane is not None and pane.id is not None:
            self._became_focused(EVERYWHERE[pane.number - 1])

    def _became_focused(self, name: PaneName) -> None:
        if name in ("inspector", "logs"):
            self._detail = name
        if name != self.focused:
            self.focused = name
            self._arrange()
            self.post_message(self.Focused())

    @property
    def shown(self) -> frozenset[PaneName]:
        """The panes on screen."""
        return visible_panes(self.mode, self.zoomed, self.focused, self._detail)

    def on_graph_pane_measured(self, event: GraphPane.Measured) -> None:
        self._graph_widths = tuple(width + 2 for width in event.widths)  # the pane's border
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        shown = self.shown
        self.query_one("#left").styles.width = left_width(
            self.mode, self.size.width, self._graph_widths, shown
        )
        for name in EVERYWHERE:
            self.pane(name).display = name in shown
        self.query_one("#left").display = bool(shown & {"graph", "lanes"})
        self.query_one("#right").display = bool(shown & {"timeline", "inspector", "logs"})
        for mode in MODES:
            self.set_class(mode == self.mode, f"-{mode}")
        self.set_class(len(shown) == 1, "-single")
