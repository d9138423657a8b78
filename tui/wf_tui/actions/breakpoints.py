"""Setting, editing and listing breakpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_debug.control.breakpoints import Breakpoint

if TYPE_CHECKING:
    from wf_tui.screens.main import MainScreen


def place(screen: MainScreen) -> tuple[str | None, str | None]:
    """What a breakpoint on the selection is set on, as (event type, step): in graph and lanes the step."""
    chosen = screen.selection
    if chosen.origin in ("graph", "lanes") and chosen.step:
        return None, chosen.step
    if chosen.type:
        return chosen.type, None
    return None, chosen.step


async def toggle(screen: MainScreen) -> None:
    """Set one, or remove those that are exactly on the selected type or step."""
    event, step = place(screen)
    await screen.session.toggle_breakpoint(event=event, step=step)
    screen.breakpoints_changed()
    here = [b for b in screen.session.breakpoints if b.is_on(event, step)]
    if not here:
        screen.say(f"no breakpoint on {event or step} any more")
    elif here[0].verified is False:
        screen.say(f"breakpoint on {event or step} cannot stop: {here[0].why}", "warning")
    else:
        screen.say(f"breakpoint on {event or step}")


async def edit(screen: MainScreen) -> None:
    from wf_tui.screens.breakpoint_dialog import BreakpointDialog

    event, step = place(screen)
    existing = next((b for b in _all(screen) if b.is_on(event, step)), None)
    await screen.ask(BreakpointDialog(screen.session, existing, event, step))
    screen.breakpoints_changed()


async def choose(screen: MainScreen) -> None:
    """List them; the chosen one is edited."""
    from wf_tui.screens.breakpoint_dialog import BreakpointDialog
    from wf_tui.screens.chooser import Chooser, breakpoint_choices

    known = _all(screen)
    if not known:
        screen.say("no breakpoints: b on an event or step sets one")
        return
    chosen = await screen.ask(Chooser("Breakpoints", breakpoint_choices(screen.session), None))
    existing = next((b for b in known if str(b.id) == chosen), None)
    if existing is not None:
        await screen.ask(BreakpointDialog(screen.session, existing, existing.event, existing.step))
        screen.breakpoints_changed()


def _all(screen: MainScreen) -> list[Breakpoint]:
    return list(screen.session.breakpoints)
