"""The first frame waits for nothing but Textual: what is heavy is imported after it."""

from __future__ import annotations

import subprocess
import sys


def test_the_application_is_imported_without_session_and_models() -> None:
    code = "import sys, wf_tui.app; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic", "wf_debug"} & set(done.stdout.split())
