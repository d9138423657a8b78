"""The first frame waits for nothing but Textual: what is heavy is imported after it."""

from __future__ import annotations

import subprocess
import sys


def test_the_application_is_imported_without_session_and_models() -> None:
    code = "import sys, wf_tui.app; print([m for m in sys.modules if m.split('.')[0] in ('pydantic', 'wf_debug')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
