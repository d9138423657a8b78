"""What samples say about themselves is true: keys, fields, answers and breakpoints in docstrings exist."""

import json
import re
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from lessons import LESSONS, docstring, headless_lines
from runsample import SAMPLES, loaded

from wf_core import Workflow
from wf_core.events import HumanResponseEvent
from wf_debug.control.breakpoints import parse_breakpoint
from wf_tui.commands import COMMANDS, key_names

KEYS = {key for command in COMMANDS for key in [*key_names(command), *command.keys.split(",")]}
PANE_KEYS = {"enter"}
KEY_LIKE = re.compile(r"`(\S|(?:ctrl|shift|alt)\+\S+|[fF]\d+|enter|esc|tab)`")


def start_event(module: ModuleType, name: str) -> Any:
    flow = getattr(module, name)
    return (flow() if isinstance(flow, type) else flow).start_event_class


def options(arguments: list[str], flag: str) -> list[str]:
    return [value for option, value in pairwise(arguments) if option == flag]


@pytest.mark.parametrize("sample", LESSONS)
def test_a_lesson_says_what_it_shows_what_to_press_and_how_to_run_it_headless(sample: str) -> None:
    text = docstring(sample)
    assert [part for part in ("Shows\n", "Try\n", "Headless\n") if part not in text] == []
    assert f"sample_flows/{sample}" in text
    assert headless_lines(sample)


@pytest.mark.parametrize("sample", LESSONS)
def test_every_key_in_a_docstring_exists(sample: str) -> None:
    named = set(KEY_LIKE.findall(docstring(sample)))
    assert named, "a lesson names the keys to press"
    assert named - KEYS - PANE_KEYS == set()


@pytest.mark.parametrize("sample", LESSONS)
def test_every_headless_line_gives_fields_answers_and_breakpoints_that_exist(sample: str) -> None:
    with loaded(sample, "native") as module:
        for line in headless_lines(sample):
            program, command, flow = line[:3]
            assert (program, command) == ("wf-tui", "run")
            path, _, workflow = flow.partition(":")
            assert path == f"sample_flows/{sample}"
            pairs = [pair.partition("=") for pair in options(line, "-i")]
            start = start_event(module, workflow or "workflow")
            assert {key for key, _, _ in pairs} <= set(start.model_fields)
            for spec in options(line, "--break"):
                breakpoint_ = parse_breakpoint(spec)
                assert hasattr(module, breakpoint_.event or "")
            for answer in options(line, "--respond"):
                assert any(accepts(kind, json.loads(answer)) for kind in answers_of(module)), answer


def answers_of(module: ModuleType) -> list[Any]:
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    return [
        kind for kind in classes if issubclass(kind, HumanResponseEvent) and kind is not HumanResponseEvent
    ]


def accepts(kind: Any, fields: dict[str, Any]) -> bool:
    return set(fields) <= set(kind.model_fields) and not [
        name for name, info in kind.model_fields.items() if info.is_required() and name not in fields
    ]


@pytest.mark.parametrize("sample", LESSONS)
def test_the_start_form_has_something_to_say_about_every_field(sample: str) -> None:
    with loaded(sample, "native") as module:
        flows = [name for name, value in vars(module).items() if isinstance(value, Workflow)] or [
            "Forecast",
            "Briefing",
        ]
        for name in flows:
            event = start_event(module, name)
            assert {"seed", "pace"} <= set(event.model_fields)
            assert [f for f, info in event.model_fields.items() if not info.description] == []
            event()


def test_the_readme_lists_every_lesson() -> None:
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert [sample for sample in LESSONS if f"]({sample})" not in text] == []
