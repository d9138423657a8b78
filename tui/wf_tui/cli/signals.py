"""SIGTERM and SIGHUP end a command as ctrl+c does: host ended, files closed, terminal restored."""

from __future__ import annotations

import signal
from types import FrameType

_ENDING = [s for name in ("SIGTERM", "SIGHUP") if (s := getattr(signal, name, None))]
_came: list[int] = []


def end_in_order() -> None:
    """From now on."""
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interrupt)


def came() -> bool:
    """Whether one of them did."""
    return bool(_came)


def exit_code() -> int:
    """128 and the number of the signal that ended the command."""
    return 128 + (_came[0] if _came else signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _came.append(number)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a script's background job
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)
