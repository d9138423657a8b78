"""What is possible right now, as plain facts: commands ask it whether they can act, and why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wf_debug.wire import Capabilities
from wf_tui.selection import NOTHING, Selection

WhyNot = Callable[["Situation"], str | None]
"""None when the command can act, else the reason and what to do instead."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts that decide which commands can act."""

    recording: bool = False
    """A past session is shown: there is no host."""
    script: bool = False
    """A script is debugged: it starts its runs itself."""
    status: str = "loading"
    workflow: str | None = None
    workflows: int = 0
    fatal: str = ""
    """Why the chosen workflow cannot run, empty if it can."""
    live_runs: int = 0
    run_live: bool = False
    """Whether the shown run is still going."""
    runs: int = 0
    paused: bool = False
    holds: int = 0
    prompts: int = 0
    breakpoints: int = 0
    has_input: bool = False
    selection: Selection = NOTHING
    capabilities: Capabilities = field(default_factory=Capabilities)


def always(_: Situation) -> str | None:
    return None


def all_of(*checks: WhyNot) -> WhyNot:
    """The first reason given by any of the checks."""

    def check(now: Situation) -> str | None:
        return next((reason for one in checks if (reason := one(now))), None)

    return check


def debugging(now: Situation) -> str | None:
    return "a recording can only be looked at" if now.recording else None


def ready(now: Situation) -> str | None:
    if reason := debugging(now):
        return reason
    return {
        "loading": "the flow is still loading",
        "error": "the flow does not load: mend it and save, or ctrl+r to try again",
        "crashed": "the host has ended: ctrl+shift+r starts a new one",
        "closed": "the session is closed",
    }.get(now.status)


def runnable(now: Situation) -> str | None:
    if now.script:
        return None
    if now.fatal:
        return f"{now.workflow} cannot run: {now.fatal}"
    return None if now.workflow else "choose a workflow first (W)"


def has_input(now: Situation) -> str | None:
    return None if now.has_input or now.script else "nothing has been run yet: r starts the first run"


def has_run(now: Situation) -> str | None:
    return None if now.runs else "nothing has been run yet: r starts the first run"


def run_live(now: Situation) -> str | None:
    if now.run_live:
        return None
    return "the shown run is over: L lists the runs" if now.live_runs else "nothing runs: r starts a run"


def any_live(now: Situation) -> str | None:
    return None if now.live_runs else "nothing runs: r starts a run"


def held(now: Situation) -> str | None:
    return None if now.holds else "nothing is held: b on an event or step sets a breakpoint, p pauses all"


def stopped(now: Situation) -> str | None:
    return None if now.paused or now.holds else "nothing is paused or held: p pauses all"


def shown(now: Situation) -> str | None:
    return "nothing is shown yet" if now.status in ("loading", "error") else None


def broken(now: Situation) -> str | None:
    return None if now.status in ("error", "crashed") else "nothing is broken"


def flowing(now: Situation) -> str | None:
    return None if now.live_runs and not now.paused else "nothing moves"


def step_selected(now: Situation) -> str | None:
    return None if now.selection.step else "no step is selected: choose one in the graph (1) or the lanes (2)"


def place_selected(now: Situation) -> str | None:
    if now.selection.step or now.selection.type:
        return None
    return "nothing is selected: choose an event (3) or a step (1, 2)"


def several_runs(now: Situation) -> str | None:
    return (
        None
        if now.runs > 1
        else "there is only one run"
        if now.runs
        else "nothing has been run yet: r starts a run"
    )


def several_workflows(now: Situation) -> str | None:
    return None if now.workflows > 1 else "the file has only one workflow"


def prompted(now: Situation) -> str | None:
    return None if now.prompts else "no step asks a person anything"


def can_inject(now: Situation) -> str | None:
    return None if now.capabilities.inject else "this engine takes no events from outside"


def can_edit(now: Situation) -> str | None:
    return None if now.capabilities.edit else "this engine cannot change an event in flight"


def can_fork(now: Situation) -> str | None:
    if now.script:
        return "a script's runs belong to it"
    return None if now.capabilities.fork else "this engine cannot fork a run"


def can_pause(now: Situation) -> str | None:
    return None if now.capabilities.pause else "this engine cannot be paused"


def can_reload(now: Situation) -> str | None:
    if now.script and now.status == "ready":
        return "a script is read when it is executed: R executes it again"
    return None if now.status != "ready" or now.capabilities.reload else "the host cannot reload code"
