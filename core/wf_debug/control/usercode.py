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
_OUR_PACKAGES = tuple(
    f"{root}/{package}"
    for root in {_OURS, str(Path(__file__).parents[2])}
    for package in ("wf_core", "wf_debug")
)
"""Where they are, and where a host finds them by way of links."""
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
        if _asks_in_vain(error) and _NO_STDIN not in getattr(error, "__notes__", ()):
            error.add_note(_NO_STDIN)
        return ErrorInfo(
            type=type(error).__name__,
            message=safe_str(error),
            where=self.place_in(error.__traceback__),
            traceback=self.traceback_of(error),
        )

    def traceback_of(self, error: BaseException) -> str:
        """As python prints it, from the first user line on and without the frames of the engine and the
        debugger; shortened in the middle when huge."""
        trace = error.__traceback__
        while trace is not None and not self.owns(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        try:
            told = traceback.TracebackException(type(error), error, trace or error.__traceback__)
            _without_our_frames(told)
            text = "".join(told.format())
        except Exception:
            text = f"{type(error).__name__} (its traceback can't be written)"
        if len(text) > _LONGEST_TRACEBACK:
            half = _LONGEST_TRACEBACK // 2
            text = f"{text[:half]}\n[... {len(text) - 2 * half} characters ...]\n{text[-half:]}"
        return text


_NO_STDIN = "the debugger gives no standard input (a flow asks with an InputRequiredEvent)"


def _asks_in_vain(error: BaseException) -> bool:
    """As `input()` does, and `pdb.set_trace()`."""
    if type(error).__module__ == "bdb":
        return True
    return isinstance(error, EOFError) and safe_str(error) == "EOF when reading a line"


def said_by(error: BaseException) -> str:
    """The message of an exception; of one that comes from the debugger's doing, also what to do instead."""
    return f"{safe_str(error)}: {_NO_STDIN}" if _asks_in_vain(error) else safe_str(error)


def _without_our_frames(told: traceback.TracebackException) -> None:
    """Also in what it was caused by, or consists of."""
    left, seen = [told], set[int]()
    while left:
        part = left.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        frames = [frame for frame in part.stack if not _is_ours(frame.filename)]
        part.stack = traceback.StackSummary.from_list(frames) if frames else None  # type: ignore[assignment]
        parts = (part.__cause__, part.__context__, *(part.exceptions or ()))
        left += [further for further in parts if further is not None]


def _is_ours(file: str) -> bool:
    return _within(file, _OUR_PACKAGES)


def _within(path: str, roots: Iterable[str]) -> bool:
    return any(path.startswith(root.rstrip("/") + "/") for root in roots)
