"""Naming the nearest thing when a name is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names that look most like `name`, best first, ignoring case."""
    by_lower = {k.lower(): k for k in known}
    return [by_lower[m] for m in get_close_matches(name.lower(), list(by_lower), n=count, cutoff=0.5)]


def suggestion(name: str, known: Iterable[str]) -> str:
    """`closest: a, b`, else `known: ...`, else empty."""
    known = sorted(set(known))
    if near := closest(name, known):
        return "closest: " + ", ".join(near)
    return "known: " + ", ".join(known[:12]) if known else ""
