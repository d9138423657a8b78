"""Starting, repeating, cancelling and choosing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wf_tui.screens.main import MainScreen


async def start(screen: MainScreen) -> None:
    """Ask for the start event's fields, then run."""
    if screen.session.is_script:
        await execute(screen)
        return
    from wf_tui.screens.start import StartDialog

    fields = await screen.ask(StartDialog(screen.session))
    if fields is not None:
        screen.show_run(await screen.session.start_run(fields))


async def rerun(screen: MainScreen) -> None:
    """Run again with the last input; a run still going is cancelled first, when the person agrees."""
    if screen.session.is_script:
        await execute(screen)
        return
    current = screen.run
    if current is not None and current.status == "running":
        if not await screen.confirm(
            "This run is still going.", "It is cancelled, then a new one starts.", "Run again"
        ):
            return
        await screen.session.cancel(current.run)
    screen.show_run(await screen.session.rerun())


async def execute(screen: MainScreen) -> None:
    """Execute the script from its beginning, in a fresh host."""
    live = len(screen.live.live_runs)
    if live and not await screen.confirm(
        "The script is still going.", "It ends, then it starts from its beginning.", "Run again"
    ):
        return
    await screen.session.execute()
    screen.loaded()


async def cancel(screen: MainScreen) -> None:
    run = screen.run
    if run is not None and await screen.confirm(
        "Cancel this run?", "What it has done so far stays recorded.", "Cancel run"
    ):
        await screen.session.cancel(run.run)


async def choose_run(screen: MainScreen) -> None:
    """Let the person choose which run all panes show."""
    from wf_tui.screens.chooser import Chooser, run_choices

    chosen = await screen.ask(Chooser("Runs", run_choices(screen.live), screen.run_id))
    if chosen is not None:
        screen.show_run(chosen)


async def choose_workflow(screen: MainScreen) -> None:
    from wf_tui.screens.picker import WorkflowPicker

    name = await screen.ask(WorkflowPicker(screen.session.workflows))
    if name is not None:
        await screen.session.choose(name)
        screen.show_chosen()
        screen.loaded()


async def fork(screen: MainScreen) -> None:
    """Another run goes on from where the shown one stands, and is shown. When an earlier moment is selected,
    or the run is over, it goes on from the last stop before."""
    run, moment = screen.run, screen.moment
    if run is None:
        return
    point = None
    if moment is not None or run.status != "running":
        point = screen.recording.last_checkpoint(run.run, moment)
        if point is None:
            screen.say("nothing of this run was held before that: a run is forked from its stops", "warning")
            return
    screen.show_run(await screen.session.fork(run.run, point))
    screen.say("this is the fork; L goes back to the run that it comes from")
