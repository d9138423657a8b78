"""What every drawing keeps, whatever the graph."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from graphs import flow, thicket
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wf_debug.graph import HUMAN, START, STOP, FlowGraph
from wf_tui.graphview.drawing import Box, Drawing
from wf_tui.graphview.fit import LADDER
from wf_tui.graphview.layout import lay_out
from wf_tui.graphview.paint import to_lines
from wf_tui.graphview.plan import plan_of

NAMES = ["a", "fetch", "rank_all", "parse_agent_output", "go", "読む", "start", "stop", "human", "x" * 40]
EVENTS = ["E", "Done", "QueryEvent", "RetrievedDocumentsWithScoresEvent", "StepFailedEvent", "結果"]


@st.composite
def graphs(draw: st.DrawFn) -> FlowGraph:
    """Any directed graph at all: loops, islands, double edges, broadcasts, steps named like pseudo nodes."""
    steps = draw(st.lists(st.sampled_from(NAMES), max_size=9, unique=True))
    ends = [(START, step, "StartEvent") for step in steps[:1]]
    inner = (
        st.tuples(st.sampled_from(steps), st.sampled_from(steps), st.sampled_from(EVENTS))
        if steps
        else st.nothing()
    )
    wires = draw(st.lists(inner, max_size=18)) if steps else []
    stops = draw(st.lists(st.sampled_from(steps), max_size=5, unique=True)) if steps else []
    ends += [(step, STOP, "StopEvent") for step in stops]
    if steps and draw(st.booleans()):
        asking, answering = draw(st.sampled_from(steps)), draw(st.sampled_from(steps))
        ends += [(asking, HUMAN, "InputRequiredEvent"), (HUMAN, answering, "HumanResponseEvent")]
    origin = draw(st.sampled_from(["declared", "waited", "observed"]))
    return flow("any", [*ends, *wires], extra=steps, Done=origin)


def apart(a: Box, b: Box) -> bool:
    beside = a.x + a.width <= b.x or b.x + b.width <= a.x
    return beside or a.y + a.height <= b.y or b.y + b.height <= a.y


def border(box: Box) -> set[tuple[int, int]]:
    """The cells around a box that a line may end in."""
    xs, ys = range(box.x, box.x + box.width), range(box.y, box.y + box.height)
    sides = {(x, y) for y in ys for x in (box.x - 1, box.x + box.width)}
    return sides | {(x, y) for x in xs for y in (box.y - 1, box.y + box.height)}


def check(drawing: Drawing) -> None:
    boxes = list(drawing.boxes.values())
    assert all(apart(a, b) for a, b in combinations(boxes, 2)), "boxes overlap"
    inside = {(x, y) for b in boxes for x in range(b.x, b.x + b.width) for y in range(b.y, b.y + b.height)}
    texts = [{(x, la.y) for x in range(la.x - 1, la.x + la.width)} for la in drawing.labels]
    lines = {cell for cell, line in drawing.cells.items() if not line.mark or cell not in inside}
    assert all(a.isdisjoint(b) for a, b in combinations(texts, 2)), "labels overlap"
    assert all(text.isdisjoint(inside | set(drawing.cells)) for text in texts), (
        "a label lies on a box or line"
    )
    assert not lines & inside, "a line runs through a box"
    assert not drawing.conflicts, "two lines share a cell"
    for wire, route in zip(drawing.plan.wires, drawing.routes, strict=True):
        assert all(abs(ax - bx) + abs(ay - by) == 1 for (ax, ay), (bx, by) in pairwise(route)), (
            "a route jumps"
        )
        assert len(set(route)) == len(route), "a route crosses itself"
        assert route[0] in border(drawing.boxes[wire.source]), "a route leaves another box"
        assert route[-1] in border(drawing.boxes[wire.target]), "a route reaches another box"
        assert set(route) <= set(drawing.cells), "a route is not drawn"
    for index in range(len(drawing.plan.wires)):
        labels = [la for la in drawing.labels if index in la.wires]
        assert len(labels) == (1 if drawing.rung.label_limit else 0)
        assert all((la.x - 2, la.y) in drawing.routes[index] for la in labels), "a label is not at its line"


@settings(max_examples=80, deadline=None)
@given(graph=graphs(), rung=st.sampled_from(LADDER))
@example(graph=flow("none", []), rung=LADDER[0])
@example(graph=flow("ends", [(START, STOP, "StartEvent")]), rung=LADDER[0])
def test_nothing_overlaps_and_every_wire_is_drawn(graph: FlowGraph, rung) -> None:
    check(lay_out(plan_of(graph), rung))


@settings(max_examples=25, deadline=None)
@given(graph=graphs(), rung=st.sampled_from(LADDER))
def test_same_graph_same_drawing(graph: FlowGraph, rung) -> None:
    assert to_lines(lay_out(plan_of(graph), rung)) == to_lines(lay_out(plan_of(graph), rung))


@settings(max_examples=60, deadline=None)
@given(graph=graphs())
def test_every_step_and_every_edge_is_in_the_plan(graph: FlowGraph) -> None:
    plan = plan_of(graph)
    steps = {node.name for node in plan.nodes if node.kind == "step"}
    assert steps == {step.name for step in graph.steps}
    drawn = {wire.event for wire in plan.wires} | {event for node in plan.nodes for event in node.loops}
    assert drawn == {edge.event for edge in graph.edges}


def test_deep_and_wide_graphs_are_drawn() -> None:
    deep = [(f"s{i}", f"s{i + 1}", f"E{i}") for i in range(120)]
    wide = [("s0", f"w{i}", "Job") for i in range(25)] + [(f"w{i}", "s1", f"Done{i}") for i in range(25)]
    check(lay_out(plan_of(flow("deep", [(START, "s0", "StartEvent"), *deep]))))
    check(lay_out(plan_of(flow("wide", [(START, "s0", "StartEvent"), *wide]))))


@pytest.mark.parametrize("seed", range(14))
def test_thickets_are_drawn_without_fault(seed: int) -> None:
    check(lay_out(plan_of(thicket(seed)), LADDER[seed % len(LADDER)]))
