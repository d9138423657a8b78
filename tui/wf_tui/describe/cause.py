"""Why: the chain of causes of an event or invocation; why not: what an idle step waits for."""

from __future__ import annotations

from wf_debug.graph import FlowGraph, Step
from wf_debug.trace.recording import Recording
from wf_tui import look
from wf_tui.describe.parts import EMPTY, heading, remark
from wf_tui.look import Line
from wf_tui.selection import Selection

_SHOWN = 200
"""Links of a chain: a loop's has as many as the loop has laps."""


def why_lines(recording: Recording, graph: FlowGraph | None, chosen: Selection) -> list[Line]:
    """The causal chain for what happened; for a step with nothing to show, what would start it."""
    if chosen.run is not None and chosen.event is not None:
        return _chain(recording, chosen.run, chosen.event)
    if chosen.run is not None and chosen.invocation is not None:
        detail = recording.invocation(chosen.run, chosen.invocation)
        if detail is not None and detail.events:
            head: Line = ((f"{detail.step} ", "strong"), (f"#{detail.invocation} runs because of", "muted"))
            return [head, *_chain(recording, chosen.run, detail.events[-1])]
    if chosen.step and graph is not None and (step := graph.step(chosen.step)):
        return why_not_lines(graph, step)
    return [remark("select an event, a worker or a step to see why it happened, or why it does not")]


def _chain(recording: Recording, run: str, event: int) -> list[Line]:
    """From the event up to the start, one pair of lines a link."""
    lines: list[Line] = []
    chain = recording.cause(run, event, _SHOWN + 1)
    for depth, link in enumerate(chain[:_SHOWN]):
        one = link.event
        lead = "" if not depth else f"{look.arrow()} because of "
        lines.append(
            (
                (look.stamp(one.t) + "  ", "muted"),
                (lead, "muted"),
                (f"{one.type} ", "strong"),
                (f"#{one.event}  ", "muted"),
                (one.payload.preview[:200], "text"),
            )
        )
        by = f"{link.step}#{link.invocation} ({one.by})" if link.step else f"{one.by}, from outside any step"
        lines.append(((" " * 10 + "by ", "muted"), (by, "accent" if link.step else "muted")))
    if len(chain) > _SHOWN:
        next_one = chain[_SHOWN].event
        lines.append(remark(f"... because of {next_one.type} #{next_one.event}: select it to read on"))
    return lines or [remark("nothing is recorded before it")]


def why_not_lines(graph: FlowGraph, step: Step) -> list[Line]:
    """What the step waits for, and who could produce it."""
    lines: list[Line] = [heading(f"{step.name} runs when it gets")]
    for name in (*step.accepts, *step.waits_for):
        makers = sorted({edge.source for edge in graph.edges if edge.event == name})
        lines.append(
            (
                ("  ", "text"),
                (name, "strong"),
                (
                    f"  from {', '.join(makers)}" if makers else "  nobody emits it",
                    "muted" if makers else "warn",
                ),
            )
        )
    if step.joins:
        lines += [EMPTY, remark("it collects several events before it goes on")]
    return lines
