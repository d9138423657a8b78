"""Pause, go on, and go on by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wf_tui.screens.main import MainScreen


async def pause(screen: MainScreen) -> None:
    """Also before a run starts: it then stops at its first delivery."""
    await screen.session.pause()
    if not screen.live.live_runs:
        screen.say("the next run stops at its first delivery; c continues")


async def go_on(screen: MainScreen) -> None:
    await screen.session.resume()


async def step_next(screen: MainScreen) -> None:
    """One delivery goes through; a run that is not paused is so from then on."""
    await screen.session.step_next(screen.selection.hold)


async def follow(screen: MainScreen) -> None:
    hold = screen.chosen_hold
    if hold is not None:
        await screen.session.follow(hold.hold)


async def run_to(screen: MainScreen) -> None:
    step = screen.selection.step
    if step:
        await screen.session.run_to(step)
        screen.say(f"going on until an event reaches {step}")
