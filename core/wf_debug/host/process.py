"""The life of a host process: wire the parts, serve, and leave nothing behind."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from wf_debug.backends.base import Backend
from wf_debug.backends.llamaindex import LlamaIndexBackend
from wf_debug.backends.native import NativeBackend
from wf_debug.control.clock import FreezableClock
from wf_debug.control.controller import Controller
from wf_debug.control.debugger import Debugger
from wf_debug.control.origin import current_origin
from wf_debug.control.payload import PayloadEncoder, safe_str
from wf_debug.control.tracer import Tracer
from wf_debug.control.usercode import UserCode
from wf_debug.host.commands import Commands
from wf_debug.host.connection import Connection
from wf_debug.host.load import HardExit
from wf_debug.host.logs import LogCapture, stop_in_forked_child
from wf_debug.host.mainthread import MainThread
from wf_debug.host.pulse import Pulse
from wf_debug.host.script import Script
from wf_debug.host.server import Server
from wf_debug.trace.records import Note
from wf_debug.wire import Hello, HostConfig, encode

_LAST_WORDS = 2.0
"""Seconds that user code has to end after the session is gone."""


class HostProcess:
    """Everything in the process that is the debugger's."""

    def __init__(self, config: HostConfig, connection: Connection) -> None:
        project = Path(config.project).resolve()
        clock = FreezableClock()
        tracer = Tracer(connection.send, clock, config.first_seq)
        payloads = PayloadEncoder(config.payload_limit, Path(config.spill))
        controller = Controller(tracer, clock, payloads.encode)
        self.debugger = Debugger(clock, tracer, payloads, controller, UserCode(project))
        self.connection = connection
        self.backends: list[Backend] = [NativeBackend(self.debugger), LlamaIndexBackend(self.debugger)]
        self.pulse = Pulse(self._has_live_runs)
        self.main = MainThread(self.pulse)
        self.logs = LogCapture(tracer)
        self.script = Script(self.debugger, self.logs.finish)
        self.commands = Commands(self.debugger, self.backends, self.main, self.script, project)
        self.debugger.end_lines = self.logs.finish
        self.debugger.run_starting = self.commands.meet
        self.debugger.graph_grew = self.commands.grow
        self.debugger.run_began = self.pulse.begin
        payloads.fields_of = [b.fields for b in self.backends]

    def run(self) -> int:
        """Serve until the session is gone or says shutdown; the exit code."""
        self._prepare_process()
        for backend in self.backends:
            backend.attach()
        self.connection.send(encode(self._hello()))
        threading.Thread(target=self._control, name="wf-debug control", daemon=True).start()
        self.main.serve(self._escaped)
        self.logs.finish()
        self.debugger.tracer.close()
        self.connection.close()
        return 0

    def end(self) -> None:
        """Cancel every run, then leave; user code that does not end is ended. Any thread."""
        threading.Thread(target=self._force_end, name="wf-debug end", daemon=True).start()
        self.debugger.handing_over = self.debugger.controller.frozen
        self.commands.cancel_all()
        self.script.interrupt()
        self.main.on_loop(self._end_when_idle)

    def _end_when_idle(self) -> None:
        if self._has_live_runs():
            self.main.loop.call_later(0.01, self._end_when_idle)
        else:
            self.main.end()

    def _force_end(self) -> None:
        threading.Event().wait(_LAST_WORDS)
        self.logs.finish()
        self.debugger.tracer.flush()
        self._force_exit(0)

    def _control(self) -> None:
        Server(self.connection, self.commands, self.debugger.tracer).serve()
        self.end()

    def _hello(self) -> Hello:
        return Hello(
            pid=os.getpid(),
            python=sys.executable,
            version=sys.version.split()[0],
            engines={b.name: b.version for b in self.backends if b.version},
        )

    def _has_live_runs(self) -> bool:
        return any(b.live_runs() for b in self.backends)

    def _escaped(self, error: BaseException) -> None:
        """What user code threw through the loop would have ended a plain python process."""
        where = self.debugger.user_code.place_in(error.__traceback__)
        what = f"{type(error).__name__}: {safe_str(error)}"
        if isinstance(error, SystemExit):
            what = f"sys.exit({error.code!r})"
        place = f" at {where}" if where else ""
        text = f"{what} left the event loop{place}; a plain python would end here"
        self.debugger.tracer.emit(Note, current_origin.get().run, level="error", text=text)

    def _prepare_process(self) -> None:
        faulthandler.enable(file=2)
        sys.dont_write_bytecode = True
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.breakpointhook = self._pass_breakpoint
        self._say_why_on_exit()
        stop_in_forked_child(self.debugger.tracer, self.main.forked)
        self.logs.install()

    def _pass_breakpoint(self, *args: Any, **kwargs: Any) -> Any:
        """`breakpoint()` in user code: pdb would find no terminal, so it is only told, unless the user chose
        another one."""
        if os.environ.get("PYTHONBREAKPOINT", "") not in ("", "pdb.set_trace"):
            return sys.__breakpointhook__(*args, **kwargs)
        at = self.debugger.user_code.place_of_caller()
        text = f"breakpoint() at {at} was passed over: pdb has no terminal here; set a breakpoint on the step"
        self.debugger.tracer.emit(Note, current_origin.get().run, level="warning", text=text)
        return None

    def _say_why_on_exit(self) -> None:
        """Flush before `os._exit` and SIGTERM end the process, and say who asked."""
        leave, process = os._exit, os.getpid()

        def exit_now(status: int) -> None:
            importing = self.debugger.loading and threading.current_thread() is threading.main_thread()
            if importing and os.getpid() == process:
                raise HardExit(status)
            place = self.debugger.user_code.place_of(sys._getframe(1))
            self._last_words(f"os._exit({status!r}) called" + (f" at {place[0]}" if place else ""))
            self.script.left(status)
            leave(status)

        def terminated(number: int, frame: FrameType | None) -> None:
            # The interrupted code may hold the tracer's locks: the words are said from a thread beside it.
            signal.signal(number, signal.SIG_DFL)
            threading.Thread(target=self._die_of, args=(number,), daemon=True).start()

        os._exit = exit_now  # type: ignore[assignment]
        self._force_exit: Callable[[int], None] = leave
        signal.signal(signal.SIGTERM, terminated)

    def _die_of(self, number: int) -> None:
        self._last_words(f"the host was ended by {signal.Signals(number).name}")
        os.kill(os.getpid(), number)

    def _last_words(self, text: str) -> None:
        self.logs.finish()
        origin = current_origin.get()
        self.debugger.tracer.emit(Note, origin.run, level="error", text=text)
        self.debugger.tracer.flush()
