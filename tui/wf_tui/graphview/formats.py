"""The step graph for files and other tools: text, Mermaid, Graphviz dot, JSON, SVG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Literal

from wf_debug.graph import FlowGraph
from wf_tui.graphview.fit import LADDER, Fitter
from wf_tui.graphview.glyphs import ASCII, UNICODE
from wf_tui.graphview.layout import lay_out
from wf_tui.graphview.paint import to_lines
from wf_tui.graphview.plan import Node, NodeKind, Plan, WireLook, plan_of
from wf_tui.graphview.svg import to_svg

Format = Literal["text", "mermaid", "dot", "json", "svg"]


def render_graph(graph: FlowGraph, format: Format, width: int | None = None, ascii: bool = False) -> str:  # noqa: A002
    """`graph` in a format.

    `width` (cells, text only) asks for the most detailed drawing that is no wider, or the narrowest there is;
    without it the drawing has its natural size. `ascii` draws without any other character (text only).

    Raises:
        ValueError: when the format is unknown.
    """
    match format:
        case "text":
            return _text(graph, width, ascii)
        case "mermaid":
            return _mermaid(plan_of(graph))
        case "dot":
            return _dot(graph.name, plan_of(graph))
        case "json":
            return graph.model_dump_json(indent=2)
        case "svg":
            return to_svg(lay_out(plan_of(graph)), f"{graph.name}: step graph", UNICODE)
    raise ValueError(f"unknown graph format {format!r}: use text, mermaid, dot, json or svg")


def _text(graph: FlowGraph, width: int | None, ascii_only: bool) -> str:
    plan, glyphs = plan_of(graph), ASCII if ascii_only else UNICODE
    if not plan.nodes:
        return f"{graph.name}: no steps"
    fitter = Fitter(plan, glyphs)
    return "\n".join(to_lines(fitter.at(LADDER[0]) if width is None else fitter.fit_width(width), glyphs))


_MERMAID_SHAPES: Mapping[NodeKind, tuple[str, str]] = {
    "start": ("([", "])"),
    "step": ("[", "]"),
    "human": ("{{", "}}"),
    "stop": ("([", "])"),
    "failure": (">", "]"),
}
_MERMAID_ARROWS: Mapping[WireLook, str] = {"declared": "-->", "error": "-.->", "observed": "-.->"}


def _ids(plan: Plan) -> dict[str, str]:
    return {node.id: f"n{i}" for i, node in enumerate(plan.nodes)}


def _loops(plan: Plan) -> list[tuple[str, str]]:
    return [(node.id, event) for node in plan.nodes for event in node.loops]


def _mermaid(plan: Plan) -> str:
    ids = _ids(plan)
    lines = ["flowchart TD"]
    for node in plan.nodes:
        left, right = _MERMAID_SHAPES[node.kind]
        lines.append(f'    {ids[node.id]}{left}"{_mermaid_text(node.name)}"{right}:::{node.kind}')
    for wire in plan.wires:
        arrow = _MERMAID_ARROWS[wire.look]
        lines.append(f'    {ids[wire.source]} {arrow}|"{_mermaid_text(wire.label)}"| {ids[wire.target]}')
    for node_id, event in _loops(plan):
        lines.append(f'    {ids[node_id]} -->|"{_mermaid_text(event)}"| {ids[node_id]}')
    lines.append("    classDef human stroke-dasharray: 4 3")
    return "\n".join(lines)


def _mermaid_text(text: str) -> str:
    """Mermaid reads `#...;` as a character and `"` as the end of the text."""
    return escape(text.replace("#", "#35;"), quote=False).replace('"', "#quot;")


_DOT_LOOKS: Mapping[WireLook, str] = {"declared": "", "error": ", style=dashed", "observed": ", style=dotted"}


def _dot(name: str, plan: Plan) -> str:
    ids = _ids(plan)
    lines = [
        f"digraph {json.dumps(name, ensure_ascii=False)} {{",
        "    rankdir=TB;",
        '    node [fontname="monospace"];',
    ]
    lines += [f"    {ids[node.id]} [{_dot_node(node)}];" for node in plan.nodes]
    for wire in plan.wires:
        look = f"label={json.dumps(wire.label, ensure_ascii=False)}{_DOT_LOOKS[wire.look]}"
        lines.append(f"    {ids[wire.source]} -> {ids[wire.target]} [{look}];")
    for node_id, event in _loops(plan):
        lines.append(f"    {ids[node_id]} -> {ids[node_id]} [label={json.dumps(event, ensure_ascii=False)}];")
    return "\n".join([*lines, "}"])


def _dot_node(node: Node) -> str:
    shape = {
        "start": "shape=oval",
        "step": 'shape=box, style="rounded"',
        "human": 'shape=box, style="dashed"',
        "stop": "shape=oval, peripheries=2",
        "failure": "shape=plain",
    }[node.kind]
    return f"label={json.dumps(node.name, ensure_ascii=False)}, {shape}"
