"""The file that a session records to: made as it begins, closed as it ends, removed if it is not to stay."""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from wf_debug.session.errors import SessionError
from wf_debug.session.scratch import ScratchDirectory
from wf_debug.session.settings import SessionSettings, recording_paths
from wf_debug.trace.recording import Recording, RecordingError, RecordingExists, RecordingMeta


class RecordingFile:
    """A new recording, as the settings want it.

    Raises:
        SessionError: when it cannot be made.
    """

    def __init__(self, flow: Path, settings: SessionSettings) -> None:
        self._named = settings.recording
        forgotten = settings.recording is None and not settings.keep
        self._scratch = _scratch_directory() if forgotten else None
        try:
            self.recording = self._create(flow)
        except RecordingError as error:
            self._remove_scratch()
            raise SessionError.of("recording_failed", str(error), "name another file to record to") from error

    def _create(self, flow: Path) -> Recording:
        meta = RecordingMeta(flow=str(flow.absolute()), created=time.time(), version=_version())
        if self._named is not None:
            return Recording.create(self._named, meta)
        paths = recording_paths(flow, self._scratch.path if self._scratch else None)
        while True:
            with suppress(RecordingExists):
                return Recording.create(next(paths), meta)

    def close(self) -> None:
        """One that is empty, and was not asked for by name, goes."""
        empty = self.recording.last_seq == 0 and self._named is None
        self.recording.close()
        with suppress(OSError):
            self.recording.spill.rmdir()
        if empty:
            with suppress(OSError):
                self.recording.path.unlink()
        self._remove_scratch()

    def _remove_scratch(self) -> None:
        if self._scratch is not None:
            self._scratch.remove()


def _scratch_directory() -> ScratchDirectory:
    try:
        return ScratchDirectory("recording-")
    except OSError as error:
        text = f"cannot make a directory to record in: {error}"
        raise SessionError.of("recording_failed", text, "name another with $TMPDIR") from error


def _version() -> str:
    try:
        return metadata.version("wf-tui")
    except metadata.PackageNotFoundError:
        return ""
