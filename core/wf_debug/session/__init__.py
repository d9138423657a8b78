"""The debugger's near end: a session spawns a host, commands it, and keeps the recording.

What this package offers is imported when it is first asked for: the settings alone cost nothing, so that an
application can be on the screen before the rest is loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wf_debug.session.armory import KnownBreakpoint
    from wf_debug.session.errors import SessionError
    from wf_debug.session.hosting import SessionStatus
    from wf_debug.session.interpreter import Interpreter, find_interpreter
    from wf_debug.session.journal import Change
    from wf_debug.session.postmortem import PostMortem
    from wf_debug.session.reloading import ReloadReport
    from wf_debug.session.session import Session
    from wf_debug.session.settings import FlowSpec, SessionSettings, state_directory

_HOMES = {
    "Change": "journal",
    "FlowSpec": "settings",
    "Interpreter": "interpreter",
    "KnownBreakpoint": "armory",
    "PostMortem": "postmortem",
    "ReloadReport": "reloading",
    "Session": "session",
    "SessionError": "errors",
    "SessionSettings": "settings",
    "SessionStatus": "hosting",
    "find_interpreter": "interpreter",
    "state_directory": "settings",
}

__all__ = [
    "Change",
    "FlowSpec",
    "Interpreter",
    "KnownBreakpoint",
    "PostMortem",
    "ReloadReport",
    "Session",
    "SessionError",
    "SessionSettings",
    "SessionStatus",
    "find_interpreter",
    "state_directory",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
