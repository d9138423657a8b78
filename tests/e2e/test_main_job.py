"""The main job, by hand, in a real terminal: run, break, edit, inject, change the code, see its effect,
leave, come back."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),  # the machine may be busy with other things
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux, the terminal that the keys go into"),
]

PROJECT = Path(__file__).parent / "project"
WF_TUI = [sys.executable, "-m", "wf_tui"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to be edited while it runs."""
    return shutil.copytree(PROJECT, tmp_path / "market")


def environment() -> dict[str, str]:
    return {"XDG_STATE_HOME": os.environ["XDG_STATE_HOME"], "TEXTUAL_ANIMATIONS": "none"}


@pytest.fixture
def terminal(project: Path) -> Iterator[Terminal]:
    with Terminal([*WF_TUI, "flow.py"], project, env=environment()) as terminal:
        terminal.until("ready")
        yield terminal


def break_on_job(terminal: Terminal) -> None:
    terminal.press("1", "Down", "Down", "b")
    terminal.until("breakpoint on Job")


def run_with_defaults(terminal: Terminal) -> None:
    terminal.press("r")
    terminal.until("ctrl+s run")
    terminal.press("C-s")


def fill_field(terminal: Terminal, text: str, then: str) -> None:
    """Put the text into the form's one field in place of what it holds, and send the form."""

    def field(screen: str) -> str:
        rest = next((line.partition("text *")[2] for line in screen.splitlines() if "text *" in line), "")
        return rest.partition("│")[0].strip()

    if field(terminal.screen()):
        terminal.press("C-u")
        terminal.until(lambda screen: not field(screen))
    terminal.type(text)
    terminal.until(lambda screen: text in field(screen))
    terminal.press("C-s")
    terminal.until(then)


def leave(terminal: Terminal) -> None:
    terminal.press("q")
    terminal.until("Leave while a run is going?")
    terminal.press("y")
    terminal.until("EXIT=0")


def test_a_run_is_broken_into_edited_fed_and_changed_under_way(terminal: Terminal, project: Path) -> None:
    break_on_job(terminal)
    run_with_defaults(terminal)
    terminal.until("2 held")

    terminal.press("e")
    terminal.until("ctrl+s save")
    fill_field(terminal, "plum", then="<plum>")

    terminal.press("i")
    terminal.until("ctrl+s inject")
    fill_field(terminal, "fig", then="Job injected")
    terminal.until("2 held")

    words = project / "words.py"
    words.write_text(words.read_text().replace('f"<{text}>"', 'f"[{text}]"'))
    terminal.until("code swapped")
    terminal.press("c")
    terminal.until("finished")
    terminal.press("G")
    terminal.until("<plum> [fig] [pear]")

    terminal.press("q")
    terminal.until("EXIT=0")


def test_a_file_that_does_not_import_keeps_the_old_code(terminal: Terminal, project: Path) -> None:
    break_on_job(terminal)
    run_with_defaults(terminal)
    terminal.until("2 held")
    good = (project / "words.py").read_text()
    (project / "words.py").write_text("def decorate(text: str) -> str\n")
    terminal.until("words.py:1")
    terminal.press("a")
    terminal.until("<apple>")
    (project / "words.py").write_text(good.replace("<{text}>", "({text})"))
    terminal.until("code swapped")
    terminal.press("a")
    terminal.until("(pear)")


def test_leaving_asks_only_while_a_run_is_live(terminal: Terminal) -> None:
    break_on_job(terminal)
    run_with_defaults(terminal)
    terminal.until("2 held")
    terminal.press("q")
    terminal.until("Leave while a run is going?")
    terminal.press("n")
    terminal.until(lambda screen: "Leave while" not in screen)
    leave(terminal)


def test_the_recording_of_a_session_opens_again(terminal: Terminal, project: Path) -> None:
    run_with_defaults(terminal)
    terminal.until("<pear>")
    leave(terminal)
    (recording,) = Path(os.environ["XDG_STATE_HOME"]).rglob("*.wfrec")
    with Terminal([*WF_TUI, "open", str(recording)], project, env=environment()) as past:
        past.until("<pear>")
        past.press("r")
        past.until("recording")
        past.press("q")
        past.until("EXIT=0")


@pytest.mark.parametrize(("columns", "rows"), [(40, 10), (80, 24), (200, 60)])
def test_every_size_of_terminal_shows_the_flow(project: Path, columns: int, rows: int) -> None:
    with Terminal([*WF_TUI, "flow.py"], project, columns, rows, environment()) as terminal:
        terminal.until("ready")
        run_with_defaults(terminal)
        terminal.until("stuck")
        terminal.resize(120, 36)
        terminal.until("Logs")
        terminal.resize(columns, rows)
        leave(terminal)
