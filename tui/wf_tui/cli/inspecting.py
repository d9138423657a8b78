"""`wf-tui graph` and `wf-tui check`: what a flow is, without running it."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from wf_debug.session import SessionSettings
from wf_debug.session.settings import Engine
from wf_debug.wire import WorkflowInfo
from wf_tui.cli.exits import CommandError, Exit
from wf_tui.cli.opening import describe_problem, open_session
from wf_tui.cli.output import put, say
from wf_tui.graphview.formats import Format, render_graph


def print_graph(flow: str, form: Format, ascii_only: bool, python: Path | None, engine: Engine) -> None:
    """Print the step graph of each workflow that the flow names."""
    width = shutil.get_terminal_size().columns if sys.stdout and sys.stdout.isatty() else None
    workflows = asyncio.run(_load(flow, python, engine))
    if form in ("json", "svg") and len(workflows) > 1:
        names = ", ".join(w.name for w in workflows)
        raise CommandError(
            f"one {form} document holds one workflow; choose among {names}",
            hint=f"{flow}:{workflows[0].name}",
        )
    put("\n".join(render_graph(w.graph, form, width=width, ascii=ascii_only) for w in workflows))


def check_flow(flow: str, python: Path | None, engine: Engine) -> int:
    """Say what is wrong with every workflow of the flow, or that nothing is."""
    path = Path(flow.rpartition(":")[0] or flow)
    fatal = False
    for workflow in asyncio.run(_load(flow, python, engine)):
        for problem in workflow.problems:
            say(f"{'error' if problem.fatal else 'warning'}: {describe_problem(problem, path)}")
        fatal |= any(p.fatal for p in workflow.problems)
        graph = workflow.graph
        if not workflow.problems:
            put(f"{workflow.name}: valid; {len(graph.steps)} steps, {len(graph.events)} event types")
    return int(Exit.USAGE if fatal else Exit.DONE)


def print_rules(recording: Path) -> None:
    """Print the interventions of a recorded session as a file of interception rules."""
    from wf_debug.control.rules import write_rules
    from wf_debug.session.scenario import rules_of
    from wf_debug.trace.recording import Recording, RecordingError

    try:
        past = Recording.open(recording)
        try:
            rules = rules_of(past)
        finally:
            past.close()
    except RecordingError as error:
        raise CommandError(str(error)) from None
    if not rules:
        say(f"wf-tui: no event was edited, dropped or duplicated by hand in {recording}")
    else:
        put(write_rules(rules).rstrip())


async def _load(flow: str, python: Path | None, engine: Engine) -> Sequence[WorkflowInfo]:
    session = await open_session(
        flow,
        SessionSettings(python=python, engine=engine, watch=False, keep=False, remember_breakpoints=False),
    )
    try:
        return [session.workflow] if session.workflow else session.workflows
    finally:
        await session.close()
