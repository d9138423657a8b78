"""Every way a file can fail to be a flow, as one clear answer with the place and the next thing to try."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hostclient import HostClient
from hostflows import write_flow

from wf_debug.wire import WireError

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = """
class Good(Workflow):
    '''Does little.'''
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result="good")
"""


MAIN = """
async def main():
    await Good().run()
asyncio.run(main())
"""


async def refused(host: HostClient, text: str | bytes, name: str = "flow.py") -> WireError:
    path = host.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return await host.refused("load", path=str(path))


async def test_a_good_flow_is_described(host: HostClient) -> None:
    path = write_flow(host, GOOD)
    (info,) = await host.load()
    assert (info["name"], info["engine"], info["problems"]) == ("Good", "native", [])
    assert info["source"] == {"file": str(path), "line": 5}
    assert info["graph"]["doc"] == "Does little."
    assert [e["role"] for e in info["graph"]["events"]] == ["start", "stop"]
    assert {(e["source"], e["target"]) for e in info["graph"]["edges"]} == {
        ("start", "only"),
        ("only", "stop"),
    }
    assert host.files == [str(path)]


async def test_missing_files_and_directories_name_what_is_there(host: HostClient) -> None:
    write_flow(host, GOOD)
    error = await host.refused("load", path=str(host.folder / "flwo.py"))
    assert (error.code, error.hint) == ("not_found", "Python files there: flow.py")
    error = await host.refused("load", path=str(host.folder))
    assert (error.code, error.hint) == ("not_python", "give one of its files: flow.py")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("flow.txt", b"x = 1"),
        ("flow.py", b"\x7fELF\x00\x00"),
        ("flow.pyc", b"x = 1"),
    ],
)
async def test_what_is_not_python_says_so(host: HostClient, name: str, data: bytes) -> None:
    assert (await refused(host, data, name)).code == "not_python"


async def test_a_syntax_error_is_shown_with_its_line_and_a_caret(host: HostClient) -> None:
    error = await refused(host, "x = 1\n    y = = 2\n")
    assert (error.code, error.where.line) == ("syntax_error", 2)
    error = await refused(host, "def f(:\n    pass\n")
    assert error.message.splitlines()[1:] == ["    def f(:", "          ^"]


async def test_a_syntax_error_in_an_imported_file_names_that_file(host: HostClient) -> None:
    write_flow(host, "def broken(:\n", "parts.py")
    error = await refused(host, "import parts\n")
    assert error.code == "syntax_error"
    assert error.where.file.endswith("parts.py")


async def test_an_import_that_raises_names_the_users_line(host: HostClient) -> None:
    error = await refused(host, "import json\n\njson.loads('{')\n")
    assert (error.code, error.where.line) == ("import_error", 3)
    assert "JSONDecodeError" in error.message
    assert "json.loads" in error.traceback


async def test_a_missing_package_names_the_interpreter(host: HostClient) -> None:
    error = await refused(host, "import os\nimport nowhere_to_be_found.deep\n")
    assert (error.code, error.where.line) == ("missing_package", 2)
    assert "flow.py:2" in error.message
    assert host.hello.python in error.message
    assert "--python" in error.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("from queue import Job\n", "/queue.py has the name of a module of Python itself"),
        ("import ours\n", "/src: set PYTHONPATH="),
        ("import os.nope\n", "os is there, but has no such module"),
        ("import llama_index.llms.nope\n", "pip install llama-index-"),
        ("import pydantic.nope\n", "pydantic is installed, but has no nope"),
        ("from . import sibling\n", "put an __init__.py into"),
    ],
)
async def test_an_import_that_fails_for_a_known_reason_says_what_to_do(
    host: HostClient, text: str, hint: str
) -> None:
    (host.folder / "queue.py").write_text("class Job: pass\n")
    (host.folder / "src" / "ours").mkdir(parents=True)
    assert hint in (await refused(host, text)).hint


async def test_a_flow_may_have_dots_in_its_name(host: HostClient) -> None:
    write_flow(host, GOOD, name="v1.2.py")
    (info,) = await host.load("v1.2.py")
    assert info["name"] == "Good"


async def test_a_project_may_have_workflows_of_its_own_under_the_native_engine(own_host: HostClient) -> None:
    write_flow(own_host, GOOD, name="workflows/good.py")
    write_flow(own_host, "from workflows.good import Good", name="flow.py")
    (own_host.folder / "workflows" / "__init__.py").write_text("")
    (info,) = await own_host.load(engine="native")
    assert info["name"] == "Good"


async def test_leaving_the_process_at_import_is_refused(host: HostClient) -> None:
    error = await refused(host, "import sys\nsys.exit(2)\n")
    assert (error.code, error.where.line) == ("exited_at_import", 2)
    error = await refused(host, "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\nos._exit(5)\n")
    assert (error.code, error.where.line) == ("exited_at_import", 5)
    assert "os._exit(5)" in error.message


async def test_running_at_import_is_refused_and_runs_nothing(host: HostClient) -> None:
    path = write_flow(host, GOOD.replace("return", "print('ran'); return") + MAIN)
    error = await host.refused("load", path=str(path))
    assert error.code == "ran_at_import"
    assert error.where.line == path.read_text().splitlines().index("asyncio.run(main())") + 1
    assert "__main__" in error.hint
    assert host.printed() == []
    assert host.of("run_started") == []


async def test_asyncio_run_at_import_works_as_in_plain_python(host: HostClient) -> None:
    write_flow(host, GOOD + "\nasync def three():\n    return 3\nN = asyncio.run(three())\n")
    assert [w["name"] for w in await host.load()] == ["Good"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("class A: pass\ndef f(): pass\n", "it defines classes A and functions f"),
        ("", "it defines no class"),
        ("X = 1\n", "a class that derives from Workflow (of wf_core or workflows)"),
    ],
)
async def test_a_file_without_a_workflow_says_what_it_has(host: HostClient, text: str, hint: str) -> None:
    error = await refused(host, text)
    assert error.code == "no_workflow"
    assert hint in error.hint


async def test_an_unknown_workflow_name_gets_the_closest(host: HostClient) -> None:
    path = write_flow(host, GOOD)
    error = await host.refused("load", path=str(path), workflow="God")
    assert (error.code, error.hint) == ("unknown_workflow", "closest: Good")


async def test_an_instance_at_module_level_stands_for_its_class(host: HostClient) -> None:
    write_flow(host, GOOD.replace("    @step", "    def __init__(self, llm, **options):\n"
        "        super().__init__(**options)\n        self.llm = llm\n    @step")
        + "\nflow = Good('model')\nother = Good('second')\n")  # fmt: skip
    infos = await host.load()
    assert [(w["name"], w["problems"]) for w in infos] == [("flow", []), ("other", [])]
    await host.run("other")


async def test_a_class_that_needs_arguments_is_shown_but_cannot_run(host: HostClient) -> None:
    write_flow(
        host, GOOD.replace("    @step", "    def __init__(self, llm):\n        super().__init__()\n    @step")
    )
    (info,) = await host.load()
    assert "flow = Good(llm=...)" in info["problems"][0]["message"]
    assert [s["name"] for s in info["graph"]["steps"]] == ["only"]
    error = await host.refused("start_run", workflow="Good")
    assert (error.code, error.where.line) == ("invalid_workflow", 5)


async def test_an_invalid_workflow_is_drawn_with_its_problems_placed(host: HostClient) -> None:
    write_flow(host, GOOD + dedent("""
        class Odd(Event):
            pass
        class Broken(Workflow):
            @step
            async def begin(self, ev: StartEvent) -> StopEvent:
                return StopEvent()
            @step
            async def never(self, ev: Odd) -> StopEvent:
                return StopEvent()
        """))  # fmt: skip
    good, broken = await host.load()
    assert good["problems"] == []
    problems = broken["problems"]
    assert any("Odd" in p["message"] for p in problems)
    assert {(p["step"], p["fatal"]) for p in problems} == {("never", True)}
    assert all(p["where"]["file"].endswith("flow.py") for p in problems)
    assert len(broken["graph"]["steps"]) == 2


async def test_a_constructor_that_raises_is_a_problem_with_its_line(host: HostClient) -> None:
    write_flow(
        host,
        GOOD.replace("    @step", "    def __init__(self):\n        raise KeyError('API_KEY')\n    @step"),
    )
    (info,) = await host.load()
    assert "KeyError" in info["problems"][0]["message"]
    assert info["problems"][0]["where"]["line"] == 8


async def test_a_flow_in_a_package_may_import_its_siblings(host: HostClient) -> None:
    (host.folder / "pkg").mkdir()
    (host.folder / "pkg" / "__init__.py").write_text("")
    (host.folder / "pkg" / "parts.py").write_text("WORD = 'sibling'\n")
    write_flow(host, "from .parts import WORD\n" + GOOD.replace('"good"', "WORD"), "pkg/inner.py")
    await host.load("pkg/inner.py")
    await host.run("Good")
    assert host.of("run_finished")[0].result.data == "sibling"


async def test_a_flow_may_be_called_like_a_module_of_pythons(host: HostClient) -> None:
    write_flow(host, GOOD, "json.py")
    await host.load("json.py")
    await host.run("Good")


async def test_what_failed_is_read_again(host: HostClient) -> None:
    write_flow(host, "raise ValueError('not yet')", "parts.py")
    path = write_flow(host, "import parts\n" + GOOD)
    assert (await host.refused("load", path=str(path))).code == "import_error"
    write_flow(host, "", "parts.py")
    assert [w["name"] for w in await host.load()] == ["Good"]
