"""What a step does with its context, read from its source: the event types it sends, awaits, asks, collects.

Only what is plain to see is found: `ctx.send_event(X(...))`, a variable assigned from `X(...)`, and the same
in the methods and functions of the same module that the step hands its context to.
"""

from __future__ import annotations

import ast
import functools
import inspect
import os
import textwrap
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wf_core.events import Event
from wf_core.matching import is_subclass

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class ContextUse:
    """Event classes in order of appearance."""

    sent: list[type[Event]] = field(default_factory=list)
    waited: list[type[Event]] = field(default_factory=list)
    asked: list[type[Event]] = field(default_factory=list)
    collected: list[type[Event]] = field(default_factory=list)


def context_use(
    function: Callable[..., Any],
    context_parameter: str | None,
    owner: type | None,
    known: Mapping[str, type[Any]],
    base: type = Event,
) -> ContextUse:
    """What a step does with its context. `known` has the classes that the function's scope may not show;
    `base` is what makes a class an event."""
    use = ContextUse()
    names = {context_parameter} if context_parameter else set()
    _Reader(use, owner, known, base).read(function, names, {})
    return use


def place_of(thing: Any) -> tuple[str, int] | None:
    """Absolute file and 1-based line of a function or class, None if it has no source."""
    if isinstance(thing, type):
        return _class_place(thing)
    code = getattr(inspect.unwrap(thing), "__code__", None)
    return (os.path.abspath(code.co_filename), code.co_firstlineno) if code else None


def _class_place(cls: type) -> tuple[str, int] | None:
    try:
        file = os.path.abspath(inspect.getfile(cls))
        line = _class_lines(file, os.stat(file).st_mtime_ns).get(cls.__qualname__)
    except (OSError, TypeError):
        return None
    return (file, line) if line else None


@functools.lru_cache(maxsize=64)
def _class_lines(file: str, modified: int) -> dict[str, int]:
    """Line of each class of a file by qualified name; one parse serves all of them."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    lines: dict[str, int] = {}
    _note_classes(tree, "", lines)
    return lines


def _note_classes(node: ast.AST, scope: str, lines: dict[str, int]) -> None:
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.ClassDef):
            lines[scope + child.name] = child.lineno
            inner = f"{scope}{child.name}."
        elif isinstance(child, _Function):
            inner = f"{scope}{child.name}.<locals>."
        _note_classes(child, inner, lines)


class _Reader:
    def __init__(
        self, use: ContextUse, owner: type | None, known: Mapping[str, type[Any]], base: type
    ) -> None:
        self.use = use
        self.owner = owner
        self.known = known
        self.base = base
        self.read_already: set[Any] = set()

    def read(self, function: Any, contexts: set[str], variables: dict[str, list[type[Event]]]) -> None:
        plain = inspect.unwrap(function)
        tree = _parsed(plain)
        if tree is None or plain.__code__ in self.read_already:
            return
        self.read_already.add(plain.__code__)
        scope = _Scope(plain, self.known, self.base, set(contexts), dict(variables))
        scope.note_parameters(tree, plain)
        scope.note_assignments(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            self._call(call, scope)

    def _call(self, call: ast.Call, scope: _Scope) -> None:
        called = call.func
        if isinstance(called, ast.Attribute) and scope.is_context(called.value):
            self._context_call(called.attr, call, scope)
        elif any(scope.is_context(argument) for argument in _arguments(call)):
            self._follow(call, scope)

    def _context_call(self, method: str, call: ast.Call, scope: _Scope) -> None:
        if method == "send_event":
            _add(self.use.sent, scope.types_of(_argument(call, 0, "message", "ev")))
        elif method == "wait_for_event":
            _add(self.use.waited, scope.class_of(_argument(call, 0, "event_type")))
            _add(self.use.asked, scope.types_of(_argument(call, 1, "waiter_event")))
        elif method == "collect_events":
            _add(self.use.collected, scope.classes_in(_argument(call, 1, "expected")))

    def _follow(self, call: ast.Call, scope: _Scope) -> None:
        target = self._called_function(call.func, scope)
        tree = _parsed(target) if inspect.isfunction(target) else None
        if tree is None or target.__module__ != scope.function.__module__:
            return
        parameters = [p.arg for p in (*tree.args.posonlyargs, *tree.args.args)]
        if isinstance(call.func, ast.Attribute) and parameters[:1] == ["self"]:
            del parameters[0]
        contexts = {
            name for name, given in zip(parameters, call.args, strict=False) if scope.is_context(given)
        }
        contexts |= {kw.arg for kw in call.keywords if kw.arg and scope.is_context(kw.value)}
        variables = {
            n: t for n, given in zip(parameters, call.args, strict=False) if (t := scope.types_of(given))
        }
        variables |= {kw.arg: t for kw in call.keywords if kw.arg and (t := scope.types_of(kw.value))}
        self.read(target, contexts, variables)

    def _called_function(self, called: ast.expr, scope: _Scope) -> Any:
        if (
            isinstance(called, ast.Attribute)
            and isinstance(called.value, ast.Name)
            and called.value.id == "self"
        ):
            return inspect.getattr_static(self.owner, called.attr, None)
        return scope.resolve(called)


class _Scope:
    """The names of one function."""

    def __init__(
        self,
        function: Any,
        known: Mapping[str, type[Any]],
        base: type,
        contexts: set[str],
        variables: dict[str, list[type[Event]]],
    ) -> None:
        self.function = function
        self.known = known
        self.base = base
        self.contexts = contexts
        self.variables = variables

    def note_parameters(self, tree: _Function, function: Any) -> None:
        config = getattr(function, "_step_config", None)
        if config is not None and not _gathers(config):
            self.variables.setdefault(config.event_name, list(config.accepted_events))
        for parameter in (*tree.args.args, *tree.args.kwonlyargs):
            if parameter.annotation is not None and "Context" in _annotation_names(parameter.annotation):
                self.contexts.add(parameter.arg)

    def note_assignments(self, tree: _Function) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.NamedExpr):
                self._note(node.target, node.value)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                self._note(node.targets[0], node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._note(node.target, node.value)

    def _note(self, target: ast.expr, value: ast.expr) -> None:
        if not isinstance(target, ast.Name):
            return
        if _is_step_context(value):
            self.contexts.add(target.id)
        else:
            _add(self.variables.setdefault(target.id, []), self.types_of(value))

    def is_context(self, node: ast.expr) -> bool:
        return (isinstance(node, ast.Name) and node.id in self.contexts) or _is_step_context(node)

    def types_of(self, value: ast.expr | None) -> list[type[Event]]:
        """The classes an expression may be an instance of."""
        if isinstance(value, ast.IfExp):
            return [*self.types_of(value.body), *self.types_of(value.orelse)]
        if isinstance(value, ast.Name):
            return self.variables.get(value.id, [])
        return self.class_of(value.func) if isinstance(value, ast.Call) else []

    def class_of(self, node: ast.expr | None) -> list[type[Event]]:
        """The event class an expression names, if it does."""
        found: Any = self.resolve(node) if node is not None else None
        if found is None and isinstance(node, ast.Name | ast.Attribute):
            found = self.known.get(node.id if isinstance(node, ast.Name) else node.attr)
        return [found] if is_subclass(found, self.base) else []

    def classes_in(self, node: ast.expr | None) -> list[type[Event]]:
        """The event classes of `[A, B]` or `[A] * n`."""
        if isinstance(node, ast.BinOp):
            return [*self.classes_in(node.left), *self.classes_in(node.right)]
        elements = node.elts if isinstance(node, ast.List | ast.Tuple) else []
        return [cls for element in elements for cls in self.class_of(element)]

    def resolve(self, node: ast.expr) -> Any:
        """What a dotted name stands for in the function, None if that can't be told."""
        if isinstance(node, ast.Attribute):
            holder = self.resolve(node.value)
            return inspect.getattr_static(holder, node.attr, None) if holder is not None else None
        if not isinstance(node, ast.Name) or node.id in self.variables:
            return None
        code, cells = self.function.__code__, self.function.__closure__ or ()
        for name, cell in zip(code.co_freevars, cells, strict=True):
            if name == node.id:
                return _content(cell)
        return None if node.id in code.co_varnames else self.function.__globals__.get(node.id)


def _gathers(config: Any) -> bool:
    """Whether a step runs on a list of events or on several at once."""
    return bool(getattr(config, "collection_param", None) or getattr(config, "collect_params", None))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _parsed(function: Any) -> _Function | None:
    if not hasattr(function, "__code__"):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError, ValueError, tokenize.TokenError):  # edited since it was loaded
        return None
    return next((node for node in ast.walk(tree) if isinstance(node, _Function)), None)


def _annotation_names(annotation: ast.expr) -> set[str]:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return {annotation.value.partition("[")[0].rpartition(".")[2]}
    named = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return (
        {named.id}
        if isinstance(named, ast.Name)
        else {named.attr}
        if isinstance(named, ast.Attribute)
        else set()
    )


def _is_step_context(node: ast.expr) -> bool:
    """`Context.get_step_context()`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get_step_context"
    )


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg in names), None)


def _add(found: list[type[Event]], more: list[type[Event]]) -> None:
    found.extend(cls for cls in more if cls not in found)
