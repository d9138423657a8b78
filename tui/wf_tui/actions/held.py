"""Deciding over held events, sending new ones in, answering questions."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
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


async def save_rules(screen: MainScreen) -> None:
    """What was edited, dropped and duplicated by hand, as a new file of rules beside the flow."""
    from wf_debug.control.rules import write_rules
    from wf_debug.session.scenario import rules_of

    recording = screen.recording
    rules = await asyncio.to_thread(rules_of, recording)
    if not rules:
        screen.say("no event was edited, dropped or duplicated by hand in this session", "warning")
        return
    try:
        path = _written(Path(recording.meta.flow), write_rules(rules))
    except OSError as error:
        screen.say(f"cannot write the rules: {error.strerror} ({error.filename})", "error")
        return
    screen.say(f"{len(rules)} rule{'s' if len(rules) > 1 else ''} in {path}: wf-tui run --rules applies them")


def _written(flow: Path, text: str) -> Path:
    """The file that was made; none is written over."""
    for number in itertools.count(1):
        path = flow.with_suffix(f".rules{number if number > 1 else ''}.toml")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError("there is always another number")
