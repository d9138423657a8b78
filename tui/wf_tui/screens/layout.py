"""Which panes are on screen, by size, zoom and focus. Where they lie is the style sheet's."""

from __future__ import annotations

from typing import Literal

PaneName = Literal["graph", "lanes", "timeline", "inspector", "logs"]
EVERYWHERE: tuple[PaneName, ...] = ("graph", "lanes", "timeline", "inspector", "logs")
"""All panes in order of their numbers."""
Mode = Literal["tiny", "narrow", "normal", "wide"]
MODES: tuple[Mode, ...] = ("tiny", "narrow", "normal", "wide")


def mode_of(width: int, height: int) -> Mode:
    """tiny shows one pane, narrow four (inspector or logs), normal all in two columns, wide all in three."""
    if width < 60 or height < 18:
        return "tiny"
    if width < 100 or height < 30:
        return "narrow"
    return "wide" if width >= 160 else "normal"


def visible_panes(mode: Mode, zoomed: bool, focused: PaneName, detail: PaneName) -> frozenset[PaneName]:
    """The panes to show. `detail` is the one of inspector and logs that had the focus last."""
    if zoomed or mode == "tiny":
        return frozenset({focused})
    if mode == "narrow":
        return frozenset({"graph", "lanes", "timeline", detail})
    return frozenset(EVERYWHERE)


_LEFT: dict[Mode, tuple[float, float]] = {"narrow": (0.42, 0.55), "normal": (0.4, 0.475), "wide": (0.3, 0.42)}
"""The left column's share of the width: usual, and at most, where that shows more of the graph."""
_READABLE = 2
"""So many of a graph's widths show labels that can be read: of use where there is little room."""


def left_width(mode: Mode, width: int, graph: tuple[int, ...], shown: frozenset[PaneName]) -> int | None:
    """Columns for graph and lanes beside other panes, for the first of these graphs that is not too wide.

    None: the style sheet's.
    """
    if mode not in _LEFT or not shown & {"graph", "lanes"} or not shown - {"graph", "lanes"}:
        return None
    least, most = (round(share * width) for share in _LEFT[mode])
    worth = graph[:_READABLE] if mode == "narrow" else graph
    return max(least, next((columns for columns in worth if columns <= most), least))
