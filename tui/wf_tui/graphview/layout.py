"""From a plan to a drawing: cycles, ranks, layers, order, columns, routes.

The same plan gives the same drawing, whatever the hash seed.
"""

from __future__ import annotations

from wf_tui.graphview.boxes import Rung
from wf_tui.graphview.coordinates import assign_columns
from wf_tui.graphview.cycles import back_wires
from wf_tui.graphview.drawing import Drawing
from wf_tui.graphview.glyphs import UNICODE, Glyphs
from wf_tui.graphview.layered import Layered, Side, Skeleton, build_layers, split_lanes
from wf_tui.graphview.ordering import order_layers
from wf_tui.graphview.plan import Plan
from wf_tui.graphview.ranks import ranks_of
from wf_tui.graphview.routing import draw

_MOST_LOOPS_TO_FLIP = 8


def lay_out(plan: Plan, rung: Rung | None = None, glyphs: Glyphs = UNICODE) -> Drawing:
    """Draw `plan` at one level of detail; an empty plan gives an empty drawing."""
    rung = rung or Rung()
    back, met = back_wires(plan)
    skeleton = Skeleton(back, met, ranks_of(plan, back))
    graph, crossings = _ordered(plan, skeleton, rung, glyphs)
    split_lanes(graph)
    assign_columns(graph, rung.gap)
    return draw(graph, rung, crossings)


def _ordered(plan: Plan, skeleton: Skeleton, rung: Rung, glyphs: Glyphs) -> tuple[Layered, int]:
    """The layers in order; while lines cross, each loop is tried on the left side of its boxes."""
    sides: dict[int, Side] = {}
    best = build_layers(plan, skeleton, rung, glyphs, sides)
    fewest = order_layers(best)
    loops = sorted(skeleton.back)
    for loop in loops if len(loops) <= _MOST_LOOPS_TO_FLIP else ():
        if not fewest:
            break
        flipped: dict[int, Side] = {**sides, loop: "left"}
        graph = build_layers(plan, skeleton, rung, glyphs, flipped)
        crossings = order_layers(graph)
        if crossings < fewest:
            best, fewest, sides = graph, crossings, flipped
    return best, fewest
