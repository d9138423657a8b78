"""A host that dies says why, as far as it can be known: the user's lines, not the debugger's."""

from __future__ import annotations

from pathlib import Path

import pytest

from wf_debug.session import FlowSpec, Session, SessionError, SessionSettings
from wf_debug.session.lastwords import telling

DUMP = """\
Fatal Python error: Segmentation fault

Thread 0x00007f01 (most recent call first):
  File "/tmp/wf-tui-x/lib/wf_debug/host/connection.py", line 71 in _receive

Current thread 0x00007f02 (most recent call first):
  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "/home/ada/flow.py", line 11 in act
  File "/tmp/wf-tui-x/lib/wf_core/engine/executor.py", line 23 in execute
  File "<frozen runpy>", line 88 in _run_code

Extension modules: pydantic_core (total: 1)"""


def test_a_crash_dump_is_told_by_the_users_frames() -> None:
    assert telling(["loading", *DUMP.splitlines()], 12) == [
        "loading",
        "Fatal Python error: Segmentation fault",
        '  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at',
        '  File "/home/ada/flow.py", line 11 in act',
    ]


def test_other_output_is_told_by_its_end() -> None:
    assert telling([str(n) for n in range(9)], 2) == ["7", "8"]


async def test_a_flow_that_kills_its_host_while_it_loads_is_told_by_what_it_said_last(tmp_path: Path) -> None:
    flow = tmp_path / "flow.py"
    flow.write_text('import os\nprint("reading the config")\nos.kill(os.getpid(), 9)\n')
    with pytest.raises(SessionError) as caught:
        await Session.open(FlowSpec(flow), SessionSettings(watch=False))
    message = caught.value.error.message
    assert "SIGKILL" in message
    assert "reading the config" in message
