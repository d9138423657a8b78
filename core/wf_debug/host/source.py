"""Reading a flow file before python does: every way it can be no program, as one clear refusal."""

from __future__ import annotations

import ast
import io
import os
import tokenize
from pathlib import Path

from wf_debug.backends.refusal import Refused
from wf_debug.control.names import closest
from wf_debug.control.payload import safe_str
from wf_debug.graph import SourceRef

_SUFFIXES = (".py", ".pyw")
_LONGEST_LINE = 160
"""Characters of a faulty line that are shown."""


def check_source(path: Path) -> ast.Module:
    """The parsed file.

    Raises:
        Refused: not_found, not_python or syntax_error.
    """
    _check_is_python_file(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Refused("not_found", f"cannot read {path}: {error.strerror}") from error
    if b"\0" in raw:
        raise Refused(
            "not_python", f"{path} is a binary file, not Python source", hint="give the flow's .py file"
        )
    try:
        return parse(raw, str(path))
    except SyntaxError as error:
        raise refuse_syntax(error, path) from error
    except (ValueError, RecursionError, MemoryError) as error:
        text = safe_str(error) or f"{type(error).__name__}; it is nested too deep, or too large"
        raise Refused("not_python", f"{path} can't be parsed: {text}") from error


def parse(source: bytes, name: str) -> ast.Module:
    """`ast.parse`, again where it fails by itself: CPython 3.11 miscounts its depth when a collection falls
    into it."""
    for _ in range(3):
        try:
            return ast.parse(source, name)
        except SystemError:
            continue
    return ast.parse(source, name)


def _check_is_python_file(path: Path) -> None:
    if os.path.isdir(path):
        flows = ", ".join(sorted(p.name for p in path.glob("*.py"))[:8])
        raise Refused(
            "not_python",
            f"{path} is a directory, not a Python file",
            hint=f"give one of its files: {flows}" if flows else "it holds no .py file",
        )
    if not os.path.exists(path):
        what = f"{path} is a link that leads nowhere" if os.path.islink(path) else f"there is no file {path}"
        raise Refused("not_found", what, hint=_near(path))
    if not path.is_file():
        raise Refused("not_python", f"{path} is not a regular file", hint="give the flow's .py file")
    if path.suffix not in _SUFFIXES:
        raise Refused(
            "not_python", f"{path.name} is not a Python file: its name doesn't end in .py", hint=_near(path)
        )


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f"the directory {path.parent} does not exist either"
    names = [p.name for p in path.parent.glob("*.py") if p.is_file()]
    near = closest(path.name, names) or sorted(names)[:8]
    return f"Python files there: {', '.join(near)}" if near else f"{path.parent} holds no Python files"


def refuse_syntax(error: SyntaxError, path: Path) -> Refused:
    """A syntax error with the line it is on and a caret under it."""
    file, line = error.filename or str(path), error.lineno or 1
    shown = _line_with_caret(file, line, error)
    return Refused(
        "syntax_error",
        f"{Path(file).name}:{line}: {type(error).__name__}: {error.msg}" + (f"\n{shown}" if shown else ""),
        where=SourceRef(file=file, line=line),
        hint="correct the file and save it; it is read again",
    )


def _line_with_caret(file: str, line: int, error: SyntaxError) -> str:
    text = (error.text or _line_of(file, line)).rstrip("\n")
    if not text.strip():
        return ""
    indent = len(text) - len(text.lstrip())
    column = max(0, (error.offset or 1) - 1 - indent)
    width = (error.end_offset or 0) - (error.offset or 0) if error.end_lineno == error.lineno else 1
    shown = text.strip()
    if len(shown) > _LONGEST_LINE:
        start = max(0, column - _LONGEST_LINE // 2)
        shown, column = shown[start : start + _LONGEST_LINE], column - start
    width = min(max(1, width), max(1, len(shown) - column))
    return f"    {shown}\n    {' ' * column}{'^' * width}"


def _line_of(file: str, line: int) -> str:
    try:
        raw = Path(file).read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return raw.decode(encoding, "replace").splitlines()[line - 1]
    except (OSError, SyntaxError, IndexError):
        return ""


def imported_packages(tree: ast.Module) -> set[str]:
    """Top-level names of everything the file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(a.name.partition(".")[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
