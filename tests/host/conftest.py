"""A real host process for each test that asks for one."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parent))

from hostclient import HostClient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostClient]:
    """One host process for the tests of a module."""
    client = await HostClient(tmp_path_factory.mktemp("host")).start()
    yield client
    await client.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def host(shared_host: HostClient) -> AsyncIterator[HostClient]:
    """The module's host in an empty directory, with no run, no breakpoint and no record of earlier tests."""
    await shared_host.fresh()
    yield shared_host
    await shared_host.end_runs()


@pytest_asyncio.fixture(loop_scope="module")
async def own_host(tmp_path: Path) -> AsyncIterator[HostClient]:
    """A host of the test's own, to be crashed or blocked."""
    client = await HostClient(tmp_path).start()
    yield client
    await client.stop()
