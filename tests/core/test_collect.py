"""The marker that says when a join fires."""

from __future__ import annotations

from typing import Any

import pytest

from wf_core.collect import All, Cardinality, Collect, Take


def test_a_join_waits_for_all_unless_told_otherwise():
    assert Collect() == Collect(All())
    assert Collect(Take(2)).cardinality == Take(2)
    assert isinstance(Take(1), Cardinality)


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", None])
def test_take_needs_a_count_of_at_least_one(n: Any):
    with pytest.raises(ValueError, match="n >= 1"):
        Take(n)
