"""Which Python runs the flow: the project's own, so that it finds the project's packages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wf_debug.session.errors import SessionError


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that runs the flow, and why this one."""

    path: Path
    why: str


def find_interpreter(
    flow: Path, wanted: Path | None = None, environ: Mapping[str, str] | None = None
) -> Interpreter:
    """`wanted`, else the active virtual environment, else `.venv` beside the flow or above it, else this
    Python.

    Raises:
        SessionError: when `wanted` is not there.
    """
    if wanted is not None:
        return Interpreter(_wanted(wanted), "--python")
    environ = os.environ if environ is None else environ
    return next(_candidates(flow, environ), Interpreter(Path(sys.executable), "wf-tui's own Python"))


def _wanted(path: Path) -> Path:
    found = python_in(path) if os.path.isdir(path) else path
    if found is None or not os.path.exists(found):
        raise SessionError.of(
            "bad_interpreter",
            f"there is no Python interpreter at {path}",
            "name an interpreter or the directory of a virtual environment with --python",
        )
    return found.absolute()


def _candidates(flow: Path, environ: Mapping[str, str]) -> Iterator[Interpreter]:
    active = environ.get("VIRTUAL_ENV")
    if active and (found := python_in(Path(active))):
        yield Interpreter(found, "the active virtual environment ($VIRTUAL_ENV)")
    for directory in flow.absolute().parents:
        if found := python_in(directory / ".venv"):
            yield Interpreter(found, f"{directory / '.venv'}")


def python_in(environment: Path) -> Path | None:
    """The interpreter of a virtual environment; not resolved, as its path is what makes it find its
    packages."""
    places = (environment / "bin" / "python", environment / "Scripts" / "python.exe")
    return next((place.absolute() for place in places if place.exists()), None)


def refusal(interpreter: Interpreter, reason: str) -> SessionError:
    """The interpreter cannot run a host because of `reason`."""
    pip = f"{interpreter.path} -m pip install 'pydantic>=2.9'"
    install = f"install it there (`{pip}`) or name another with --python"
    renew = "make an environment with Python 3.11 or newer, or name another interpreter with --python"
    message = f"{interpreter.path} ({interpreter.why}) cannot run the flow: {reason}"
    return SessionError.of("bad_interpreter", message, install if "pydantic" in reason else renew)
