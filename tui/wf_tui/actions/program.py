"""Reloading code, the host process, help, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wf_tui.screens.main import MainScreen


async def reload(screen: MainScreen) -> None:
    """Take up the source now; a flow that never opened is opened again."""
    if not screen.has_session:
        screen.reopen()
        return
    await screen.take_report(await screen.session.reload())


async def restart(screen: MainScreen) -> None:
    """A fresh host; what runs in the old one ends, so the person is asked."""
    if not screen.has_session:
        screen.reopen()
        return
    live = screen.situation().live_runs
    if live and not await screen.confirm(
        "Restart the host?", f"{live} run{'s' if live > 1 else ''} still going will end.", "Restart"
    ):
        return
    await screen.session.restart_host()
    screen.loaded()
    screen.say("a fresh host is up")


async def show_help(screen: MainScreen) -> None:
    from wf_tui.screens.help import HelpScreen

    await screen.ask(HelpScreen(screen.focused_pane, screen.situation()))


async def leave(screen: MainScreen) -> None:
    live = screen.situation().live_runs
    if live and not await screen.confirm(
        "Leave while a run is going?",
        f"{live} run{'s end' if live > 1 else ' ends'} with the application.",
        "Leave",
    ):
        return
    screen.app.exit(screen.exit_code())
