"""Every test has a state directory of its own, and leaves neither processes nor threads behind."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import OpenPeer, write_peer

from wf_debug.session import FlowSpec, Session, SessionSettings


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "wf-tui"


@pytest.fixture
def own_temporaries(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path, as sockets live there; set once the test has its own directory."""
    with tempfile.TemporaryDirectory(prefix="wft") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        yield Path(directory)


@pytest.fixture(autouse=True)
def nothing_left(own_temporaries: Path) -> Iterator[None]:
    yield
    assert [t.name for t in threading.enumerate() if t.name.startswith("wf ")] == []
    assert list(own_temporaries.rglob("wf-tui-*")) == []


@pytest.fixture
async def open_peer(tmp_path: Path) -> AsyncIterator[OpenPeer]:
    """Opens a session whose host is a script."""
    opened: list[Session] = []

    async def open_(script: str, connected: bool = True, **settings: Any) -> Session:
        python = write_peer(tmp_path, script, connected)
        chosen = SessionSettings(**{"python": python, "watch": False, **settings})
        session = await Session.open(FlowSpec(tmp_path / "flow.py"), chosen)
        opened.append(session)
        return session

    yield open_
    for session in opened:
        await session.close()
        assert session.hello.pid == 0


@pytest.fixture
async def open_flow(tmp_path: Path) -> AsyncIterator[OpenPeer]:
    """Opens a session on a real flow, given as source text, in a real host."""
    opened: list[Session] = []

    async def open_(source: str, **settings: Any) -> Session:
        flow = tmp_path / "project" / "flow.py"
        flow.parent.mkdir(exist_ok=True)
        flow.write_text(source)
        session = await Session.open(FlowSpec(flow), SessionSettings(**{"watch": False, **settings}))
        opened.append(session)
        return session

    yield open_
    for session in opened:
        await session.close()
        assert session.hello.pid == 0
