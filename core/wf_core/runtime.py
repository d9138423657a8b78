"""What workflows run on: this process's event loop. There is no other runtime; the class is here for code
that names it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wf_core.serializers import BaseSerializer

if TYPE_CHECKING:
    from wf_core.workflow import Workflow


class BasicRuntime:
    """Runs workflows in this process. It is always ready: launching and destroying it change nothing."""

    @property
    def is_launched(self) -> bool:
        """Whether runs can start."""
        return True

    async def launch(self) -> None:
        """Nothing to do."""

    async def destroy(self) -> None:
        """Nothing to do: runs end by themselves."""

    def launch_sync(self) -> None:
        """`launch`, where no loop runs."""
        asyncio.run(self.launch())

    def destroy_sync(self) -> None:
        """`destroy`, where no loop runs."""
        asyncio.run(self.destroy())

    def get_serializer(self, workflow: Workflow) -> BaseSerializer:
        """What the workflow's snapshots are written with."""
        return workflow._default_serializer()

    @contextmanager
    def registering(self) -> Iterator[BasicRuntime]:
        """Workflows that are made within the block say that they run on this runtime."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)


_current: contextvars.ContextVar[BasicRuntime | None] = contextvars.ContextVar(
    "current_runtime", default=None
)
basic_runtime = BasicRuntime()
"""The runtime of workflows that name none."""


def get_current_runtime() -> BasicRuntime:
    """The runtime whose `registering` block this is, else `basic_runtime`."""
    return _current.get() or basic_runtime
