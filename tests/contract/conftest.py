"""One host for each engine; every test of this folder runs on both, with the same flow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from enginehost import ENGINES, Engine, EngineHost


@pytest.fixture(scope="session", params=ENGINES, ids=lambda e: e.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_host(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineHost]:
    client = EngineHost(tmp_path_factory.mktemp("host"), engine)
    await client.start(python=engine.python)
    yield client
    await client.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def host(shared_host: EngineHost) -> AsyncIterator[EngineHost]:
    """The engine's host in an empty directory, with no run, no breakpoint and no record of earlier tests."""
    await shared_host.fresh()
    yield shared_host
    await shared_host.end_runs()


@pytest_asyncio.fixture(loop_scope="module")
async def second_host(engine: Engine, tmp_path: Path) -> AsyncIterator[EngineHost]:
    """Another process of the same engine."""
    client = EngineHost(tmp_path, engine)
    await client.start(python=engine.python, first_seq=1000)
    yield client
    await client.stop()
