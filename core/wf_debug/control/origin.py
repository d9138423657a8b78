"""Which invocation the running code belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A run, and within it the invocation whose code runs."""

    run: str
    step: str | None = None
    invocation: int | None = None
    attempt: int = 0


NOWHERE = Origin("")
current_origin: ContextVar[Origin] = ContextVar("wf_debug_origin", default=NOWHERE)
"""Set as a step's body starts; tasks inherit it, threads too (see `host.logs`)."""
