"""Runs the contract on several versions of llama-index-workflows, each in an environment of its own.

    python tests/matrix.py                      # the oldest, two in between, and the newest
    python tests/matrix.py 2.18.0 2.22.2        # these
    python tests/matrix.py --venvs ~/.cache/wf  # keep the environments for the next time

One line a version; exit code 1 if one of them breaks the contract.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PACKAGE = "llama-index-workflows"
VERSIONS = ("2.15.0", "2.20.0", "2.26.0", "newest")
ROOT = Path(__file__).resolve().parents[1]


def environment(folder: Path, version: str) -> Path:
    """The interpreter of an environment that has this version."""
    home = folder / version
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    wanted = PACKAGE if version == "newest" else f"{PACKAGE}=={version}"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", wanted], check=True)
    return python


def installed(python: Path) -> str:
    """The version that is really there."""
    program = f"from importlib.metadata import version; print(version({PACKAGE!r}))"
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def keeps_contract(python: Path, more: list[str]) -> tuple[bool, str]:
    """Whether all its tests pass, and pytest's last line."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/contract", "-k", "not native", *more]
    environ = {**os.environ, "WF_TUI_LLAMAINDEX_PYTHON": str(python)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0, done.stdout.strip().rpartition("\n")[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    parser.add_argument("--venvs", type=Path, help="where the environments are kept")
    chosen, more = parser.parse_known_args()
    all_kept = True
    with tempfile.TemporaryDirectory() as scratch:
        for version in chosen.versions:
            python = environment(chosen.venvs or Path(scratch), version)
            kept, summary = keeps_contract(python, more)
            print(f"{installed(python):10}{'ok' if kept else 'BROKEN':8}{summary}", flush=True)
            all_kept = all_kept and kept
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
