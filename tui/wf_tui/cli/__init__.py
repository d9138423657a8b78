"""The command line: `wf-tui FLOW.py` and its subcommands. Imports neither Textual nor the session
before a command needs them."""

import sys


def main() -> None:
    """Entry point of the console script."""
    from wf_tui.cli import signals

    signals.end_in_order()
    try:
        from wf_tui.cli.main import run_command

        run_command(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(signals.exit_code())
    except SystemExit:
        if signals.came():
            sys.exit(signals.exit_code())
        raise
