"""Every action of the person, once: its keys, names, help, and why it cannot act right now.

Bindings, footer, help and palette are made from this table.
"""
# ruff: noqa: E501 - one line a command: the table is read down its columns

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wf_tui.actions import breakpoints, held, program, runs, stepping, view
from wf_tui.screens.layout import EVERYWHERE, PaneName
from wf_tui.situation import (
    Situation,
    WhyNot,
    all_of,
    always,
    any_live,
    broken,
    can_edit,
    can_fork,
    can_inject,
    can_pause,
    can_reload,
    debugging,
    flowing,
    has_input,
    has_run,
    place_selected,
    prompted,
    ready,
    run_live,
    runnable,
    several_runs,
    several_workflows,
    shown,
    step_selected,
    stopped,
)
from wf_tui.situation import (
    held as something_held,
)

if TYPE_CHECKING:
    from wf_tui.screens.main import MainScreen

Group = Literal["run", "held", "breakpoints", "look", "program"]


@dataclass(frozen=True, slots=True)
class Command:
    """One user action."""

    id: str
    keys: str
    """Comma separated, the letter first; F-keys are its aliases."""
    label: str
    """For the footer: one or two words."""
    help: str
    """For the help and the palette: what it does, in one line."""
    act: Callable[[MainScreen], Awaitable[None] | None]
    """What only moves the view acts at once; what asks the host or the person is awaited aside."""
    why_not: WhyNot = always
    group: Group = "look"
    footer: int = 0
    """Place in the footer while the command can act and is of use; 0 keeps it out."""
    useful: WhyNot = always
    """None when it is worth a place in the footer right now."""
    panes: tuple[PaneName, ...] = EVERYWHERE
    """Where it is of use: the help of a pane lists it first."""


_HELD: tuple[PaneName, ...] = ("timeline", "lanes", "inspector")
_PLACES: tuple[PaneName, ...] = ("graph", "lanes", "timeline")

COMMANDS: tuple[Command, ...] = (
    # -- the run
    Command("run", "r", "run", "Run the workflow: a form for its start event", runs.start, all_of(ready, runnable), "run", 40),
    Command("rerun", "R", "again", "Run again with the same input", runs.rerun, all_of(ready, runnable, has_input), "run", 41),
    Command("continue", "c,f5", "continue", "End the pause and let everything held go on", stepping.go_on, all_of(ready, any_live), "run", 20, useful=stopped),
    Command("pause", "p,f6", "pause", "Pause all: park every delivery and stop the run clock", stepping.pause, all_of(ready, can_pause), "run", 30, useful=flowing),
    Command("next", "n,f10", "next", "Let one delivery through (the selected held event, else the oldest), then stop again", stepping.step_next, all_of(ready, any_live), "run", 21, useful=stopped),
    Command("follow", "f,f11", "follow", "Let the held event go on and stop at what it causes", stepping.follow, all_of(ready, something_held), "run", 22),
    Command("run_to", "t", "run to", "Go on until the next event reaches the selected step", stepping.run_to, all_of(ready, any_live, step_selected), "run", 0, panes=_PLACES),
    Command("cancel", "K", "cancel run", "Cancel the shown run", runs.cancel, all_of(ready, run_live), "run"),
    Command("runs", "L,l", "runs", "List the runs and choose which one is shown", runs.choose_run, several_runs, "run", 60),
    Command("workflow", "W", "workflow", "Choose another workflow of the file", runs.choose_workflow, all_of(ready, several_workflows), "run"),
    # -- held events
    Command("accept", "a", "accept", "Let the held event go on as it is (the selected one, else the oldest)", held.accept, all_of(ready, something_held), "held", 10, panes=_HELD),
    Command("accept_all", "A", "accept all", "Let everything held now go on; a pause stays", held.accept_all, all_of(ready, something_held), "held", 14, panes=_HELD),
    Command("edit", "e", "edit", "Edit the held event, then let it go on", held.edit, all_of(ready, something_held, can_edit), "held", 11, panes=_HELD),
    Command("drop", "x", "drop", "Drop the held event: it never happens", held.drop, all_of(ready, something_held), "held", 12, panes=_HELD),
    Command("duplicate", "d", "duplicate", "Let the held event go on twice", held.duplicate, all_of(ready, something_held), "held", 13, panes=_HELD),
    Command("save_rules", "S", "save rules", "Save what you edited, dropped or duplicated as rules: `wf-tui run --rules FILE` does it again", held.save_rules, shown, "held"),
    Command("inject", "i", "inject", "Send an event into the run: a typed form or raw JSON", held.inject, all_of(ready, run_live, can_inject), "held", 50),
    Command("answer", "H,h", "answer", "Answer the question that a step asks", held.answer, all_of(ready, prompted), "held", 5),
    Command("fork", "F", "fork", "Fork: another run goes on from here (an earlier row: from the last stop before it), to try something else", runs.fork, all_of(ready, can_fork, has_run), "run", 0),
    # -- breakpoints
    Command("breakpoint", "b,f9", "breakpoint", "Set or remove a breakpoint on the selected event type or step", breakpoints.toggle, all_of(ready, place_selected), "breakpoints", 45, panes=_PLACES),
    Command("edit_breakpoint", "B", "edit breakpoint", "Condition, moment, hit count and action of the breakpoint on the selection", breakpoints.edit, all_of(ready, place_selected), "breakpoints", 0, panes=_PLACES),
    Command("breakpoints", "v", "breakpoints", "List all breakpoints; enter edits one", breakpoints.choose, ready, "breakpoints"),
    # -- looking
    Command("filter", "slash", "filter", "Filter the timeline: words, type:X, step:Y, kind:Z", view.open_filter, always, "look", 55, useful=shown, panes=("timeline",)),
    Command("problems", "exclamation_mark", "problems", "Only failures, drops and unhandled events in the timeline, or all again", view.toggle_problems, always, "look", 0, panes=("timeline",)),
    Command("clear", "escape", "back", "Clear the filter, then the zoom, then the selection", view.back, always, "look"),
    Command("why", "w", "why", "Why did this happen, or why does nothing: the chain of causes", view.why, always, "look", 56, useful=shown),
    Command("tail", "G,end", "newest", "Go to the newest row and follow what comes in", view.follow_tail, always, "look", 0, panes=("timeline", "logs")),
    Command("open", "o", "editor", "Open the selected step or event class in $EDITOR", view.open_source, place_selected, "look"),
    Command("copy", "y", "copy", "Copy the selection: payload, log line or source place", view.copy, always, "look"),
    Command("pane_1", "1", "graph", "Go to the step graph", view.go_to("graph"), always, "look"),
    Command("pane_2", "2", "lanes", "Go to the lanes: what each worker does", view.go_to("lanes"), always, "look"),
    Command("pane_3", "3", "timeline", "Go to the event timeline", view.go_to("timeline"), always, "look"),
    Command("pane_4", "4", "inspector", "Go to the inspector", view.go_to("inspector"), always, "look"),
    Command("pane_5", "5", "logs", "Go to the logs", view.go_to("logs"), always, "look"),
    Command("next_pane", "tab", "next pane", "Go to the next pane", view.next_pane, always, "look"),
    Command("previous_pane", "shift+tab", "pane before", "Go to the pane before", view.previous_pane, always, "look"),
    Command("zoom", "z", "zoom", "Give the whole screen to this pane, or share it again", view.zoom, always, "look", 70, useful=shown),
    # -- the program
    Command("reload", "ctrl+r", "reload", "Take up the changed source now", program.reload, all_of(debugging, can_reload), "program", 1, useful=broken),
    Command("restart", "ctrl+shift+r", "restart host", "End the host process and start a fresh one", program.restart, debugging, "program", 2, useful=broken),
    Command("help", "question_mark,f1", "help", "All keys, and why some do nothing now", program.show_help, always, "program"),
    Command("quit", "q", "quit", "Leave; asks when a run is still going", program.leave, always, "program"),
)  # fmt: skip

BY_ID = {command.id: command for command in COMMANDS}
MOVES = frozenset({"next_pane", "previous_pane", *(f"pane_{n}" for n in range(1, 6))})
"""Commands after which the next key, however fast it comes, is for another pane."""

_KEY_NAMES = {
    "slash": "/",
    "exclamation_mark": "!",
    "question_mark": "?",
    "escape": "esc",
}


def key_names(command: Command) -> list[str]:
    """The keys as a person reads them, the main one first."""
    return [
        _KEY_NAMES.get(key) or (f"F{key[1:]}" if key[:1] == "f" and key[1:].isdigit() else key)
        for key in command.keys.split(",")
    ]


def footer(now: Situation) -> list[Command]:
    """What is worth a place in the footer, most useful first."""
    offered = [c for c in COMMANDS if c.footer and c.why_not(now) is None and c.useful(now) is None]
    return sorted(offered, key=lambda c: c.footer)
