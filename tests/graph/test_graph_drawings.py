"""What the drawings look like, cell by cell. Look at the picture in `golden/` before changing it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from graphs import SAMPLES

from wf_tui.graphview.fit import LADDER
from wf_tui.graphview.glyphs import ASCII, UNICODE
from wf_tui.graphview.layout import lay_out
from wf_tui.graphview.paint import to_lines
from wf_tui.graphview.plan import plan_of

GOLDEN = Path(__file__).parent / "golden"
LEVELS = {"cosy": LADDER[0], "compact": LADDER[2], "overview": LADDER[-1]}


def drawn(name: str, level: str, glyphs=UNICODE) -> str:
    return "\n".join(to_lines(lay_out(plan_of(SAMPLES[name]()), LEVELS[level], glyphs), glyphs)) + "\n"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith("tangle")])
def test_drawing_is_the_golden_one(name: str, level: str) -> None:
    assert drawn(name, level) == (GOLDEN / f"{name}.{level}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["human", "branch_loop"])
def test_ascii_drawing_has_the_same_shape(name: str) -> None:
    plain = drawn(name, "cosy", ASCII)
    assert plain.isascii()
    assert plain == (GOLDEN / f"{name}.ascii.txt").read_text(encoding="utf-8")
    assert [len(line) for line in plain.split("\n")] == [
        len(line) for line in drawn(name, "cosy").split("\n")
    ]


def test_same_drawing_under_any_hash_seed() -> None:
    code = "from test_graph_drawings import drawn; print(drawn('tangle30', 'cosy'), drawn('odd', 'compact'))"
    outputs = []
    for seed in ("1", "77"):
        env = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(Path(__file__).parent),
            "PYTHONUTF8": "1",
        }
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=True, encoding="utf-8"
        )
        outputs.append(run.stdout)
    assert outputs[0] == outputs[1]
