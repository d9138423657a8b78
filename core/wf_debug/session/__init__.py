"""The debugger's near end: a session spawns a host, commands it, and keeps the recording."""

from wf_debug.session.armory import KnownBreakpoint
from wf_debug.session.errors import SessionError
from wf_debug.session.hosting import SessionStatus
from wf_debug.session.interpreter import Interpreter, find_interpreter
from wf_debug.session.journal import Change
from wf_debug.session.postmortem import PostMortem
from wf_debug.session.reloading import ReloadReport
from wf_debug.session.session import Session
from wf_debug.session.settings import FlowSpec, SessionSettings, state_directory

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
