"""What a process that died said last, as far as it tells why."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CRASH = "Fatal Python error"
_THREAD = re.compile(r"(Current thread|Thread) 0x")
_NOT_THE_USERS = re.compile(r'  File "(<frozen |.*/lib/wf_(debug|core)/|.*/wf_debug/session/bootstrap\.py)')


def telling(tail: Sequence[str], most: int) -> list[str]:
    """At most so many lines: the last ones; of a crash dump what happened and where in the user's code."""
    dump = next((n for n, line in enumerate(tail) if line.startswith(_CRASH)), None)
    if dump is None:
        return list(tail[-most:])
    told = [*tail[max(dump - 2, 0) : dump + 1], *_frames(tail[dump + 1 :])]
    return told[:most]


def _frames(dump: Sequence[str]) -> list[str]:
    """The crashed thread's, innermost first, without the debugger's own."""
    start = next((n for n, line in enumerate(dump) if line.startswith("Current thread")), None)
    if start is None:
        return list(dump)
    found: list[str] = []
    for line in dump[start + 1 :]:
        if not line.strip() or _THREAD.match(line):
            break
        if not _NOT_THE_USERS.match(line):
            found.append(line)
    return found
