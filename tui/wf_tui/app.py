"""The Textual application: wiring only.

Its first frame comes before anything else is even imported; the main screen and the session follow.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual._context import active_message_pump
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import NoActiveWorker, Worker, WorkerState, get_current_worker

from wf_tui.terminal import lasting_terminal, leave_for_certain, resume_only_what_was_suspended

if TYPE_CHECKING:
    from wf_debug.control.breakpoints import Breakpoint
    from wf_debug.graph import EventType
    from wf_debug.session import FlowSpec, PostMortem, Session, SessionSettings
    from wf_tui.screens.main import MainScreen

InitialInput = Callable[["EventType | None"], dict[str, Any]]
"""The start event's fields, given its type once the flow is loaded."""

_GIVE_WAY = 0.0005
"""Seconds after which the thread that reads from the host lets the one go on that paints and hears keys."""
_MOST_DIALOGS = 9
"""More than can lie over each other, or are left in two steps."""


def _palette_commands() -> type[Provider]:
    from wf_tui.palette import CommandProvider

    return CommandProvider


class WfApp(App[int]):
    """One flow or one recording on the terminal."""

    TITLE = "wf-tui"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        *App.COMMANDS,
        _palette_commands,
    }
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", "Quit", show=False, priority=True)]
    PAUSE_GC_ON_SCROLL = True

    def __init__(
        self,
        target: FlowSpec | Path,
        settings: SessionSettings,
        initial_input: InitialInput | None = None,
        breakpoints: Sequence[Breakpoint] = (),
    ) -> None:
        super().__init__()
        self._target = target
        self._settings = settings
        self._initial_input = initial_input
        self._initial_breakpoints = list(breakpoints)
        self._session: Session | None = None
        self._past: PostMortem | None = None
        self._main: MainScreen | None = None
        self._leave_code = 0

    @property
    def main(self) -> MainScreen:
        """The screen under every dialog; there from the second frame on."""
        assert self._main is not None
        return self._main

    @property
    def is_up(self) -> bool:
        """Whether the main screen is there."""
        return self._main is not None and self._main.is_mounted

    def compose(self) -> ComposeResult:
        yield Static(f"{_path(self._target).name}  loading", id="first", markup=False)

    def on_mount(self) -> None:
        self._leave_on_signals()
        self.call_after_refresh(self._bring_up)

    def _leave_on_signals(self) -> None:
        """SIGTERM, a closed terminal: leave in order, whatever dialog is open."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP", "SIGINT"):
            if number := getattr(signal, name, None):
                with suppress(NotImplementedError, RuntimeError, ValueError):  # not here, not in this thread
                    loop.add_signal_handler(number, self._leave_with, 128 + number)
        if self._driver is not None:
            resume_only_what_was_suspended(self._driver)

    def _leave_with(self, code: int) -> None:
        """Now; or, while the screen is being put together, as soon as it is there."""
        if not self.is_headless:
            leave_for_certain(code)
        if self._main is None:
            self._leave_code = code
        else:
            self.exit(return_code=code)

    async def _bring_up(self) -> None:
        from wf_tui.look import plain_glyphs
        from wf_tui.screens.main import MainScreen

        self.set_class(plain_glyphs(), "-ascii")
        main = MainScreen(_path(self._target))
        await self.push_screen(main)
        self._main = main
        if self._leave_code:
            self.exit(return_code=self._leave_code)
            return
        gc.collect()
        gc.freeze()  # what lives as long as the application is not looked at again by every collection
        self.open_flow()

    # -- opening and closing
    def open_flow(self) -> None:
        """Open the session or recording beside the running screen."""
        self.run_worker(self._open(), group="open", exclusive=True, exit_on_error=False)

    async def _open(self) -> None:
        from wf_debug.session import PostMortem, SessionError
        from wf_debug.trace.recording import RecordingError
        from wf_debug.wire import WireError

        try:
            if isinstance(self._target, Path):
                self._past = await asyncio.to_thread(PostMortem, self._target)
                self.main.attach(self._past)
                self.main.loaded()
            else:
                await self._open_session(self._target)
        except SessionError as error:
            self.main.fail(error.error)
        except RecordingError as error:
            self.main.fail(WireError(code="not_found", message=str(error)))

    async def _open_session(self, spec: FlowSpec) -> None:
        from wf_debug.session import Session

        session = self._session = Session(spec, self._settings)
        self.main.attach(session)
        await session.start()
        self.main.loaded()

    def on_main_screen_loaded(self) -> None:
        """What was asked for on the command line is done once the flow is there."""
        if self._session is not None:
            self.run_worker(self._begin(self._session), group="begin", exit_on_error=False)

    async def _begin(self, session: Session) -> None:
        from wf_debug.session import SessionError
        from wf_tui.describe.failure import in_one_line

        try:
            if breakpoints := self._initial_breakpoints:
                self._initial_breakpoints = []
                known = {b.describe() for b in session.breakpoints}
                new = [b for b in breakpoints if b.describe() not in known]
                await session.set_breakpoints([*session.breakpoints, *new])
                self.main.breakpoints_changed()
            if session.is_script:
                if not session.executed:
                    await session.execute()
            elif session.workflow is None and session.workflows:
                self.main.action_command("workflow")
            elif (fields_for := self._initial_input) is not None and session.workflow is not None:
                self._initial_input = None
                fields = fields_for(session.workflow.graph.start_event())
                self.main.show_run(await session.start_run(fields))
        except SessionError as error:
            self.main.say(in_one_line(error.error), "error")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that failed in a way nobody foresaw is told, not hidden."""
        if event.state is WorkerState.ERROR:
            self._tell_fault(f"worker {event.worker.name}", event.worker.error)

    async def run_action(self, action: Any, *args: Any, **kwargs: Any) -> bool:
        """As Textual does it, but a key that fails does not end the application."""
        try:
            return await super().run_action(action, *args, **kwargs)
        except Exception as error:
            self._tell_fault(str(action), error)
            return True

    def _handle_exception(self, error: Exception) -> None:
        """As Textual does it, but what fails in a widget that is gone by now is nobody's concern any more."""
        if self._exit or self._is_gone(_acting()):
            self.log.error(f"failed in what is gone: {type(error).__name__}: {error}")
        else:
            super()._handle_exception(error)

    def _is_gone(self, node: MessagePump | None) -> bool:
        if not isinstance(node, DOMNode) or node is self:
            return False
        return not any(above in self.screen_stack for above in node.ancestors_with_self)

    def _tell_fault(self, what: str, error: BaseException | None) -> None:
        text = f"{type(error).__name__}: {error}"
        self.notify(text, title="internal error", severity="error", markup=False)
        self.log.error(f"{what} failed: {text}")

    async def on_unmount(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._past is not None:
            self._past.recording.close()

    async def action_leave(self) -> None:
        """ctrl+q: as q, from anywhere; dialogs are left first, with their drafts kept."""
        if not self.is_up:
            self.exit()
            return
        for _ in range(_MOST_DIALOGS):
            if self.screen is self.main:
                break
            await self._leave_dialog(self.screen)
        self.main.action_command("quit")

    async def _leave_dialog(self, screen: Screen[Any]) -> None:
        from wf_tui.screens.dialog import Dialog

        if isinstance(screen, Dialog):
            await screen.action_cancel()
        else:
            screen.dismiss(None)

    def action_command_palette(self) -> None:
        """Over the main screen only: its commands are what it offers."""
        from wf_tui.screens.modal import Palette

        if self.screen is self._main:
            self.push_screen(Palette(id="--command-palette"))

    def action_help_quit(self) -> None:
        """ctrl+c, which many press to leave."""
        self.notify("q or ctrl+q quits", markup=False)

    def get_system_commands(self, screen: Any) -> Iterable[Any]:
        """Textual's own entries, without those that our commands replace."""
        replaced = {"Quit", "Keys", "Maximize", "Minimize"}
        return (entry for entry in super().get_system_commands(screen) if entry.title not in replaced)


def _acting() -> MessagePump | None:
    """Whose code runs: a worker's widget, else the one whose message is handled."""
    with suppress(NoActiveWorker):
        node: MessagePump = get_current_worker().node
        return node
    return active_message_pump.get(None)


def _path(target: FlowSpec | Path) -> Path:
    return target if isinstance(target, Path) else target.path


def run_app(
    target: FlowSpec | Path,
    settings: SessionSettings,
    initial_input: InitialInput | None = None,
    breakpoints: Sequence[Breakpoint] = (),
) -> int:
    """Run the application on a flow, or on the recording at a path; the process's exit code.

    With `initial_input` a run starts as soon as the flow is loaded.
    """
    sys.setswitchinterval(_GIVE_WAY)
    app = WfApp(target, settings, initial_input, breakpoints)
    with lasting_terminal():
        app.run()
    return app.return_value or app.return_code or 0
