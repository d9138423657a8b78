"""Which versions of the engine can be debugged."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGE = "llama-index-workflows"
OLDEST = "2.15"
"""The first with everything that the debugger stands on: runtime decorators and `on_tick`."""


def installed() -> str:
    """The version in this interpreter, empty if there is none."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""


def is_supported(found: str) -> bool:
    """Unreadable versions (a checkout, say) are tried."""
    numbers = re.findall(r"\d+", found)[:2]
    return len(numbers) < 2 or tuple(map(int, numbers)) >= tuple(map(int, OLDEST.split(".")))


def too_old(found: str) -> tuple[str, str]:
    """What to say of a version that can't be debugged, and the next thing to try."""
    message = f"{PACKAGE} {found} is too old to be debugged; {OLDEST} or newer is needed ({sys.executable})"
    hint = f"run `{sys.executable} -m pip install -U '{PACKAGE}>={OLDEST}'`, or pass --python with an \
interpreter that has it"
    return message, hint
