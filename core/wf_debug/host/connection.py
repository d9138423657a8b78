"""The host's end of the socket."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from wf_debug.framing import Lines, LineTooLong
from wf_debug.wire import CUT_OFF, MAX_LINE

_leave = os._exit
"""As it is before user code, or the host, puts another in its place."""


class Connection:
    """Lines in and out. Writing waits for a slow reader; once the other side is gone it does nothing.

    When user code closed the descriptor (`os.closerange`), nothing can be recorded or commanded any more: the
    process ends with CUT_OFF, which the session can tell.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._sending = threading.Lock()
        self.gone = False

    @classmethod
    def open(cls, address: str, token: str) -> Connection:
        """Connect and identify. `address` is the path of a Unix socket or HOST:PORT.

        Raises:
            OSError: when nobody listens there.
        """
        connection = cls(_connect(address))
        connection.send(token.encode() + b"\n")
        return connection

    def send(self, line: bytes) -> None:
        if self.gone:
            return
        try:
            with self._sending:
                self._socket.sendall(line)
        except OSError as error:
            if not self.gone and not isinstance(error, ConnectionError):
                _leave(CUT_OFF)
            self.gone = True

    def lines(self) -> Iterator[bytes | LineTooLong]:
        """Each line without its end, until the other side is gone."""
        lines = Lines(MAX_LINE)
        while data := self._receive():
            yield from lines.feed(data)
        self.gone = True

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(1 << 18)
        except OSError:
            return b""

    def close(self) -> None:
        self.gone = True
        self._socket.close()


def _connect(address: str) -> socket.socket:
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and not Path(address).exists():
        return socket.create_connection((host.strip("[]"), int(port)))
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(address)
    return sock
