"""Executing a script as `python script.py` would: as `__main__`, with its arguments, to its very end."""

from __future__ import annotations

import atexit
import builtins
import importlib.machinery
import linecache
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

from wf_debug.backends.refusal import Refused
from wf_debug.control.debugger import Debugger
from wf_debug.host.source import check_source
from wf_debug.trace.records import ErrorInfo, ScriptEnded, ScriptStarted

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class _Program:
    path: Path
    argv: list[str]
    code: CodeType


class Script:
    """At most one script in a process: what it leaves behind is not undone."""

    def __init__(self, debugger: Debugger, end_lines: Callable[[], None]) -> None:
        """`end_lines` records what was printed without a line end."""
        self._debugger, self._end_lines = debugger, end_lines
        self._program: _Program | None = None
        self.running = False

    def begin(self, path: Path, argv: list[str]) -> None:
        """Make it ready for `execute`; from now on there is no second one.

        Raises:
            Refused: when it is no Python, or this process has executed a script already.
        """
        if self._program is not None:
            raise Refused(
                "internal", "this host has executed its script", hint="start a fresh host for another time"
            )
        tree = check_source(path)
        self._program = _Program(path, argv, compile(tree, str(path), "exec", dont_inherit=True))
        self.running = True

    def execute(self) -> None:
        """Run what is ready, if something is, on this thread, which must be the main one, and record how it
        ended."""
        program = self._program
        if program is None or not self.running:
            return
        self._debugger.tracer.emit(ScriptStarted, path=str(program.path), argv=tuple(program.argv))
        process, status, error = os.getpid(), 0, None
        with _as_main(program.path, program.argv):
            try:
                exec(program.code, sys.modules["__main__"].__dict__)
            except BaseException as raised:
                if os.getpid() != process:
                    raise  # a forked child ends its own way
                status, error = self._outcome(raised)
            if os.getpid() != process:
                return
            _finish()
        self._ended(status, error)

    def _outcome(self, raised: BaseException) -> tuple[int, ErrorInfo | None]:
        """Exit code, and the error if it was one."""
        if isinstance(raised, SystemExit):
            return _exit_code(raised.code), None
        if isinstance(raised, KeyboardInterrupt):
            return _INTERRUPTED, None
        return 1, self._describe(raised)

    def left(self, status: int) -> None:
        """The process ends at once (`os._exit`)."""
        if self.running:
            self._ended(status, None)

    def interrupt(self) -> None:
        """As ctrl+c would: an `asyncio.run` cancels what it runs. Any thread."""
        ident = threading.main_thread().ident
        if self.running and ident is not None:
            signal.pthread_kill(ident, signal.SIGINT)

    def _ended(self, status: int, error: ErrorInfo | None) -> None:
        self.running = False
        self._end_lines()
        self._debugger.tracer.emit(ScriptEnded, code=status, error=error)
        self._debugger.tracer.flush()

    def _describe(self, raised: BaseException) -> ErrorInfo:
        """The exception from the script's first line on, as python would show it."""
        if raised.__traceback__ is not None:
            raised.__traceback__ = raised.__traceback__.tb_next  # the frame that executed it is ours
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(type(raised), raised, raised.__traceback__)
        return self._debugger.user_code.describe(raised)


@contextmanager
def _as_main(path: Path, argv: list[str]) -> Iterator[None]:
    """Inside, the process looks to the script as a python that was started for it.

    Its module stays `__main__` afterwards, for threads and finalizers that it left.
    """
    module = ModuleType("__main__")
    module.__dict__.update(
        __file__=str(path),
        __builtins__=builtins,
        __cached__=None,
        __loader__=importlib.machinery.SourceFileLoader("__main__", str(path)),
    )
    sys.modules["__main__"] = module
    sys.argv = list(argv)
    sys.path.insert(0, str(path.parent))
    linecache.checkcache()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _finish() -> None:
    """What python does when a script is over: wait for its threads, then call its exit handlers."""
    try:
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
    except KeyboardInterrupt:
        return
    atexit._run_exitfuncs()


def _exit_code(value: object) -> int:
    """As python makes it of what `sys.exit` was given."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    print(value, file=sys.stderr)
    return 1
