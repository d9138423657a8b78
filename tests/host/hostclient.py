"""A small session for tests: spawns the real host process and talks to it over a real socket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wf_debug.trace.records import RUN_ENDED, Record
from wf_debug.wire import (
    Hello,
    HostConfig,
    Reply,
    WireError,
    WorkflowInfo,
    WorkflowSeen,
    host_message_adapter,
)

CORE = Path(__file__).parents[2] / "core"
TOKEN = "t" * 43


class CommandFailed(Exception):
    """The host answered with an error."""

    def __init__(self, error: WireError) -> None:
        super().__init__(f"{error.code}: {error.message}")
        self.error = error


class HostClient:
    """One host process; keeps every record it sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = self._root = folder
        self._tests = 0
        self.records: list[Record] = []
        self.hello: Hello | None = None
        self._replies: dict[int | None, asyncio.Future[Reply]] = {}
        self._ids = 0
        self._news = asyncio.Condition()
        self._writer: asyncio.StreamWriter | None = None
        self.reader: asyncio.StreamReader | None = None
        self._connected = asyncio.Event()
        self.described: dict[str, WorkflowInfo] = {}
        """Workflows that the host described by itself, as it did last."""
        self.loose: list[Reply] = []
        """Replies to lines that had no id."""
        self.gone = asyncio.Event()

    async def start(self, python: str = sys.executable, **config: Any) -> HostClient:
        """Under that interpreter."""
        socket = self.folder / "s"
        self.server = await asyncio.start_unix_server(self._accept, str(socket), limit=1 << 27)
        settings = HostConfig(
            address=str(socket),
            token=TOKEN,
            project=str(config.pop("project", self.folder)),
            spill=str(self.folder / "spill"),
            **config,
        )
        self.process = await asyncio.create_subprocess_exec(
            python,
            "-m",
            "wf_debug.host",
            settings.model_dump_json(),
            cwd=self.folder,
            env={"PYTHONPATH": str(CORE), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        await self._connected.wait()
        return self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()).strip() == TOKEN.encode()
        self._writer, self.reader = writer, reader
        while line := await reader.readline():
            await self._take(host_message_adapter.validate_json(line))
        self.gone.set()
        async with self._news:
            self._news.notify_all()
        writer.close()

    async def _take(self, message: Any) -> None:
        async with self._news:
            if isinstance(message, Hello):
                self.hello = message
                self._connected.set()
            elif isinstance(message, Reply):
                future = self._replies.pop(message.id, None)
                if future is None:
                    self.loose.append(message)
                else:
                    future.set_result(message)
            elif isinstance(message, WorkflowSeen):
                self.described[message.workflow.name] = message.workflow
            else:
                self.records.extend(message.records)
            self._news.notify_all()

    async def fresh(self) -> None:
        """Continue in an empty directory, as if nothing had happened."""
        self._tests += 1
        self.folder = self._root / f"t{self._tests}"
        self.folder.mkdir()
        self.records.clear()
        self.described.clear()

    async def end_runs(self) -> None:
        await self.ask("set_breakpoints", breakpoints=[])
        for run in (await self.ask("get_status"))["live_runs"]:
            await self.ask("cancel_run", run=run)
            await self.ended(run)
        await self.ask("continue")

    # -- commands
    async def ask(self, cmd: str, **fields: Any) -> dict[str, Any]:
        """The command's result; raises CommandFailed on an error."""
        self._ids += 1
        future = self._replies[self._ids] = asyncio.get_running_loop().create_future()
        self.write(json.dumps({"cmd": cmd, "id": self._ids, **fields}).encode() + b"\n")
        reply = await future
        if reply.error is not None:
            raise CommandFailed(reply.error)
        assert reply.result is not None
        return reply.result

    def write(self, line: bytes) -> None:
        assert self._writer is not None
        self._writer.write(line)

    async def refused(self, cmd: str, **fields: Any) -> WireError:
        """The error that the command is answered with."""
        try:
            result = await self.ask(cmd, **fields)
        except CommandFailed as failed:
            return failed.error
        raise AssertionError(f"{cmd} was not refused but gave {result}")

    async def load(self, name: str = "flow.py", **fields: Any) -> list[dict[str, Any]]:
        result = await self.ask("load", path=str(self.folder / name), **fields)
        self.files = result["files"]
        return list(result["workflows"])

    async def run(self, workflow: str, **fields: Any) -> str:
        """Start a run and wait for its end; the run's id."""
        run = await self.start_run(workflow, **fields)
        await self.ended(run)
        return run

    async def run_result(self, workflow: str) -> Any:
        """The result of a run of its own."""
        return (await self.ended(await self.start_run(workflow))).result.data

    async def start_run(self, workflow: str, **fields: Any) -> str:
        return str((await self.ask("start_run", workflow=workflow, input=fields))["run"])

    # -- what came
    async def until(self, wanted: Callable[[], Any]) -> Any:
        """Wait until `wanted` gives something true, looking again whenever a message comes."""
        async with self._news:
            while not (found := wanted()):
                if self.gone.is_set():
                    raise AssertionError(f"the host is gone; records: {self.kinds()}")
                await self._news.wait()
        return found

    async def seen(self, kind: str, **fields: Any) -> Any:
        """The first record of that kind with these fields, waiting for it if need be."""
        return await self.until(lambda: next(iter(self.of(kind, **fields)), None))

    async def ended(self, run: str) -> Any:
        """The record that ends the run."""
        return await self.until(
            lambda: next((r for r in self.records if r.run == run and r.kind in RUN_ENDED), None)
        )

    def of(self, kind: str, **fields: Any) -> list[Any]:
        """Records of that kind with these fields."""
        return [
            r
            for r in self.records
            if r.kind == kind and all(getattr(r, name) == value for name, value in fields.items())
        ]

    def kinds(self) -> list[str]:
        return [r.kind for r in self.records]

    def printed(self) -> list[str]:
        return [r.text for r in self.of("log")]

    async def stop(self) -> None:
        """End the host as a session that goes away does."""
        if self._writer is not None:
            self._writer.close()
        self.server.close()
        out, err = await self.process.communicate()
        self.stdout, self.stderr = out.decode(), err.decode()
