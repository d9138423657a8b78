"""The command palette: every command by name, with its key; one that cannot act says why."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hit, Hits, Provider

from wf_tui.commands import COMMANDS, Command, key_names
from wf_tui.screens.main import MainScreen


class CommandProvider(Provider):
    """Offers the command table of the main screen."""

    @property
    def _main(self) -> MainScreen | None:
        return self.screen if isinstance(self.screen, MainScreen) else None

    def _entry(self, command: Command, main: MainScreen) -> tuple[str, str]:
        reason = command.why_not(main.situation())
        title = f"{command.label[0].upper()}{command.label[1:]}  ({key_names(command)[0]})"
        return title, f"not now: {reason}" if reason else command.help

    async def discover(self) -> Hits:
        if (main := self._main) is None:
            return
        for command in COMMANDS:
            title, text = self._entry(command, main)
            yield DiscoveryHit(title, _act(main, command), help=text)

    async def search(self, query: str) -> Hits:
        if (main := self._main) is None:
            return
        matcher = self.matcher(query)
        for command in COMMANDS:
            title, text = self._entry(command, main)
            score = max(matcher.match(title), matcher.match(command.help) * 0.9)
            if score > 0:
                yield Hit(score, matcher.highlight(title), _act(main, command), help=text)


def _act(main: MainScreen, command: Command):  # type: ignore[no-untyped-def]
    def act() -> None:
        main.action_command(command.id)

    return act
