"""`python -m wf_tui`, the same as `wf-tui`."""

from wf_tui.cli import main

main()
