"""Which code is the user's: files of the project, not the interpreter's and not an installed package's."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType, ModuleType, TracebackType

from wf_debug.control.payload import safe_str
from wf_debug.graph import SourceRef
from wf_debug.trace.records import ErrorInfo

_INSTALLED = ("site-packages", "dist-packages")
_OURS = str(Path(__file__).resolve().parents[2])
_STDLIB = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_LONGEST_TRACEBACK = 20_000


class UserCode:
    """Tells the project's files from all others."""

    def __init__(self, project: Path) -> None:
        self._project = str(project.resolve())
        self._known: dict[str, bool] = {}

    def owns(self, file: str) -> bool:
        """Whether the file is part of the project. Works the answer out once per file."""
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._owns(file)
        return known

    def _owns(self, file: str) -> bool:
        if not file or file.startswith("<"):
            return False
        path = str(Path(file).resolve())
        if any(part in _INSTALLED for part in Path(path).parts) or _within(path, _STDLIB):
            return False
        if _within(path, (self._project,)):
            return not (_within(path, (_OURS,)) and Path(path).parts[len(Path(_OURS).parts)][:3] == "wf_")
        return False

    def modules(self) -> list[ModuleType]:
        """Loaded modules that come from the project's source files."""
        found = [m for n, m in list(sys.modules.items()) if n != "__main__" and isinstance(m, ModuleType)]
        return [
            m for m in found if (f := getattr(m, "__file__", None)) and f.endswith(".py") and self.owns(f)
        ]

    def innermost(self, frames: Iterable[tuple[str, int, str]]) -> tuple[SourceRef, str] | None:
        """Of (file, line, function) entries, outermost first, the last that is the user's."""
        found = None
        for file, line, function in frames:
            if self.owns(file):
                found = SourceRef(file=str(Path(file).resolve()), line=line), function
        return found

    def place_in(self, trace: TracebackType | None) -> SourceRef | None:
        """The innermost user line of a traceback."""
        frames = ((f.f_code.co_filename, line, f.f_code.co_name) for f, line in traceback.walk_tb(trace))
        found = self.innermost(frames)
        return found[0] if found else None

    def place_of(self, frame: FrameType | None) -> tuple[SourceRef, str] | None:
        """The innermost user line of a running stack, and its function."""
        while frame is not None:
            if self.owns(frame.f_code.co_filename):
                file = str(Path(frame.f_code.co_filename).resolve())
                return SourceRef(file=file, line=frame.f_lineno), frame.f_code.co_name
            frame = frame.f_back
        return None

    def place_of_caller(self) -> SourceRef | None:
        """The innermost user line that led here."""
        found = self.place_of(sys._getframe(1))
        return found[0] if found else None

    def describe(self, error: BaseException) -> ErrorInfo:
        """An exception as the recording keeps it."""
        return ErrorInfo(
            type=type(error).__name__,
            message=safe_str(error),
            where=self.place_in(error.__traceback__),
            traceback=self.traceback_of(error),
        )

    def traceback_of(self, error: BaseException) -> str:
        """As python prints it, from the first user line on; shortened in the middle when huge."""
        trace = error.__traceback__
        while trace is not None and not self.owns(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        try:
            text = "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))
        except Exception:
            text = f"{type(error).__name__} (its traceback can't be written)"
        if len(text) > _LONGEST_TRACEBACK:
            half = _LONGEST_TRACEBACK // 2
            text = f"{text[:half]}\n[... {len(text) - 2 * half} characters ...]\n{text[-half:]}"
        return text


def _within(path: str, roots: Iterable[str]) -> bool:
    return any(path.startswith(root.rstrip("/") + "/") for root in roots)
