"""Opening a session for a command: the flow, its interpreter, the chosen workflow and its breakpoints."""

from __future__ import annotations

from pathlib import Path

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.session import Session, SessionError, SessionSettings
from wf_debug.wire import Problem, WorkflowInfo
from wf_tui.cli.exits import CommandError
from wf_tui.cli.inputs import spec_of, split_flow


async def open_session(flow: str, settings: SessionSettings) -> Session:
    """Open a session whose flow has loaded; anything else is a CommandError."""
    try:
        return await Session.open(spec_of(flow), settings)
    except SessionError as error:
        failed = CommandError.of(error.error)
        if error.error.code == "host_died":
            failed.hint = f"see what `python {split_flow(flow)[0]}` does, without the debugger"
        raise failed from None


def chosen_workflow(session: Session) -> WorkflowInfo:
    """The one workflow to run; its fatal problems, or having to choose, end the command."""
    workflow = session.workflow
    if workflow is None:
        names = ", ".join(w.name for w in session.workflows)
        raise CommandError(
            f"{session.flow.path} has several workflows: {names}",
            hint=f"{session.flow.path}:{session.workflows[0].name}",
        )
    fatal = [problem for problem in workflow.problems if problem.fatal]
    if fatal:
        findings = "\n".join(f"  {describe_problem(problem, session.flow.path)}" for problem in fatal)
        raise CommandError(f"{workflow.name} is not a valid workflow:\n{findings}")
    return workflow


def describe_problem(problem: Problem, flow: Path) -> str:
    """`file:line: in step rank: ...`"""
    place = str(problem.where or flow)
    step = f"step {problem.step}: " if problem.step and problem.step not in problem.message else ""
    return f"{place}: {step}{problem.message}"


async def arm(session: Session, breakpoints: list[Breakpoint]) -> None:
    """Set the breakpoints; one that can never match ends the command."""
    for item in await session.set_breakpoints(breakpoints):
        if not item.ok:
            source = item.resolved.rules or "--break"
            raise CommandError(f"{source}: {item.resolved.describe()}: {item.reason}")
