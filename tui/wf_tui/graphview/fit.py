"""How much detail fits: levels from roomy boxes with full labels down to an overview without labels."""

from __future__ import annotations

from wf_tui.graphview.boxes import Rung
from wf_tui.graphview.drawing import Drawing
from wf_tui.graphview.glyphs import UNICODE, Glyphs
from wf_tui.graphview.layout import lay_out
from wf_tui.graphview.plan import Plan

LADDER = (
    Rung("cosy"),
    Rung("cosy", gap=1, label_limit=14),
    Rung("compact"),
    Rung("compact", gap=1),
    Rung("compact", gap=1, label_limit=12),
    Rung("compact", gap=1, label_limit=8),
    Rung("compact", gap=1, label_limit=0),
)
"""From the most detail to the least."""
CLOSE = LADDER[3:]
"""Those that take no more columns than they need: with labels in full, readable, as a hint, and without."""


class Fitter:
    """Drawings of one plan at every level of detail, each laid out once, when it is first asked for."""

    def __init__(self, plan: Plan, glyphs: Glyphs = UNICODE) -> None:
        self.plan, self.glyphs = plan, glyphs
        self._drawn: dict[Rung, Drawing] = {}

    def at(self, rung: Rung) -> Drawing:
        """The drawing at this level of detail."""
        if rung not in self._drawn:
            self._drawn[rung] = lay_out(self.plan, rung, self.glyphs)
        return self._drawn[rung]

    def fit(self, width: int, height: int) -> Drawing:
        """The most detailed drawing that fits; if none does, the lowest of those that fit the width.

        Labels are given up only where no drawing with labels fits the width; below that the reader scrolls
        sideways too.
        """
        for rung in LADDER:
            drawing = self.at(rung)
            if drawing.width <= width and drawing.height <= height:
                return drawing
        beside = width - 1  # a scrollbar is there
        narrow = [self.at(rung) for rung in LADDER if rung.label_limit and self.at(rung).width <= beside]
        return min(narrow, key=lambda drawing: drawing.height) if narrow else self.at(LADDER[-1])

    @property
    def narrowest(self) -> tuple[int, ...]:
        """The least width for each way to show the labels, of `CLOSE`."""
        return tuple(self.at(rung).width for rung in CLOSE)

    def fit_width(self, width: int) -> Drawing:
        """The most detailed drawing that is no wider than `width`, else the narrowest."""
        for rung in LADDER:
            if self.at(rung).width <= width:
                return self.at(rung)
        return min((self.at(rung) for rung in LADDER), key=lambda drawing: drawing.width)
