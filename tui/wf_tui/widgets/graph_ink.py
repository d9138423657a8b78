"""From a picture's rows to strips in the theme's colours; keeps those of a few screens."""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from wf_tui.graphview.picture import ROLES, Picture, Role

_SCREENS_KEPT = 3


class Ink:
    """Draws for one widget, which has the component classes in `CLASSES`."""

    CLASSES: ClassVar[frozenset[str]] = frozenset(
        {*(f"graph--{role}" for role in ROLES), "graph--selected", "graph--selected-blurred"}
    )

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._strips: OrderedDict[int, Strip] = OrderedDict()
        self._styles: dict[tuple[Role, bool], Style] = {}

    def forget(self) -> None:
        """The picture, the theme or the focus changed."""
        self._strips.clear()
        self._styles.clear()

    def forget_row(self, row: int) -> None:
        """The picture says that this row changed."""
        self._strips.pop(row, None)

    def row(self, picture: Picture, row: int) -> Strip:
        """A row of the picture in its full width."""
        strip = self._strips.get(row)
        if strip is None:
            strip = Strip([Segment(run.text, self.style(run.role, run.selected)) for run in picture.row(row)])
            self._strips[row] = strip
            while len(self._strips) > _SCREENS_KEPT * max(self._widget.size.height, 1):
                self._strips.popitem(last=False)
        return strip

    def style(self, role: Role, selected: bool = False) -> Style:
        """How characters of this role look on the present theme."""
        style = self._styles.get((role, selected))
        if style is None:
            style = self._styles[role, selected] = self._resolve(role, selected)
        return style

    def _resolve(self, role: Role, selected: bool) -> Style:
        style = self._widget.get_component_rich_style(f"graph--{role}")
        if selected and self._widget.has_focus:
            return style + self._widget.get_component_rich_style("graph--selected")
        if selected:
            blurred = self._widget.get_component_rich_style("graph--selected-blurred")
            return style + Style(bgcolor=blurred.bgcolor)
        return style
