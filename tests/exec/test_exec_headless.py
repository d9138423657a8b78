"""`wf-tui exec` as a shell sees it: the script's own output and exit code, the story of its runs on
stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import ANSWERED_OUTSIDE, IN_A_THREAD, TWO_CLASSES


def execute(
    folder: Path, source: str, *options: str, arguments: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "wf_tui", "exec", *options, "script.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def as_python(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(source)
    command = [sys.executable, "script.py", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=50, check=False, input=""
    )


def test_a_script_prints_and_exits_as_under_plain_python(tmp_path: Path) -> None:
    debugged = execute(tmp_path, TWO_CLASSES, arguments=("4", "--loud"))
    plain = as_python(tmp_path, TWO_CLASSES, "4", "--loud")
    assert (debugged.returncode, debugged.stdout) == (plain.returncode, plain.stdout)
    assert debugged.returncode == 3
    assert "▶ Outer starts" in debugged.stderr
    assert debugged.stderr.count("▶ Doubling starts") == 2


ODD_ENDS = {
    "falls off the end": "import sys, __main__; print(__name__, __main__.__file__ == __file__, sys.path[0])",
    "a message": "import sys; sys.exit('out of paper')",
    "an exception": "def f():\n    raise KeyError('no such key')\nf()",
    "asks for input": "input('who? ')",
    "leaves at once": "import os; print('x', flush=True); os._exit(9)",
    "a forked child": "import os, sys\nif (child := os.fork()) == 0:\n    sys.exit(3)\n"
    "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
    "a spawned child": "import multiprocessing as m\ndef work(q): q.put(7)\n"
    "if __name__ == '__main__':\n    c = m.get_context('spawn'); q = c.Queue()\n"
    "    p = c.Process(target=work, args=(q,)); p.start(); print(q.get()); p.join()",
    "a thread goes on": "import threading; threading.Timer(0.05, print, ['later']).start()",
    "the old loop": "import asyncio\nloop = asyncio.new_event_loop()\nasync def f(): print(1)\n"
    "loop.run_until_complete(f()); loop.close()",
}


@pytest.mark.parametrize("name", ODD_ENDS)
def test_however_it_ends_the_exit_code_and_output_are_pythons(tmp_path: Path, name: str) -> None:
    debugged, plain = execute(tmp_path, ODD_ENDS[name]), as_python(tmp_path, ODD_ENDS[name])
    ended = (debugged.returncode, debugged.stdout.rstrip())
    assert ended == (plain.returncode, plain.stdout.rstrip()), debugged.stderr
    for line in plain.stderr.splitlines():
        assert line.strip("^~ ").replace(str(tmp_path), "") in debugged.stderr.replace(str(tmp_path), "")


def test_a_traceback_begins_in_the_script(tmp_path: Path) -> None:
    done = execute(tmp_path, ODD_ENDS["an exception"])
    frames = [line for line in done.stderr.splitlines() if line.lstrip().startswith("File ")]
    assert [frame.partition("script.py")[2] for frame in frames] == [
        '", line 3, in <module>',
        '", line 2, in f',
    ]


def test_a_breakpoint_holds_a_run_that_the_script_starts(tmp_path: Path) -> None:
    done = execute(tmp_path, TWO_CLASSES, "--break", "Number@double if ev.n == 20", arguments=("4",))
    assert done.returncode == 3
    assert "held at" in done.stderr
    assert "n=20" in done.stderr.splitlines()[-2]
    assert "at exit" not in done.stdout


def test_a_breakpoint_that_named_nothing_is_told_in_the_end(tmp_path: Path) -> None:
    done = execute(tmp_path, TWO_CLASSES, "--break", "Numbr", arguments=("4",))
    assert done.returncode == 2
    assert "--break: Numbr never counted: no event type or step named 'Numbr'" in done.stderr


def test_records_come_as_json_and_end_with_the_scripts_end(tmp_path: Path) -> None:
    done = execute(tmp_path, IN_A_THREAD, "--json")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [record["kind"] for record in records]
    assert (kinds[0], kinds[-1]) == ("script_started", "script_ended")
    assert kinds.count("run_finished") == 1
    assert (records[-1]["code"], records[-1]["error"]) == (0, None)


def test_answers_are_completed_by_what_the_step_waits_for(tmp_path: Path) -> None:
    done = execute(tmp_path, ANSWERED_OUTSIDE, "--respond", '{"text": "well"}')
    assert (done.returncode, done.stdout) == (0, "well\n")


def test_a_script_that_takes_too_long_is_interrupted_and_may_clean_up(tmp_path: Path) -> None:
    source = """
import asyncio, pathlib
async def main():
    pathlib.Path("begun").touch()
    try:
        await asyncio.sleep(100)
    finally:
        pathlib.Path("cleaned").touch()
asyncio.run(main())
"""
    done = execute(tmp_path, source, "--timeout", "2")
    assert done.returncode == 4
    assert (tmp_path / "begun").exists()
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize(
    ("source", "said"), [("def f(:\n", "script.py:1"), ("\0", "binary file"), (None, "there is no file")]
)
def test_what_is_no_script_is_refused(tmp_path: Path, source: str | None, said: str) -> None:
    if source is not None:
        done = execute(tmp_path, source)
    else:
        command = [sys.executable, "-m", "wf_tui", "exec", "nothing.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_on_an_engine_that_is_too_old_is_told_that_its_runs_are_not_debugged(tmp_path: Path) -> None:
    metadata = tmp_path / "llama_index_workflows-2.14.2.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: llama-index-workflows\nVersion: 2.14.2\n")
    done = execute(tmp_path, "from workflows import Workflow\nprint('on it went')")
    assert (done.returncode, done.stdout) == (0, "on it went\n")
    assert "not debugged: llama-index-workflows 2.14.2 is too old" in done.stderr
    assert "2.15 or newer is needed" in done.stderr
