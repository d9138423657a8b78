"""The graph for other tools: each format is complete and well-formed."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from graphs import SAMPLES, flow, human, mixed, odd, react
from rich.cells import cell_len

from wf_debug.graph import START, FlowGraph
from wf_tui.graphview.formats import render_graph

SVG = "{http://www.w3.org/2000/svg}"


def test_text_fits_the_width_when_it_can() -> None:
    natural = render_graph(react(), "text").splitlines()
    assert max(map(cell_len, natural)) > 50
    narrow = render_graph(react(), "text", width=40).splitlines()
    assert max(map(cell_len, narrow)) <= 40
    assert any("aggregate_tool_results" in line for line in narrow)


def test_text_narrower_than_possible_is_the_narrowest() -> None:
    widths = [max(map(cell_len, render_graph(mixed(), "text", width=w).splitlines())) for w in (1, 20, 200)]
    assert widths[0] == widths[1] < widths[2]


def test_ascii_text_is_ascii() -> None:
    assert all(render_graph(make(), "text", ascii=True).isascii() for make in SAMPLES.values())


def test_a_graph_without_steps_says_so() -> None:
    assert render_graph(FlowGraph(name="Empty"), "text") == "Empty: no steps"
    ET.fromstring(render_graph(FlowGraph(name="Empty"), "svg"))


@pytest.mark.parametrize("make", [human, mixed, odd])
def test_mermaid_has_every_step_and_edge(make) -> None:
    graph = make()
    lines = render_graph(graph, "mermaid").splitlines()
    assert lines[0] == "flowchart TD"
    assert all(any(f'["{step.name}"]' in line for line in lines) for step in graph.steps)
    edges = [line for line in lines if re.fullmatch(r' +n\d+ -\.?->\|"\w+"\| n\d+', line)]
    assert len(edges) == len(graph.edges)


def test_mermaid_keeps_quotes_out_of_its_syntax() -> None:
    text = render_graph(flow("q", [(START, 'say "hi" #1', "StartEvent")]), "mermaid")
    assert '["say #quot;hi#quot; #35;1"]' in text


@pytest.mark.parametrize("make", [human, mixed, odd])
def test_dot_has_every_step_and_edge(make) -> None:
    graph = make()
    text = render_graph(graph, "dot")
    assert text.startswith(f'digraph "{graph.name}" {{')
    assert text.endswith("}")
    assert len(re.findall(r"n\d+ -> n\d+ \[label=", text)) == len(graph.edges)
    assert all(f'label="{step.name}"' in text for step in graph.steps)


def test_error_and_observed_edges_look_different_in_dot() -> None:
    text = render_graph(odd(), "dot")
    assert 'label="StepFailedEvent", style=dashed' in text
    assert 'label="Seen", style=dotted' in text


def test_json_is_the_graph_itself() -> None:
    text = render_graph(odd(), "json")
    assert FlowGraph.model_validate(json.loads(text)) == odd()


def test_svg_is_well_formed_and_has_every_name() -> None:
    for make in SAMPLES.values():
        graph = make()
        root = ET.fromstring(render_graph(graph, "svg"))
        shown = " ".join(root.itertext())
        assert all(step.name in shown for step in graph.steps)
        assert all(edge.event in shown for edge in graph.edges)


def test_svg_draws_inside_its_page() -> None:
    root = ET.fromstring(render_graph(react(), "svg"))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    texts = list(root.iter(f"{SVG}text"))
    assert all(float(e.attrib["x"]) + float(e.attrib["textLength"]) <= width for e in texts)
    assert all(0 < float(e.attrib["y"]) < height for e in texts)


def test_svg_escapes_names() -> None:
    graph = flow("a<b>&", [(START, "x<y", "StartEvent")])
    assert "x<y" in " ".join(ET.fromstring(render_graph(graph, "svg")).itertext())


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="use text, mermaid"):
        render_graph(react(), "png")  # type: ignore[arg-type]
