"""A running host and the connection to it: three threads, one process, commands and their replies.

The reader thread accepts the host's connection, parses its messages and hands its records on. Another drains
what the process writes past the capture (C code, a dying interpreter), a third waits for its end: a child
that the flow forked may keep socket and pipe open.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from wf_debug.framing import Lines, LineTooLong
from wf_debug.session.bootstrap import REFUSED
from wf_debug.session.errors import SessionError
from wf_debug.session.interpreter import Interpreter, refusal
from wf_debug.session.lastwords import telling
from wf_debug.session.launch import MeetingPlace, prepare, spawn
from wf_debug.session.messages import message_of
from wf_debug.trace.records import Log, Note, Record
from wf_debug.wire import (
    CUT_OFF,
    MAX_LINE,
    PROTOCOL,
    CommandBase,
    Hello,
    HostConfig,
    Records,
    Reply,
    Shutdown,
    WorkflowSeen,
    encode,
)

Result = TypeVar("Result", bound=BaseModel)
_TAIL, _QUOTED = 80, 12
"""Lines of native output kept, and how many of them an error message shows."""
_DENSE, _GATHER, _SMALL = 0.001, 0.005, 1 << 14
"""When the next few bytes are there within so many seconds, the reader lets more pile up for a moment: a host
that wakes its reader for every line pays for it."""
_STRANGER = 2.0
"""Seconds that whoever connects has to say the token."""
_TOKEN_LINE = 256
_CHUNK = 1 << 18
"""Bytes that are read at once."""
_NATIVE_LINE = 8_000
_GOODBYE, _TERMINATE, _KILL = 3.0, 1.5, 5.0
"""Seconds that the process has to end: after Shutdown, after SIGTERM, after SIGKILL."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a host is started with."""

    interpreter: Interpreter
    project: str
    spill: str
    first_seq: int
    connect_timeout: float


@dataclass(frozen=True, slots=True)
class Ending:
    """How the process ended. `code` is its exit code, negative for a signal; `tail` its last native
    output."""

    code: int | None
    tail: tuple[str, ...]
    asked: bool
    """Whether the session had asked for it."""

    def describe(self) -> str:
        """`was killed by signal 11 (SIGSEGV)`, `ended with exit code 3`."""
        if self.code is None:
            return "closed its connection and did not end"
        if self.code < 0:
            name = signal.Signals(-self.code).name if -self.code in set(signal.Signals) else "unknown"
            return f"was killed by signal {-self.code} ({name})"
        if self.code == CUT_OFF:
            return (
                "ended, as its connection to the debugger was closed by user code (os.closerange, os.close)"
            )
        return f"ended with exit code {self.code}"


OnWorkflow = Callable[["HostLink", WorkflowSeen], None]
OnRecords = Callable[["HostLink", list[Record]], None]
OnEnd = Callable[["HostLink", Ending], None]


class HostLink:
    """One host process. Start it with `start`, then await `hello`; `end` leaves nothing of it behind."""

    def __init__(self, launch: Launch, on_records: OnRecords, on_workflow: OnWorkflow, on_end: OnEnd) -> None:
        self.launch = launch
        self.ending: Ending | None = None
        self._on_records, self._on_workflow, self._on_end = on_records, on_workflow, on_end
        self._place: MeetingPlace = prepare()
        try:
            self.process = spawn(launch.interpreter, self._place, self._config())
        except SessionError:
            self._place.remove()
            raise
        self._hello: Future[Hello] = Future()
        self._socket: socket.socket | None = None
        self._pending: dict[int, tuple[str, Future[Reply]]] = {}
        self._ids = 0
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._asked_to_end = False
        self._tail: deque[str] = deque(maxlen=_TAIL)
        jobs = {"reader": self._read, "output": self._drain, "waiter": self._wait}
        self._threads = {
            n: threading.Thread(target=job, name=f"wf host {n}", daemon=True) for n, job in jobs.items()
        }
        for thread in self._threads.values():
            thread.start()

    def _config(self) -> HostConfig:
        launch, place = self.launch, self._place
        return HostConfig(
            address=place.address,
            token=place.token,
            project=launch.project,
            first_seq=launch.first_seq,
            spill=launch.spill,
        )

    # -- commands
    async def hello(self) -> Hello:
        """The host's first message.

        Raises:
            SessionError: when it does not come: the interpreter refuses, the process ended, or it is silent.
        """
        return await asyncio.wrap_future(self._hello)

    async def request(self, command: CommandBase, result: type[Result]) -> Result:
        """Send a command and wait for its result.

        Raises:
            SessionError: with the host's error, or because the host ended before it answered.
        """
        reply = await self._exchange(command)
        if reply.error is not None:
            raise SessionError(reply.error)
        try:
            return result.model_validate(reply.result or {})
        except ValidationError as error:
            raise SessionError.of(
                "bad_message", f"the host's answer to {_name(command)} is malformed: {error}"
            ) from error

    async def tell(self, command: CommandBase) -> None:
        """Send a command that has no result, and wait until it is done.

        Raises:
            SessionError: as for `request`.
        """
        reply = await self._exchange(command)
        if reply.error is not None:
            raise SessionError(reply.error)

    async def _exchange(self, command: CommandBase) -> Reply:
        numbered, answer = self._register(command)
        try:
            await asyncio.to_thread(self._send, encode(numbered))
            return await asyncio.wrap_future(answer)
        finally:
            with self._lock:
                self._pending.pop(numbered.id, None)

    def _register(self, command: CommandBase) -> tuple[CommandBase, Future[Reply]]:
        answer: Future[Reply] = Future()
        with self._lock:
            if self.ending is not None:
                raise _died(self.ending, _name(command))
            self._ids += 1
            self._pending[self._ids] = (_name(command), answer)
            return command.model_copy(update={"id": self._ids}), answer

    def _send(self, line: bytes) -> None:
        """Waits for a host that reads slowly; a host that is gone is told by its ending."""
        with self._sending, suppress(OSError):
            if self._socket is not None:
                self._socket.sendall(line)

    # -- the reader thread
    def _read(self) -> None:
        try:
            sock = self._accept()
            if sock is not None:
                self._listen(sock)
        except SessionError as error:
            _fail(self._hello, error)
            self._kill()
        except OSError:
            pass  # the connection broke, which is an end like any other
        self._over()

    def _accept(self) -> socket.socket | None:
        """The connection that says the token; None when the process ended or we are to end."""
        deadline = time.monotonic() + self.launch.connect_timeout
        self._place.listener.settimeout(0.1)
        while time.monotonic() < deadline:
            try:
                sock, _ = self._place.listener.accept()
            except TimeoutError:
                if self._asked_to_end or self.process.poll() is not None:
                    return None
                continue
            if self._is_host(sock):
                self._socket = sock
                return sock
            sock.close()
        raise SessionError.of(
            "host_silent",
            f"the host did not connect within {self.launch.connect_timeout:g} s{_quoted(self._tail)}",
            f"see whether `{self.launch.interpreter.path}` starts and how long it takes",
        )

    def _is_host(self, sock: socket.socket) -> bool:
        """Nothing is parsed before the token was right."""
        sock.settimeout(_STRANGER)
        said = b""
        try:
            while not said.endswith(b"\n") and len(said) < _TOKEN_LINE:
                # Byte by byte: what follows the line belongs to the reader.
                byte = sock.recv(1)
                if not byte:
                    return False
                said += byte
        except OSError:
            return False
        sock.settimeout(None)
        return hmac.compare_digest(said.rstrip(b"\r\n"), self._place.token.encode())

    def _listen(self, sock: socket.socket) -> None:
        """Take what comes until the connection ends; records that come together are handed on together."""
        lines, greeted = Lines(MAX_LINE), False
        asked = time.monotonic()
        while data := sock.recv(_CHUNK):
            if len(data) < _SMALL and time.monotonic() - asked < _DENSE:
                time.sleep(_GATHER)
            complete = list(lines.feed(data))
            if complete and not greeted:
                self._greet(complete.pop(0))
                greeted = True
            self._take(complete)
            asked = time.monotonic()
        if rest := lines.rest():
            self._take([rest])

    def _greet(self, line: bytes | LineTooLong) -> None:
        message = message_of(line)
        if isinstance(message, str):
            raise SessionError.of("bad_message", f"the host does not greet: {message}")
        if not isinstance(message, Hello) or message.protocol != PROTOCOL:
            spoken = message.protocol if isinstance(message, Hello) else "none"
            raise SessionError.of(
                "bad_message", f"the host speaks protocol {spoken}, this session {PROTOCOL}"
            )
        _resolve(self._hello, message)

    def _take(self, lines: Sequence[bytes | LineTooLong]) -> None:
        records: list[Record] = []
        for message in map(message_of, lines):
            if isinstance(message, Records):
                records += message.records
                continue
            if records:
                self._on_records(self, records)
                records = []
            if isinstance(message, Reply):
                self._answer(message)
            elif isinstance(message, WorkflowSeen):
                self._on_workflow(self, message)
            else:
                self._fault("the host greeted twice" if isinstance(message, Hello) else message)
        if records:
            self._on_records(self, records)

    def _answer(self, reply: Reply) -> None:
        with self._lock:
            _, answer = self._pending.pop(reply.id, ("", None)) if reply.id is not None else ("", None)
        if answer is not None:
            _resolve(answer, reply)
        elif reply.id is None and reply.error is not None:
            self._fault(f"the host could not read a command: {reply.error.message}")

    def _fault(self, text: str) -> None:
        self._on_records(self, [Note(wall=time.time(), level="error", text=text)])

    def _over(self) -> None:
        """The connection is at its end, and soon the process is too."""
        try:
            code: int | None = self.process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            self._kill()
            code = None
        self._threads["output"].join(1.0)
        ending = Ending(code, tuple(self._tail), self._asked_to_end)
        with self._lock:
            self.ending = ending
            pending, self._pending = list(self._pending.values()), {}
        for name, answer in pending:
            _fail(answer, _died(ending, name))
        _fail(self._hello, self._why_no_hello(ending))
        self._on_end(self, ending)

    def _why_no_hello(self, ending: Ending) -> SessionError:
        if ending.code == REFUSED and ending.tail:
            return refusal(self.launch.interpreter, ending.tail[-1])
        return SessionError.of(
            "host_died",
            f"the host {ending.describe()} before it connected{_quoted(ending.tail)}",
            f"see whether `{self.launch.interpreter.path}` works at all, or name another with --python",
        )

    # -- the other threads
    def _drain(self) -> None:
        """What the process writes past its own capture becomes log records that belong to no step."""
        output = self.process.stdout
        assert output is not None
        with suppress(OSError, ValueError):
            while line := output.readline(_NATIVE_LINE):
                text = line.decode(errors="replace").rstrip("\r\n")
                self._tail.append(text)
                self._on_records(self, [Log(wall=time.time(), source="native", text=text)])

    def _wait(self) -> None:
        self.process.wait()
        self._kill_group()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)  # what has arrived is still read

    def _kill_group(self) -> None:
        """The host's children end with it."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _kill(self) -> None:
        with suppress(OSError):
            self.process.kill()

    # -- the end
    def end(self) -> None:
        """End the process: ask, terminate, kill. Returns when it and the threads are gone; may be called
        again."""
        self._asked_to_end = True
        self._say_goodbye()
        for wait, act in ((_GOODBYE, self.process.terminate), (_TERMINATE, self._kill), (_KILL, self._kill)):
            try:
                self.process.wait(wait if self._socket is not None or act != self.process.terminate else 0.0)
                break
            except subprocess.TimeoutExpired:
                act()
        self._close()

    def _say_goodbye(self) -> None:
        """Without waiting: a host that does not read is terminated soon."""
        if self._socket is None or not self._sending.acquire(timeout=0.2):
            return
        with suppress(OSError):
            self._socket.send(encode(Shutdown(id=0)), getattr(socket, "MSG_DONTWAIT", 0))
        self._sending.release()

    def _close(self) -> None:
        current = threading.current_thread()
        for thread in self._threads.values():
            if thread is not current:
                thread.join(_GOODBYE)
        if self._socket is not None:
            self._socket.close()
        if self.process.stdout is not None and not self._threads["output"].is_alive():
            self.process.stdout.close()
        self._place.remove()


def _name(command: CommandBase) -> str:
    return type(command).__name__


def _died(ending: Ending, command: str) -> SessionError:
    return SessionError.of(
        "host_died",
        f"the host {ending.describe()} before it answered {command}{_quoted(ending.tail)}",
        "restart the host (ctrl+shift+r), or save the flow to have it loaded again",
    )


def _quoted(tail: deque[str] | tuple[str, ...]) -> str:
    lines = "\n".join(f"  {line}" for line in telling(tuple(tail), _QUOTED))
    return f"; its last output:\n{lines}" if tail else ""


Value = TypeVar("Value")


def _resolve(future: Future[Value], value: Value) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(value)


def _fail(future: Future[Value], error: SessionError) -> None:
    if not future.done() and future.set_running_or_notify_cancel():
        future.set_exception(error)
