"""`wf-tui run`, `graph` and `check` as a shell sees them: exit code, stdout and stderr of the real
process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLOWS = Path(__file__).parent.parent / "flows"


def wf_tui(*arguments: str, cwd: Path = FLOWS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wf_tui", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_result_alone_goes_to_stdout() -> None:
    done = wf_tui("run", "greet.py", "-i", "name=Ada", "-i", "times=2")
    assert (done.returncode, done.stdout) == (0, '{"said": "hello Ada, hello Ada"}\n')
    assert "composing for Ada" in done.stderr


def test_records_come_as_lines_of_json() -> None:
    done = wf_tui("run", "greet.py", "--input", '{"name": "Ada"}', "--json")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert all({"seq", "run", "t", "kind"} <= record.keys() for record in records)
    assert [r["seq"] for r in records] == sorted({r["seq"] for r in records})
    assert records[-1]["kind"] == "run_finished"
    assert [r["type"] for r in records if r["kind"] == "event_emitted"] == ["Greet", "Greeting", "StopEvent"]


def test_a_breakpoint_stops_a_run_that_nobody_attends() -> None:
    done = wf_tui("run", "greet.py", "-i", "name=Ada", "--break", "Greeting")
    assert done.returncode == 3
    assert "Greeting" in done.stderr
    assert "deliver" in done.stderr


def test_a_condition_decides_whether_it_stops() -> None:
    assert (
        wf_tui("run", "greet.py", "-i", "name=Ada", "--break", "Greeting if 'Bob' in ev.text").returncode == 0
    )


def test_a_breakpoint_that_cannot_match_is_refused_with_the_closest_name() -> None:
    done = wf_tui("run", "greet.py", "-i", "name=Ada", "--break", "Greting")
    assert done.returncode == 2
    assert "Greeting" in done.stderr


def test_prompts_are_answered_in_order() -> None:
    done = wf_tui("run", "ask.py", "--respond", "Ada", "--respond", '{"response": "green"}')
    assert (done.returncode, done.stdout) == (0, '"Ada likes green"\n')


def test_answers_that_nobody_asked_for_are_told() -> None:
    done = wf_tui("run", "wait.py", "--respond", "hi", "--respond", "again", "--respond", "more")
    assert (done.returncode, done.stdout) == (0, '"hi"\n')
    assert "nobody asked for the last 2 of 3 answers" in done.stderr


def test_an_answer_that_nobody_takes_ends_the_wait() -> None:
    done = wf_tui("run", "wait.py", "--respond", '{"user": "bob", "text": "hi"}', "--respond", "hi")
    assert done.returncode == 2
    assert "nobody took the answer" in done.stderr
    assert "Said with user='ann'" in done.stderr
    assert wf_tui("run", "wait.py", "--respond", "hi").stdout == '"hi"\n'


def test_a_prompt_without_an_answer_stops_the_run() -> None:
    done = wf_tui("run", "ask.py", "--respond", "Ada")
    assert done.returncode == 3
    assert "Ada, which colour?" in done.stderr


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("raise", 1, "ValueError: no such luck"),
        ("exit", 1, "sys.exit"),
        ("os_exit", 1, "exit code 7"),
        ("kill", 1, "SIGKILL"),
        ("segfault", 1, "SIGSEGV"),
        ("recurse", 1, "RecursionError"),
        ("unknown", 0, "Nobody"),
        ("stuck", 1, "the run is stuck"),
    ],
)
def test_a_misbehaving_step_is_named(what: str, code: int, said: str) -> None:
    done = wf_tui("run", "misbehave.py", "-i", f"what={what}")
    assert done.returncode == code
    assert said in done.stderr


def test_all_that_a_step_prints_is_recorded() -> None:
    done = wf_tui("run", "misbehave.py", "-i", "what=print", "--json")
    printed = [r["text"] for line in done.stdout.splitlines() if (r := json.loads(line))["kind"] == "log"]
    assert "".join(text if text.endswith("\n") else text + "\n" for text in printed).splitlines() == [
        f"line {n}" for n in range(100_000)
    ]


def test_a_result_of_fifty_megabytes_arrives_whole() -> None:
    done = wf_tui("run", "misbehave.py", "-i", "what=big")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == 50_000_000


def test_a_result_without_json_form_is_shown_as_its_repr() -> None:
    assert wf_tui("run", "misbehave.py", "-i", "what=opaque").stdout.startswith("<object object")


def test_rules_change_what_happens_without_anybody(tmp_path: Path) -> None:
    rules = tmp_path / "faults.toml"
    rules.write_text('[[rule]]\nat = "Greeting"\nedit = { text = "Hello, rules!" }\n')
    done = wf_tui("run", "greet.py", "-i", "name=Ada", "--rules", str(rules))
    assert (done.returncode, json.loads(done.stdout)) == (0, {"said": "Hello, rules!"})
    assert "edited by rule 1" in done.stderr

    rules.write_text('[[rule]]\nat = "Greting"\ndrop = true\n')
    done = wf_tui("run", "greet.py", "-i", "name=Ada", "--rules", str(rules))
    assert done.returncode == 2
    assert f"{rules}: Greting: drop: no event type or step named 'Greting'; closest: Greeting" in done.stderr


def test_a_run_may_be_given_a_time() -> None:
    assert wf_tui("run", "misbehave.py", "-i", "what=sleep", "--timeout", "3").returncode == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.py"], "nowhere.py"),
        (["missing_package.py"], "a_package_that_nobody_has"),
        (["missing_package.py"], sys.executable),
        (["no_workflow.py"], "no workflow"),
        (["at_import.py"], "at_import.py:18"),
        (["invalid.py"], "Never"),
        (["invalid.py"], "Lost"),
        (["several.py"], "First, Second"),
        (["several.py:Third"], "Third"),
        (["greet.py"], "name"),
        (["greet.py", "-i", "name=Ada", "-i", "times=0"], "times"),
        (["greet.py", "-i", "name"], "key=value"),
        (["greet.py", "--input", "{"], "JSON"),
        (["greet.py", "-i", "nam=Ada"], "no field 'nam'; closest: name"),
        (["greet.py", "-i", "nam=Ada"], "try: -i KEY=VALUE"),
        (["/dev/zero"], "not a regular file"),
        (["greet.py", "-i", "name=Ada", "--rules", "/dev/zero"], "too large to be rules"),
        (["x" * 300 + ".py:Flow"], "there is no file"),
    ],
)
def test_what_cannot_start_says_why(arguments: list[str], said: str) -> None:
    done = wf_tui("run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("where", "arguments", "said"),
    [
        (".", ["rnu", "greet.py"], "no command and no file 'rnu'"),
        (".", ["rnu", "greet.py"], "closest: run"),
        ("gone", ["run", "greet.py"], "the current directory is gone"),
    ],
)
def test_what_cannot_be_meant_is_said(tmp_path: Path, where: str, arguments: list[str], said: str) -> None:
    (tmp_path / where).mkdir(exist_ok=True)
    remove = f"rmdir {tmp_path / where}; " if where == "gone" else ""
    done = subprocess.run(
        ["sh", "-c", f'{remove}exec "$0" -m wf_tui "$@"', sys.executable, *arguments],
        cwd=tmp_path / where,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    shutil.copy(FLOWS / "syntax_error.txt", tmp_path / "broken.py")
    done = wf_tui("check", "broken.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "broken.py:4" in done.stderr


def test_a_file_that_is_not_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.py").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    done = wf_tui("check", "picture.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "picture.py" in done.stderr


def test_check_finds_every_fault_with_its_place() -> None:
    done = wf_tui("check", "invalid.py")
    assert done.returncode == 2
    assert "Never" in done.stderr
    assert "Lost" in done.stderr
    assert "invalid.py:" in done.stderr


def test_check_says_that_a_flow_is_valid() -> None:
    done = wf_tui("check", "greet.py")
    assert (done.returncode, done.stdout) == (0, "Greeter: valid; 2 steps, 3 event types\n")


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "json", "svg"])
def test_the_graph_comes_in_every_format(form: str) -> None:
    done = wf_tui("graph", "greet.py", "--format", form)
    assert done.returncode == 0
    assert "compose" in done.stdout
    assert "Greeting" in done.stdout


def test_without_a_terminal_the_application_points_to_run() -> None:
    done = wf_tui("greet.py")
    assert done.returncode == 2
    assert "wf-tui run greet.py" in done.stderr
