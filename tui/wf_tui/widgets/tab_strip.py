"""One row of tabs: names only, the chosen one marked; the row scrolls so that the chosen one is seen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from wf_tui.look import clean


class TabStrip(Widget):
    """Tabs above a view. `[` and `]` are bound by the pane; a click chooses too."""

    DEFAULT_CSS = """
    TabStrip { height: 1; color: $text-muted; }
    """
    names: reactive[tuple[str, ...]] = reactive(())
    active: reactive[str] = reactive("")

    class Chosen(Message):
        """A tab was chosen by the person."""

        def __init__(self, strip: TabStrip, name: str) -> None:
            super().__init__()
            self.strip = strip
            self.name = name

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.set_reactive(TabStrip.names, tuple(names))
        self.set_reactive(TabStrip.active, names[0])

    def render(self) -> Content:
        parts: list[tuple[str, str] | str] = []
        for name in self._in_view():
            style = "$text-accent bold underline" if name == self.active else ""
            parts += [" ", (clean(name), style), " "]
        return Content.assemble(*parts)

    def _in_view(self) -> tuple[str, ...]:
        names = list(self.names)
        while (
            len(names) > 1 and names[0] != self.active and _width_until(names, self.active) > self.size.width
        ):
            names.pop(0)
        return tuple(names)

    def choose(self, name: str) -> None:
        """Make a tab the chosen one and say so."""
        if name != self.active and name in self.names:
            self.active = name
            self.post_message(self.Chosen(self, name))

    def turn(self, by: int) -> None:
        """Choose the next tab, or with -1 the one before."""
        if self.names:
            index = self.names.index(self.active) if self.active in self.names else 0
            self.choose(self.names[(index + by) % len(self.names)])

    def on_click(self, event: events.Click) -> None:
        x = 0
        for name in self._in_view():
            x += cell_len(clean(name)) + 2
            if event.x < x:
                self.choose(name)
                return


def _width_until(names: list[str], last: str) -> int:
    upto = names[: names.index(last) + 1] if last in names else names
    return sum(cell_len(clean(name)) + 2 for name in upto)
