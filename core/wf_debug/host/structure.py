"""What about a flow's code may not change under a live run: step signatures and options, event fields,
classes."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from wf_debug.backends.base import Offer
from wf_debug.graph import FlowGraph


def changed_structure(old: ast.Module, new: ast.Module) -> str:
    """The first structural difference between two versions of a source file, in words; empty if only bodies
    differ."""
    before, after = _classes(old), _classes(new)
    for name, old_class in before.items():
        if name not in after:
            return f"class {name} is gone"
        if difference := _changed_class(name, old_class, after[name]):
            return difference
    return _changed_functions("", old.body, new.body)


def _classes(tree: ast.AST) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.iter_child_nodes(tree) if isinstance(node, ast.ClassDef)}


def _changed_class(name: str, old: ast.ClassDef, new: ast.ClassDef) -> str:
    if _dump(old.bases, old.keywords, old.decorator_list) != _dump(
        new.bases, new.keywords, new.decorator_list
    ):
        return f"class {name} has other bases or decorators"
    if difference := _changed_fields(name, _fields(old), _fields(new)):
        return difference
    return _changed_functions(f"{name}.", old.body, new.body)


def _fields(node: ast.ClassDef) -> dict[str, str]:
    """Annotated names of a class with annotation and default; of an enumeration, its members."""
    found = {
        ast.unparse(n.target): _dump([n.annotation, n.value])
        for n in node.body
        if isinstance(n, ast.AnnAssign)
    }
    if any("Enum" in ast.unparse(base) or "Flag" in ast.unparse(base) for base in node.bases):
        found |= {ast.unparse(n.targets[0]): _dump([n.value]) for n in node.body if isinstance(n, ast.Assign)}
    return found


def _changed_fields(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    if added := [f for f in new if f not in old]:
        return f"{name} has a new field {added[0]!r}"
    if gone := [f for f in old if f not in new]:
        return f"field {gone[0]!r} of {name} is gone"
    changed = [f for f in old if old[f] != new[f]]
    return f"field {changed[0]!r} of {name} changed" if changed else ""


def _changed_functions(prefix: str, old: list[ast.stmt], new: list[ast.stmt]) -> str:
    """Decorated functions (steps, validators, resources) must keep name, decorators and signature."""
    before, after = _decorated(old), _decorated(new)
    for name in (*before, *after):
        if name not in after:
            return f"{prefix}{name} is gone, or lost its decorator"
        if name not in before:
            return f"{prefix}{name} is new, or got a decorator"
        if before[name] != after[name]:
            return f"the signature or decorator of {prefix}{name} changed"
    return ""


def _decorated(body: list[ast.stmt]) -> dict[str, str]:
    functions = [
        n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.decorator_list
    ]
    return {f.name: _dump([f.args, f.returns], f.decorator_list) + type(f).__name__ for f in functions}


def _dump(*parts: Any) -> str:
    return " ".join(ast.dump(node) for part in parts for node in part if node is not None)


def changed_graph(old: Mapping[str, Offer], new: Mapping[str, Offer]) -> str:
    """The first difference between two generations of workflows that a live run can't take up; empty if
    there is none."""
    if old.keys() != new.keys():
        return f"the workflows are now: {', '.join(new)}"
    for name in old:
        before, after = _essence(old[name].info.graph), _essence(new[name].info.graph)
        if before.keys() != after.keys():
            names = sorted(before.keys() ^ after.keys())
            return f"{name}: steps and event types differ: {', '.join(names)}"
        if changed := [part for part in before if before[part] != after[part]]:
            return f"{name}: {changed[0]} changed"
    return ""


def _essence(graph: FlowGraph) -> dict[str, Any]:
    """Without places, texts, and what was only read from bodies."""
    steps = {
        f"step {s.name}": (
            *(s.role, s.accepts, s.lists, s.joins, s.join_size),
            *(s.num_workers, s.retry, s.timeout),
        )
        for s in graph.steps
    }
    inputs = {name for s in graph.steps for name in s.accepts}
    events = {
        f"event {e.name}": (e.role, e.bases, _untitled(e.fields)) for e in graph.events if e.name in inputs
    }
    return {**steps, **events}


def _untitled(schema: Any) -> Any:
    """A JSON schema without its describing texts."""
    if isinstance(schema, dict):
        return {k: _untitled(v) for k, v in schema.items() if k not in ("description", "title")}
    return [_untitled(v) for v in schema] if isinstance(schema, list) else schema
