"""The command table: every documented key is there once, and a command that cannot act says why."""

from __future__ import annotations

from collections import Counter

import pytest

from wf_debug.wire import Capabilities
from wf_tui.commands import BY_ID, COMMANDS, footer, key_names
from wf_tui.screens.help import help_lines
from wf_tui.selection import Selection
from wf_tui.situation import Situation

READY = Situation(status="ready", workflow="Research", workflows=1)
RUNNING = Situation(
    status="ready", workflow="Research", workflows=1, live_runs=1, run_live=True, runs=1, has_input=True
)
STOPPED = Situation(
    status="ready",
    workflow="Research",
    workflows=1,
    live_runs=1,
    run_live=True,
    runs=1,
    holds=2,
    has_input=True,
    selection=Selection("timeline", "run-1", 4, 2, "Query", 3, "search", 1),
)
RECORDING = Situation(recording=True, status="ready", runs=1)
DOCUMENTED = (
    "r R c F5 p F6 n F10 f F11 t / esc b F9 B a A e x d i w F "
    "1 2 3 4 5 tab z G end o y ctrl+r ctrl+shift+r ? q"
)


def test_every_documented_key_belongs_to_a_command() -> None:
    keys = {key for command in COMMANDS for key in key_names(command)}
    assert set(DOCUMENTED.split()) <= keys


def test_no_key_means_two_things() -> None:
    keys = Counter(key for command in COMMANDS for key in command.keys.split(","))
    assert [key for key, times in keys.items() if times > 1] == []


def test_every_function_key_has_a_letter_too() -> None:
    for command in COMMANDS:
        names = key_names(command)
        assert not (names[0].startswith("F") and names[0][1:].isdigit()), command.id


@pytest.mark.parametrize(
    ("command", "now", "reason"),
    [
        ("run", Situation(), "still loading"),
        ("run", Situation(status="error"), "does not load"),
        ("run", Situation(status="crashed"), "ctrl+shift+r"),
        ("run", RECORDING, "recording"),
        ("run", Situation(status="ready", workflow="W", fatal="no step takes A"), "no step takes A"),
        ("rerun", READY, "r starts"),
        ("accept", RUNNING, "nothing is held"),
        ("edit", RUNNING, "nothing is held"),
        ("continue", READY, "nothing runs"),
        ("next", READY, "nothing runs"),
        ("run_to", RUNNING, "no step is selected"),
        ("breakpoint", RUNNING, "nothing is selected"),
        ("inject", READY, "nothing runs"),
        ("fork", READY, "nothing has been run"),
        ("runs", RUNNING, "only one run"),
        ("answer", RUNNING, "no step asks"),
        ("reload", RECORDING, "recording"),
    ],
)
def test_a_command_that_cannot_act_says_why(command: str, now: Situation, reason: str) -> None:
    assert reason in (BY_ID[command].why_not(now) or "")


@pytest.mark.parametrize(
    "command", ["accept", "accept_all", "edit", "drop", "duplicate", "follow", "next", "run_to"]
)
def test_held_events_can_be_decided_over(command: str) -> None:
    assert BY_ID[command].why_not(STOPPED) is None


def test_what_the_engine_cannot_do_is_refused() -> None:
    now = Situation(
        status="ready",
        workflow="W",
        run_live=True,
        live_runs=1,
        holds=1,
        capabilities=Capabilities(inject=False, edit=False, pause=False),
    )
    assert all(BY_ID[name].why_not(now) for name in ("inject", "edit", "pause"))


def test_the_footer_puts_held_events_first_and_shows_only_what_can_be_done() -> None:
    shown = [command.id for command in footer(STOPPED)]
    assert shown[:5] == ["accept", "edit", "drop", "duplicate", "accept_all"]
    assert all(command.why_not(STOPPED) is None for command in footer(STOPPED))
    assert "accept" not in [command.id for command in footer(RUNNING)]


def test_help_lists_every_command_once_and_explains_the_refused_ones() -> None:
    text = "\n".join("".join(part for part, _ in line) for line in help_lines("timeline", READY))
    for command in COMMANDS:
        assert text.count(command.help) == 1, command.id
    assert "not now: nothing is held" in text
