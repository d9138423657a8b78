"""The main screen: carries out commands, asks the person, and says what goes wrong."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from wf_debug.session import PostMortem, ReloadReport, Session, SessionError
from wf_debug.trace.records import ScriptEnded
from wf_debug.wire import WireError
from wf_tui.commands import BY_ID, COMMANDS, MOVES, Command, footer, key_names
from wf_tui.describe.failure import failure_lines, in_one_line, problem_line, script_end
from wf_tui.screens import polling, reading
from wf_tui.screens.run_view import RunView
from wf_tui.situation import Situation
from wf_tui.widgets.footer import Footer
from wf_tui.widgets.header import Banner, Header, Heads
from wf_tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from wf_tui.app import WfApp

Result = TypeVar("Result")
POLL = 1.0
"""Seconds between two questions to the host: does its loop turn, what is the state."""
_RELOADED = {"swapped": "later steps run the new code", "restarted": "in a fresh host"}


class MainScreen(RunView):
    """The screen under every dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            c.keys,
            f"command({c.id!r})",
            c.label,
            show=False,
            id=c.id,
            tooltip=c.help,
            priority=c.id in MOVES,
        )
        for c in COMMANDS
    ]
    AUTO_FOCUS = "#timeline"

    class Loaded(Message):
        """The flow, or the recording, can be worked with."""

    @dataclass
    class Asked(Message):
        """The person wants a command carried out."""

        command: Command

    def __init__(self, target: Path) -> None:
        super().__init__()
        self._target = target
        self._failure: WireError | None = None
        self._reload_error = ""
        self._blocked = ""
        self._fault = ""
        self._read_until = 0.0
        self._asked: set[int] = set()
        self._state_shown: tuple[str | None, float, int | None] | None = None

    def on_mount(self) -> None:
        self.query_one(Header).heads = Heads(flow=self._target.name, state="loading")
        self._show_footer()
        self.set_interval(POLL, self._poll)

    # -- the flow: opened, loaded, failed
    def attach(self, source: Session | PostMortem) -> None:
        """Show this session or recording."""
        self._source = source
        if isinstance(source, Session):
            source.on_change.append(self._on_change)
            source.on_reload.append(self._on_reload)
        self._show_rows()

    def loaded(self) -> None:
        """The flow is there: show its workflow in place of what was wrong before."""
        if self._failure is not None:
            self._failure = None
            self.remove_class("-failed")
            self.panes.go_to("timeline")
        self.timeline.list.ready = True
        self.show_workflow()
        self.post_message(self.Loaded())

    def fail(self, error: WireError) -> None:
        """The flow does not load: say all about it in place of the panes."""
        self._failure = error
        self.add_class("-failed")
        self.query_one("#failure", TextLines).show(failure_lines(error))
        self.query_one("#failure").focus()
        self.query_one(Header).heads = Heads(flow=self._target.name, state="error")
        self._show_footer()

    def reopen(self) -> None:
        """Try again to open what could not even be begun."""
        self.query_one(Header).heads = Heads(flow=self._target.name, state="loading")
        cast("WfApp", self.app).open_flow()

    # -- what is said around the panes
    def after_sync(self) -> None:
        self._show_footer()
        self._show_banner()
        self._ask_person()

    def after_select(self) -> None:
        self._show_footer()
        if self.inspector.tabs.active == "state":
            self._poll()

    def tell_fault(self, text: str) -> None:
        """Pin a fault of the application's own; it goes on."""
        self._fault = text
        self.log.error(text)
        self._show_banner()

    def look_closer(self) -> None:
        """Enter: an open question first, else the inspector."""
        if self._source is not None and self.live.prompts and self.has_session:
            self.action_command("answer")
        else:
            super().look_closer()

    def _show_footer(self) -> None:
        self.query_one(Footer).commands = tuple(footer(self.situation()))

    def _show_banner(self) -> None:
        """What needs attention most."""
        error = self._fault or self._reload_error
        self.query_one(Banner).show(error or self._blocked or self._problem(), error=bool(error))

    def _problem(self) -> str:
        source = self._source
        if not isinstance(source, Session) or self._failure is not None:
            return ""
        if source.status.state in ("crashed", "closed", "error"):
            return f"{source.status.message} (ctrl+shift+r starts a new host)"
        if isinstance(ended := source.live.script, ScriptEnded) and ended.code:
            return f"{script_end(ended)} (R executes it again)"
        if (run := self.run) is not None and run.status == "running" and run.stuck:
            return f"stuck: {run.stuck} (i injects an event, K cancels the run)"
        info = source.workflow
        return next((problem_line(p) for p in info.problems if p.fatal), "") if info else ""

    def _ask_person(self) -> None:
        """A new question opens its dialog, unless the person is in another, or a script may answer it."""
        new = [p for p in list(self.live.prompts) if p.id not in self._asked]
        if new and self.app.screen is self and self.has_session and not self.session.is_script:
            self._asked.update(p.id for p in new)
            self.action_command("answer")

    # -- asking the host
    def _poll(self) -> None:
        if self._source is not None and self._failure is None:
            self.run_worker(self._ask(self._source), group="poll", exclusive=True, exit_on_error=False)

    async def _ask(self, source: Session | PostMortem) -> None:
        with self._telling_faults("asking the host"):
            self._blocked = await polling.blocked_text(source, self.run)
            self._show_banner()
            if self.inspector.tabs.active == "state" and self._state_shown != (now := self._state_key()):
                state = await polling.state_of(source, self.run, moment := self.moment)
                self.inspector.show_state(state, past=moment is not None)
                self._state_shown = now

    def _state_key(self) -> tuple[str | None, float, int | None]:
        """The run and where it stands: asked for again only when something happened since, or another moment
        is looked at."""
        run = self.run
        return (run.run, run.t + len(run.status), self.moment) if run else (None, 0.0, None)

    @property
    def moment(self) -> int | None:
        """The record whose moment the person looks at; None: the present."""
        chosen = self.selection
        return chosen.seq if chosen.origin in ("timeline", "logs") and chosen.run == self.run_id else None

    def _on_reload(self, report: ReloadReport) -> None:
        self.run_worker(self._hear_report(report), exit_on_error=False)

    async def _hear_report(self, report: ReloadReport) -> None:
        with self._telling_faults("reload"):
            await self.take_report(report, asked=False)

    async def take_report(self, report: ReloadReport, *, asked: bool = True) -> None:
        """Tell how a reload went; ask before anything is lost."""
        if report.outcome == "failed" and self._failure is not None and report.error is not None:
            self.fail(report.error)
        elif report.outcome == "failed":
            self._reload_error = "not reloaded: " + (
                in_one_line(report.error) if report.error else report.detail
            )
        elif report.outcome == "ask":
            from wf_tui.screens.loss import LossDialog

            self._reload_error = ""
            if await self.app.push_screen_wait(LossDialog(report)):  # over whatever is open: the run waits
                await self.take_report(await self.session.accept_loss())
            else:
                await self.session.decline_loss()
            return
        elif report.outcome != "unchanged":
            self._reload_error = ""
            self.loaded()
            files = ", ".join(report.files) or "the flow"
            self.say(f"reloaded {files}: {report.detail or _RELOADED[report.outcome]}")
        else:
            self._reload_error = ""
            if asked:
                self.say("nothing changed since the last load")
        self._show_banner()

    # -- commands
    def situation(self) -> Situation:
        return reading.situation_of(self._source, self.run, self.selection, self._failure is not None)

    def action_command(self, name: str) -> None:
        """Carry out a command, after all that the focused widget has already said: keys may come fast."""
        if name in MOVES or self.focused is None:
            self.carry_out(BY_ID[name])
        else:
            self.focused.post_message(self.Asked(BY_ID[name]))

    def on_main_screen_asked(self, event: Asked) -> None:
        self.carry_out(event.command)

    def carry_out(self, command: Command) -> None:
        """Do it now, or say why not. Keys that come before the panes are there do nothing."""
        if not self.is_mounted:
            return
        reason = command.why_not(self.situation())
        if reason is not None:
            self.say(f"{key_names(command)[0]} {command.label}: {reason}", "warning")
            return
        with self._telling_faults(command.label):
            if (pending := command.act(self)) is not None:
                finish = self._finish(command, pending)
                self.run_worker(finish, group=f"command-{command.id}", exit_on_error=False)
        self._changed = True

    async def _finish(self, command: Command, pending: Awaitable[None]) -> None:
        with self._telling_faults(command.label):
            await pending
        self._changed = True

    @contextmanager
    def _telling_faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except SessionError as error:
            self.say(in_one_line(error.error), "error")
        except Exception as error:
            self.tell_fault(f"{what} failed: {type(error).__name__}: {error}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that move between panes come before the focused widget's own, but never before typing."""
        return not (isinstance(self.focused, Input) and parameters and parameters[0] in MOVES)

    def on_footer_clicked(self, event: Footer.Clicked) -> None:
        self.action_command(event.command.id)

    async def ask(self, dialog: ModalScreen[Result]) -> Result | None:
        """Show a dialog and wait for its answer; None when it was dismissed.

        Of two that keys asked for at once, only the first is shown.
        """
        if self.app.screen is not self:
            return None
        return await self.app.push_screen_wait(dialog)

    async def confirm(self, question: str, detail: str, yes: str) -> bool:
        from wf_tui.screens.confirm import ConfirmDialog

        answer: bool | None = await self.ask(ConfirmDialog(question, detail, yes, "No"))
        return answer is True

    def say(self, text: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        """A passing remark; it takes the place of the one before, unless that told of an error."""
        now = time.monotonic()
        if now >= self._read_until:
            self.app.clear_notifications()
        if severity == "error":
            self._read_until = now + 8
        self.notify(text, severity=severity, timeout=4 if severity != "error" else 8, markup=False)

    def exit_code(self) -> int:
        """2 for a flow that never loaded, as the command line says it."""
        return 2 if self._failure is not None else 0
