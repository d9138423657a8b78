"""The host as a process: how it is called, what it connects to, and what it brings along."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hostclient import CORE, TOKEN

from wf_debug.wire import HostConfig

UNHEARD = HostConfig(address="/nowhere/s", token=TOKEN, project="/", spill="/").model_dump_json()


def test_the_host_also_connects_over_loopback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        host, port = server.getsockname()
        config = HostConfig(address=f"{host}:{port}", token=TOKEN, project=str(tmp_path), spill=str(tmp_path))
        process = subprocess.Popen(
            [sys.executable, "-m", "wf_debug.host", config.model_dump_json()], env={"PYTHONPATH": str(CORE)}
        )
        connection, _ = server.accept()
        with connection, connection.makefile("rwb") as stream:
            assert stream.readline().strip() == TOKEN.encode()
            assert json.loads(stream.readline())["type"] == "hello"
        assert process.wait(30) == 0


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ['{"address": "/nowhere/s"}'], [UNHEARD]])
def test_a_host_that_is_called_wrongly_says_so(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wf_debug.host", *arguments],
        env={"PYTHONPATH": str(CORE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("wf_debug.host: ")
    assert "Traceback" not in done.stderr


def test_everything_the_host_needs_is_stdlib_and_pydantic() -> None:
    code = "import sys, wf_debug.host.process; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    foreign = {"textual", "rich", "typer", "watchfiles", "wf_tui", "workflows"}
    assert not foreign & set(loaded)
