"""Files of interception rules: read, refused with the place of the mistake, written and read again."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.control.rules import BadRules, read_rules, write_rules

TEXT = """
[[rule]]
at = "search if attempt == 0"
raise = "TimeoutError: the index is overloaded"

[[rule]]
at = "SearchResult@rank:emit"
from = 2
times = 3
edit = { score = 0.1, tags = ["a"] }

[[rule]]
at = "state.budget.spent if value > 3"
hold = true
"""


def read(folder: Path, text: str) -> list[Breakpoint]:
    path = folder / "faults.toml"
    path.write_text(text, encoding="utf-8")
    return read_rules(path)


def test_a_rule_is_a_place_a_condition_and_an_action(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, TEXT)
    assert (first.event, first.condition, first.action) == ("search", "attempt == 0", "raise")
    assert first.error == "TimeoutError: the index is overloaded"
    assert (second.event, second.step, second.when) == ("SearchResult", "rank", "emit")
    assert (second.hits, second.times) == (2, 3)
    assert json.loads(second.edit) == {"score": 0.1, "tags": ["a"]}
    assert (third.state, third.condition, third.action) == ("budget.spent", "value > 3", "hold")
    assert [r.id for r in (first, second, third)] == [1, 2, 3]
    assert {r.rules for r in (first, second, third)} == {str(tmp_path / "faults.toml")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule", "is no TOML"),
        ('[[rule]]\nat = "A"\n', "rule 1: a rule has one action of edit, drop,"),
        ('[[rule]]\nat = "A"\ndrop = true\ndelay = 1\n', "here: delay, drop"),
        ('[[rule]]\nat = "A"\ndrop = true\n[[rule]]\ndrop = true\n', "rule 2: at: Field required"),
        ('[[rule]]\nat = "A b"\ndrop = true\n', "rule 1: cannot read breakpoint 'A b'"),
        ('[[rule]]\nat = "A"\ndelay = -1\n', "rule 1: delay: Input should be greater than 0"),
        ('[[rule]]\nat = "A"\ndrpo = true\n', "rule 1: drpo: Extra inputs are not permitted"),
        ('[[rules]]\nat = "A"\n', "rules: Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_told_with_its_rule(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadRules, match=r"faults\.toml") as refused:
        read(tmp_path, text)
    assert said in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadRules, match=r"cannot read the rules .*none\.toml: No such file"):
        read_rules(tmp_path / "none.toml")


NAMES = st.text(string.ascii_letters, min_size=1, max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
ACTIONS: Any = st.one_of(
    st.builds(lambda v: {"action": "edit", "edit": json.dumps(v)}, st.dictionaries(NAMES, VALUES)),
    st.sampled_from([{"action": a} for a in ("drop", "duplicate", "hold", "pause")]),
    st.builds(lambda n: {"action": "delay", "delay": n}, st.floats(0.001, 1000)),
    st.builds(lambda t: {"action": "raise", "error": f"ValueError: {t}"}, st.text(max_size=9)),
    st.builds(lambda t: {"action": "log", "log": t}, st.text(max_size=9)),
)
RULES = st.builds(
    lambda action, **place: Breakpoint(**place, **action),
    ACTIONS,
    event=NAMES,
    step=st.none() | NAMES,
    when=st.sampled_from(["emit", "deliver", "after", "publish"]),
    condition=st.none() | NAMES,
    hits=st.integers(1, 9),
    times=st.none() | st.integers(1, 9),
)


@given(rules=st.lists(RULES, max_size=4))
def test_what_is_written_reads_the_same(
    rules: list[Breakpoint], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = read(tmp_path_factory.mktemp("rules"), write_rules(rules))
    assert [_plain(r) for r in found] == [_plain(r) for r in rules]


def _plain(rule: Breakpoint) -> dict[str, Any]:
    fields = rule.model_dump(exclude={"id", "rules"})
    return {**fields, "edit": json.loads(rule.edit) if rule.edit else None}
