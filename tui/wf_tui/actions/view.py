"""Looking around: panes, zoom, filter, causes, the editor, the clipboard."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from wf_debug.graph import SourceRef

if TYPE_CHECKING:
    from wf_tui.screens.layout import PaneName
    from wf_tui.screens.main import MainScreen


def go_to(pane: PaneName) -> Callable[[MainScreen], None]:
    def act(screen: MainScreen) -> None:
        screen.panes.go_to(pane)

    return act


def next_pane(screen: MainScreen) -> None:
    screen.panes.go_beside(1)


def previous_pane(screen: MainScreen) -> None:
    screen.panes.go_beside(-1)


def zoom(screen: MainScreen) -> None:
    screen.panes.toggle_zoom()


def open_filter(screen: MainScreen) -> None:
    screen.panes.go_to("timeline")
    screen.timeline.open_filter()


def toggle_problems(screen: MainScreen) -> None:
    screen.toggle_problems()


def back(screen: MainScreen) -> None:
    """One level back: filter, zoom, selection."""
    if screen.timeline.bar.has_class("-open"):
        screen.timeline.close_filter()
    elif screen.only_problems:
        screen.toggle_problems()
    elif screen.zoomed:
        screen.panes.toggle_zoom()
    elif screen.selection.origin != "auto":
        screen.follow()
    else:
        screen.say("nothing to go back from: q leaves")


def follow_tail(screen: MainScreen) -> None:
    screen.follow()


def why(screen: MainScreen) -> None:
    screen.panes.go_to("inspector")
    screen.inspector.show_tab("why")


def open_source(screen: MainScreen) -> None:
    """Suspend the application for the person's editor, at the line."""
    place = screen.source_place()
    if place is None:
        screen.say("its source is not known")
        return
    command = editor_command(place)
    try:
        with screen.app.suspend():
            trouble = _run_editor(command)
    except SuspendNotSupported:
        screen.say(f"no editor can be opened from here; the place is {place}", "warning")
        return
    screen.refresh(layout=True)
    if trouble:
        screen.say(trouble, "error")


def _run_editor(command: list[str]) -> str:
    """Until it ends. Says why it could not start: an error would leave the application suspended."""
    try:
        subprocess.run(command, check=False)
    except OSError as error:
        return f"cannot start {command[0]!r}: {error.strerror}. Set $VISUAL or $EDITOR."
    return ""


def editor_command(place: SourceRef) -> list[str]:
    """The editor's command line; those that know how are told the line."""
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    name = os.path.basename(words[0])
    if name in ("code", "codium", "cursor"):
        return [*words, "--wait", "--goto", f"{place.file}:{place.line}"]
    if name in ("subl", "zed", "hx", "helix"):
        return [*words, f"{place.file}:{place.line}"]
    if name in ("vi", "vim", "nvim", "nano", "emacs", "emacsclient", "kak", "micro", "joe", "ne", "view"):
        return [*words, f"+{place.line}", place.file]
    return [*words, place.file]


def copy(screen: MainScreen) -> None:
    text, what = screen.copyable()
    if not text:
        screen.say("nothing is selected to copy")
        return
    screen.app.copy_to_clipboard(text)
    screen.say(f"copied {what} ({len(text):,} characters)")
