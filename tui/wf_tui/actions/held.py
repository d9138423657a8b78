"""Deciding over held events, sending new ones in, answering questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wf_tui.screens.main import MainScreen


async def accept(screen: MainScreen) -> None:
    await _release(screen, "accept")


async def accept_all(screen: MainScreen) -> None:
    await screen.session.accept_all()


async def drop(screen: MainScreen) -> None:
    await _release(screen, "drop")


async def duplicate(screen: MainScreen) -> None:
    await _release(screen, "duplicate")


async def _release(screen: MainScreen, action: Literal["accept", "drop", "duplicate"]) -> None:
    hold = screen.chosen_hold
    if hold is None:
        screen.say("it is no longer held")
        return
    await screen.session.release(hold.hold, action)


async def edit(screen: MainScreen) -> None:
    from wf_tui.screens.edit import EditDialog

    hold = screen.chosen_hold
    if hold is not None:
        await screen.ask(EditDialog(screen.session, hold))


async def inject(screen: MainScreen) -> None:
    """Opens on the selected event's type when the run takes such events."""
    from wf_tui.screens.inject import InjectDialog

    await screen.ask(InjectDialog(screen.session, screen.selection.type))


async def answer(screen: MainScreen) -> None:
    """The oldest open question, or the one of the selected step."""
    from wf_tui.screens.prompt import PromptDialog

    prompts = list(screen.live.prompts)
    if prompts:
        step = screen.selection.step
        chosen = next((p for p in prompts if step and p.step == step), prompts[0])
        await screen.ask(PromptDialog(screen.session, chosen))
