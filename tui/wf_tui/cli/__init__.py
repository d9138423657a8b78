"""The command line: `wf-tui FLOW.py` and its subcommands. Imports neither Textual nor the session
before a command needs them."""

from wf_tui.cli.main import main

__all__ = ["main"]
