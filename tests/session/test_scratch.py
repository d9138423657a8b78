"""What a killed session left in the directory for temporary files is removed by the next one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from wf_debug.session.scratch import ScratchDirectory

LEAVER = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from wf_debug.session.scratch import ScratchDirectory
left = ScratchDirectory()
(left.path / "host.sock").touch()
os.kill(os.getpid(), 9)
"""


def test_the_dead_are_swept_and_the_living_are_not(own_temporaries: Path) -> None:
    living = ScratchDirectory()
    stranger = own_temporaries / "wf-tui-of-somebody"
    stranger.mkdir()
    subprocess.run([sys.executable, "-c", LEAVER, str(own_temporaries)], check=False)
    assert len(list(own_temporaries.glob("wf-tui-*"))) == 3
    second = ScratchDirectory("recording-")
    assert set(own_temporaries.glob("wf-tui-*")) == {living.path, second.path, stranger}
    for directory in (living, second):
        directory.remove()
        directory.remove()
    stranger.rmdir()
