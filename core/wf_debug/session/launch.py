"""Starting a host process: a private place to meet, the packages it needs, the command line."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import wf_debug
from wf_debug.session import bootstrap
from wf_debug.session.errors import SessionError
from wf_debug.session.interpreter import Interpreter
from wf_debug.session.scratch import ScratchDirectory
from wf_debug.wire import HostConfig

_LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's limit is 104 on macOS and 108 on Linux."""
_PACKAGES = ("wf_debug", "wf_core")


@dataclass(frozen=True, slots=True)
class MeetingPlace:
    """A private directory (0700) with the socket to listen on and the packages for the host. `token` proves
    who connects."""

    scratch: ScratchDirectory
    listener: socket.socket
    address: str
    token: str

    @property
    def packages(self) -> Path:
        """Holds `wf_debug` and `wf_core` and nothing else that is installed beside them."""
        return self.scratch.path / "lib"

    def remove(self) -> None:
        self.listener.close()
        self.scratch.remove()


def prepare() -> MeetingPlace:
    """Make the directory, listen, and lay out the packages."""
    try:
        scratch = ScratchDirectory()
    except OSError as error:
        raise SessionError.of("internal", f"cannot make a directory for the host: {error}") from error
    try:
        listener, address = _listen(scratch.path)
        place = MeetingPlace(scratch, listener, address, secrets.token_hex(32))
        _lay_out_packages(place.packages)
    except OSError as error:
        scratch.remove()
        raise SessionError.of("internal", f"cannot prepare a host in {scratch.path}: {error}") from error
    return place


def _listen(directory: Path) -> tuple[socket.socket, str]:
    path = directory / "host.sock"
    if hasattr(socket, "AF_UNIX") and len(str(path).encode()) < _LONGEST_SOCKET_PATH:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(4)
        return listener, str(path)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4)
    return listener, f"127.0.0.1:{listener.getsockname()[1]}"


def _lay_out_packages(directory: Path) -> None:
    directory.mkdir()
    source = Path(wf_debug.__file__).resolve().parent.parent
    for name in _PACKAGES:
        try:
            (directory / name).symlink_to(source / name, target_is_directory=True)
        except OSError:  # no links here
            shutil.copytree(source / name, directory / name)


def spawn(interpreter: Interpreter, place: MeetingPlace, config: HostConfig) -> subprocess.Popen[bytes]:
    """Start the host in a process group of its own, out of reach of the terminal's ctrl+c.

    Raises:
        SessionError: when the interpreter cannot be started.
    """
    command = [str(interpreter.path), "-u", bootstrap.__file__, str(place.packages)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise SessionError.of(
            "bad_interpreter",
            f"cannot start {interpreter.path} ({interpreter.why}): {error.strerror}",
            "name another interpreter with --python",
        ) from error
    assert process.stdin is not None
    try:
        with process.stdin as stdin:
            stdin.write(config.model_dump_json().encode() + b"\n")
    except OSError:
        pass  # it ended at once; whoever waits for its connection says so
    return process
