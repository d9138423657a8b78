"""What user code prints, logs and warns, attributed to the invocation that did it."""

from __future__ import annotations

import codecs
import contextvars
import io
import logging
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import Any, TextIO, cast
from weakref import WeakKeyDictionary

from wf_debug.control.origin import NOWHERE, Origin, current_origin
from wf_debug.control.payload import safe_str
from wf_debug.control.tracer import Tracer
from wf_debug.trace.records import Log, LogSource

LONGEST = 8_000
"""Characters of one log record; longer lines are continued in the next one."""


class LogCapture:
    """Writes `Log` records. A line that is printed piece by piece becomes one record when its end comes."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._partial: dict[tuple[int, LogSource, Origin], str] = {}
        self._in_logging = threading.local()

    def install(self) -> None:
        """Take over stdout, stderr, logging and warnings, and carry attribution into threads."""
        sys.stdout = CapturedStream(self, "stdout", 1)
        sys.stderr = CapturedStream(self, "stderr", 2)
        self._capture_logging()
        warnings.showwarning = self._warned
        carry_origin_into_threads()

    def write(self, source: LogSource, text: str) -> None:
        """Printed text: whole lines become records, the rest waits for its end."""
        if getattr(self._in_logging, "yes", False):
            return  # a handler printing what is already recorded as `logging`
        origin = current_origin.get()
        key = (threading.get_ident(), source, origin)
        lines = (self._partial.pop(key, "") + text).split("\n")
        if lines[-1]:
            self._partial[key] = lines[-1]
        for line in lines[:-1]:
            self._emit(origin, source, last_overwrite(line))

    def finish(self, origin: Origin | None = None) -> None:
        """Record unfinished lines, of one invocation or of all."""
        for key in [k for k in list(self._partial) if origin is None or k[2] == origin]:
            if text := self._partial.pop(key, ""):
                self._emit(key[2], key[1], last_overwrite(text))

    def logged(self, record: logging.LogRecord) -> None:
        """One call to a logger."""
        try:
            text = record.getMessage()
        except Exception as error:
            text = f"{record.msg!r} (its arguments do not fit: {safe_str(error)})"
        if record.exc_info and record.exc_info[0] is not None:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        self._emit(current_origin.get(), "logging", text, record.levelname, record.name)

    def _emit(self, origin: Origin, source: LogSource, text: str, level: str = "", logger: str = "") -> None:
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode()
        for piece in pieces(text):
            self._tracer.emit(
                Log,
                origin.run,
                step=origin.step,
                invocation=origin.invocation,
                attempt=origin.attempt,
                source=source,
                level=level,
                logger=logger,
                text=piece,
            )

    def _capture_logging(self) -> None:
        """Record at the point where a logger hands out a record: after its level, before any handler's
        formatting."""
        original = logging.Logger.callHandlers

        @wraps(original)
        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
            if getattr(self._in_logging, "yes", False):
                return original(logger, record)
            self.logged(record)
            self._in_logging.yes = True
            try:
                original(logger, record)
            finally:
                self._in_logging.yes = False

        logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign, assignment]

    def _warned(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None:
            file.write(warnings.formatwarning(message, category, filename, lineno, line))
            return
        text = f"{filename}:{lineno}: {category.__name__}: {safe_str(message)}"
        self._emit(current_origin.get(), "warning", text, "WARNING")


def last_overwrite(line: str) -> str:
    """What a terminal would show of a line with carriage returns in it (progress bars)."""
    return line.rstrip("\r").rpartition("\r")[2]


def pieces(text: str) -> Iterable[str]:
    """`text` in parts of at most LONGEST characters, broken at white space where there is some near the
    end."""
    while len(text) > LONGEST:
        cut = max(text.rfind(" ", LONGEST - 500, LONGEST), text.rfind("\n", LONGEST - 500, LONGEST)) + 1
        cut = cut or LONGEST
        yield text[:cut]
        text = text[cut:]
    yield text


_Decoder = codecs.getincrementaldecoder("utf-8")


class _Bytes(io.BufferedIOBase):
    """`sys.stdout.buffer`: bytes are text in UTF-8, of which a character may come in parts."""

    def __init__(self, text: CapturedStream) -> None:
        self._text = text
        self._begun: dict[tuple[int, Origin], bytes] = {}
        """The first bytes of characters that are not there whole."""

    def write(self, data: Any) -> int:
        raw = bytes(data)
        who, decoder = (threading.get_ident(), current_origin.get()), _Decoder("replace")
        text = decoder.decode(self._begun.pop(who, b"") + raw)
        if begun := decoder.getstate()[0]:
            self._begun[who] = begun
        self._text.write(text)
        return len(raw)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()


class CapturedStream(io.TextIOBase):
    """Stands for sys.stdout or sys.stderr. `fileno` is the real one, for subprocesses."""

    def __init__(self, capture: LogCapture, source: LogSource, fd: int) -> None:
        self._capture, self._source, self._fd = capture, source, fd
        self.buffer = _Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    @property
    def name(self) -> str:
        return f"<{self._source}>"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._capture.write(self._source, text)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def reconfigure(self, **options: Any) -> None:
        """Accepted and ignored: the text goes into records, not into an encoding."""

    def close(self) -> None:
        """Never closed: later prints would be lost."""


def carry_origin_into_threads() -> None:
    """Let threads and thread pool jobs know which invocation started them."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    tell_uncaught = threading.excepthook
    contexts: WeakKeyDictionary[threading.Thread, contextvars.Context] = WeakKeyDictionary()

    @wraps(start)
    def start_in_context(thread: threading.Thread) -> None:
        if current_origin.get() is not NOWHERE:
            context = contexts[thread] = contextvars.copy_context()
            thread.run = partial(context.run, thread.run)  # type: ignore[method-assign]
        start(thread)

    def uncaught_in_context(raised: threading.ExceptHookArgs) -> None:
        context = contexts.get(raised.thread) if raised.thread is not None else None
        if context is None:
            tell_uncaught(raised)
        else:
            context.run(tell_uncaught, raised)

    @wraps(cast("Any", submit))
    def submit_in_context(
        pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        if current_origin.get() is not NOWHERE:
            fn = partial(contextvars.copy_context().run, fn)
        return submit(pool, fn, *args, **kwargs)

    threading.excepthook = uncaught_in_context
    threading.Thread.start = start_in_context  # type: ignore[method-assign, assignment]
    ThreadPoolExecutor.submit = submit_in_context  # type: ignore[method-assign, assignment]


def stop_in_forked_child(tracer: Tracer, forked: Callable[[], None]) -> None:
    """A forked child prints to the real descriptors; its records are not the session's. `forked` is called in
    it."""

    def in_child() -> None:
        tracer.forked()
        forked()
        sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)

    os.register_at_fork(after_in_child=in_child)
