"""Hosts that misbehave: small scripts that stand where the interpreter would, and speak (or break) the
wire."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from wf_debug.session import Session

OpenPeer = Callable[..., Awaitable[Session]]
"""Opens a session on a script or flow; keywords are its settings."""

_PRELUDE = """#!{python} -SE
import json, os, signal, socket, sys, time
config = json.loads(sys.stdin.readline())
def connect(token=None):
    host, colon, port = config["address"].rpartition(":")
    if colon and port.isdigit():
        sock = socket.create_connection((host, int(port)))
    else:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(config["address"])
    sock.sendall((config["token"] if token is None else token).encode() + b"\\n")
    return sock
def say(message):
    sock.sendall((message if isinstance(message, str) else json.dumps(message)).encode() + b"\\n")
def greet(**more):
    hello = dict(type="hello", protocol=1, pid=os.getpid(), python=sys.executable, version="3", engines={{}})
    say(hello | more)
def commands():
    for line in lines:
        yield json.loads(line)
def reply(command, result=None, error=None):
    say(dict(type="reply", id=command["id"], result=result or {{}}, error=error))
def record(kind, **fields):
    return dict(kind=kind, **fields)
def records(*batch):
    say(dict(type="records", records=list(batch)))
GRAPH = dict(name="Flow", steps=[dict(name="work", accepts=["StartEvent"])])
def load(command):
    flow = dict(name="Flow", engine="native", graph=GRAPH)
    reply(command, dict(workflows=[flow], files=[{flow!r}], seconds=0.1))
def armed(command):
    def judged(b):
        return dict(id=b["id"], ok=b["event"] != "Nope", reason="no such event", resolved=b)
    reply(command, dict(items=[judged(b) for b in command["breakpoints"]]))
def answer(command):
    if command["cmd"] == "load":
        load(command)
    elif command["cmd"] == "set_breakpoints":
        armed(command)
    elif command["cmd"] == "shutdown":
        sys.exit(0)
    else:
        reply(command)
"""
CONNECTED = """
sock = connect()
lines = sock.makefile("r")
greet()
"""
SERVING = """
for command in commands():
    answer(command)
"""


def write_peer(directory: Path, script: str, connected: bool = True) -> Path:
    """An executable that runs `script`; with `connected` it has greeted the session before."""
    flow = directory / "flow.py"
    if not flow.exists():
        flow.write_text("# the peer does not read it\n")
    path = directory / "peer"
    prelude = _PRELUDE.format(python=sys.executable, flow=str(flow))
    path.write_text(prelude + (CONNECTED if connected else "") + script)
    path.chmod(0o755)
    return path
