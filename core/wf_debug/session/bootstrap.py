"""Run by the user's interpreter, whatever its version: checks it, adds the two packages, becomes the host.

`bootstrap.py DIRECTORY` finds `wf_debug` and `wf_core` in DIRECTORY, which holds nothing else, and reads the
host's configuration from the first line of stdin: a command line could be read by other users. Imports
nothing of ours.
"""

import os
import sys
from typing import NoReturn

REFUSED = 97
"""Exit code of an interpreter that cannot run a host; its last line of output says why."""


def refuse(reason: str) -> NoReturn:
    sys.stderr.write(reason + "\n")
    sys.stderr.flush()
    sys.exit(REFUSED)


def check() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  # this very check
        refuse("it is Python %d.%d, and 3.11 is the oldest that will do" % sys.version_info[:2])  # noqa: UP031
    try:
        import pydantic
    except ImportError as error:
        refuse("it has no pydantic (" + str(error) + ")")
    if tuple(int(part) for part in pydantic.VERSION.split(".")[:2]) < (2, 9):
        refuse("its pydantic is " + pydantic.VERSION + ", and 2.9 is the oldest that will do")


def main() -> None:
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [sys.argv[1], *(path for path in sys.path if path != own)]
    check()
    config = sys.stdin.readline()
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    sys.argv = ["wf_debug.host", config]
    import runpy

    runpy.run_module("wf_debug.host", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
