"""The bottom line: the commands that are of use now, with their keys."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from wf_tui.commands import BY_ID, Command, key_names


class Footer(Widget):
    """Shows as many commands as fit, most useful first; help and quit always. A click acts."""

    DEFAULT_CSS = """
    Footer { height: 1; dock: bottom; background: $panel; color: $text-muted; padding: 0 1; }
    """
    commands: reactive[tuple[Command, ...]] = reactive(())

    class Clicked(Message):
        """A command was clicked."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    def render(self) -> Content:
        parts: list[tuple[str, str]] = []
        for command in self._fitting():
            parts += [(key_names(command)[0], "$text-accent bold"), (f" {command.label}  ", "$text-muted")]
        return Content.assemble(*parts)

    def _fitting(self) -> list[Command]:
        always = [BY_ID["help"], BY_ID["quit"]]
        room = self.size.width - sum(map(_width, always))
        shown: list[Command] = []
        for command in self.commands:
            room -= _width(command)
            if room < 0:
                break
            shown.append(command)
        return [*shown, *always]

    def on_click(self, event: events.Click) -> None:
        x = 1
        for command in self._fitting():
            x += _width(command)
            if event.x < x:
                self.post_message(self.Clicked(command))
                return


def _width(command: Command) -> int:
    return cell_len(key_names(command)[0]) + cell_len(command.label) + 3
