"""The flow runs under its project's own Python, found in a fixed order; one that cannot do it is named with a
way out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from peers import OpenPeer

from wf_debug.session import FlowSpec, Session, SessionError, SessionSettings, find_interpreter


def environment(directory: Path) -> Path:
    """A directory that looks like a virtual environment; its interpreter."""
    python = directory / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return python


def test_the_order_of_choice(tmp_path: Path) -> None:
    flow = tmp_path / "project" / "flows" / "flow.py"
    flow.parent.mkdir(parents=True)
    own = find_interpreter(flow, environ={})
    assert (own.path, own.why) == (Path(sys.executable), "wf-tui's own Python")

    above = environment(tmp_path / "project" / ".venv")
    assert find_interpreter(flow, environ={}).path == above
    beside = environment(flow.parent / ".venv")
    assert find_interpreter(flow, environ={}).path == beside

    active = environment(tmp_path / "active")
    chosen = find_interpreter(flow, environ={"VIRTUAL_ENV": str(tmp_path / "active")})
    assert (chosen.path, chosen.why) == (active, "the active virtual environment ($VIRTUAL_ENV)")
    assert find_interpreter(flow, environ={"VIRTUAL_ENV": str(tmp_path / "gone")}).path == beside

    wanted = find_interpreter(flow, Path(sys.executable), {"VIRTUAL_ENV": str(tmp_path / "active")})
    assert (wanted.path, wanted.why) == (Path(sys.executable), "--python")
    assert find_interpreter(flow, tmp_path / "active", {}).path == active


def test_a_wanted_interpreter_that_is_not_there(tmp_path: Path) -> None:
    for wrong in (tmp_path / "missing", tmp_path):
        with pytest.raises(SessionError, match="there is no Python interpreter") as raised:
            find_interpreter(tmp_path / "flow.py", wrong)
        assert "--python" in raised.value.error.hint


async def refused(tmp_path: Path, python: Path) -> SessionError:
    (tmp_path / "flow.py").touch()
    with pytest.raises(SessionError) as raised:
        await Session.open(FlowSpec(tmp_path / "flow.py"), SessionSettings(python=python, watch=False))
    assert raised.value.error.code == "bad_interpreter"
    return raised.value


async def test_what_cannot_be_executed(tmp_path: Path) -> None:
    text = tmp_path / "python"
    text.write_text("not a program")
    error = await refused(tmp_path, text)
    assert str(error) == f"cannot start {text} (--python): Permission denied"


async def test_an_interpreter_without_pydantic_says_where_to_install_it(tmp_path: Path) -> None:
    python = tmp_path / "bare"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    error = await refused(tmp_path, python)
    assert f"{python} (--python) cannot run the flow: it has no pydantic" in str(error)
    assert f"{python} -m pip install 'pydantic>=2.9'" in error.error.hint
    assert "--python" in error.error.hint


@pytest.mark.parametrize(
    ("lie", "expected"),
    [
        ("sys.version_info = (3, 9, 1)", "it is Python 3.9, and 3.11 is the oldest that will do"),
        (
            "import pydantic; pydantic.VERSION = '2.3.1'",
            "its pydantic is 2.3.1, and 2.9 is the oldest that will do",
        ),
    ],
)
async def test_an_interpreter_that_is_too_old(tmp_path: Path, lie: str, expected: str) -> None:
    python = tmp_path / "old"
    start = "import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    python.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -c "import sys; {lie}; {start}" "$@"\n')
    python.chmod(0o755)
    error = await refused(tmp_path, python)
    assert expected in str(error)


async def test_the_host_finds_our_two_packages_and_nothing_that_is_installed_beside_them(
    open_flow: OpenPeer,
) -> None:
    session = await open_flow(
        """
import sys
from pathlib import Path
import wf_core
from wf_core import StartEvent, StopEvent, Workflow, step

class Flow(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        lib = Path(wf_core.__file__).parent.parent
        beside = sorted(p.name for p in lib.iterdir())
        return StopEvent(result=dict(beside=beside, first=sys.path[0]))
"""
    )
    run = await session.start_run({})
    end = await session.wait_run_end(run, 30)
    assert end.status == "finished"
    assert "'beside': ['wf_core', 'wf_debug']" in end.result
    assert str(session.flow.path.parent) in end.result
