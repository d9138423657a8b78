"""The samples and what their docstrings say."""

import ast
import shlex

from runsample import SAMPLES

LESSONS = sorted([path.name for path in SAMPLES.glob("*.py")] + ["helpdesk/flow.py"])


def docstring(sample: str) -> str:
    return ast.get_docstring(ast.parse((SAMPLES / sample).read_text(encoding="utf-8"))) or ""


def headless_lines(sample: str) -> list[list[str]]:
    """The command lines after `Headless`, as argument lists."""
    text = docstring(sample).partition("Headless\n")[2].replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.strip()]
