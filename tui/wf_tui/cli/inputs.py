"""Reading what the command line gives: the flow, the start event's fields, answers for prompts."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wf_debug.session.settings import FlowSpec
from wf_tui.cli.exits import CommandError

if TYPE_CHECKING:
    from wf_debug.control.breakpoints import Breakpoint
    from wf_debug.graph import EventType


_RULE = """a rule looks like this:
    [[rule]]
    at = "SearchResult@rank if ev.score > 0.9"
    edit = { score = 0.1 }"""


def split_flow(text: str) -> tuple[Path, str | None]:
    """Read `FLOW.py` or `FLOW.py:Name`."""
    path, colon, name = text.rpartition(":")
    if colon and name.isidentifier() and not os.path.exists(text):
        return Path(path), name
    return Path(text), None


def spec_of(flow: str) -> FlowSpec:
    """The flow as the command line names it."""
    path, name = split_flow(flow)
    return FlowSpec(path=named_in_text(path), workflow=name)


def named_in_text(path: Path) -> Path:
    """The path, which can be written down.

    Raises:
        CommandError: when it is no UTF-8.
    """
    whole = str(path.absolute())
    try:
        whole.encode()
    except UnicodeEncodeError:
        raise CommandError(f"the path {whole!a} is not UTF-8", hint="rename the file or directory") from None
    return path


def breakpoints_of(specs: Iterable[str], rules: Iterable[Path] = ()) -> list[Breakpoint]:
    """Read every `--break` and every `--rules` file, numbered from 1 in their order."""
    specs, rules = list(specs), list(rules)
    if not specs and not rules:
        return []  # without importing what reads them
    from wf_debug.control.breakpoints import BadBreakpoint, parse_breakpoint
    from wf_debug.control.rules import BadRules, read_rules

    try:
        found = [parse_breakpoint(s).model_copy(update={"id": n}) for n, s in enumerate(specs, start=1)]
        for file in rules:
            found += read_rules(file, len(found) + 1)
    except BadBreakpoint as error:
        raise CommandError(str(error)) from None
    except BadRules as error:
        raise CommandError(str(error), hint=_RULE) from None
    return found


def start_fields(pairs: Iterable[str], document: str | None, start: EventType | None) -> dict[str, Any]:
    """The start event's fields from `--input JSON` and, on top of it, each `-i key=value`.

    Raises:
        CommandError: for JSON that does not parse to an object, or a pair without `=`.
    """
    fields = _object(document, "--input") if document else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise CommandError(f"-i {pair!r} is not key=value", hint="-i topic='solid state batteries'")
        fields[key] = _value(value, _property(start, key))
    return fields


def input_hint(start: EventType | None) -> str:
    """How to give the start event's fields."""
    schema = start.fields if start else {}
    required = schema.get("required", ())
    names = [f"{name} (required)" if name in required else name for name in schema.get("properties", {})]
    return f"-i KEY=VALUE or --input JSON, with the fields {', '.join(names)}" if names else ""


def undeclared(fields: Iterable[str], start: EventType | None) -> list[str]:
    """The names that the start event does not declare, each in a sentence. An event without any declared
    field takes all."""
    declared = start.fields.get("properties", {}) if start else {}
    if not declared or not (unknown := [name for name in fields if name not in declared]):
        return []
    from wf_debug.control.names import suggestion

    assert start is not None
    return [f"{start.name} declares no field {name!r}; {suggestion(name, declared)}" for name in unknown]


def answer_fields(text: str, answer: EventType | None, known: Collection[str] = ()) -> dict[str, Any]:
    """The fields of an answering event: a JSON object as it is; anything else fills the event's one
    open field. `known` are those that the question fixes."""
    try:
        value = _json(text)
    except ValueError:
        value = text
    if isinstance(value, dict):
        return value
    field = _open_field(answer, known)
    return {field: _value(text, _property(answer, field))}


def _open_field(answer: EventType | None, known: Collection[str]) -> str:
    """The first required field that nobody gave, else the first, else `response`."""
    schema = answer.fields if answer else {}
    names = [*schema.get("required", ()), *schema.get("properties", {})]
    return next((str(name) for name in names if name not in known), "response")


def _json(text: str) -> Any:
    """Strictly: what JSON can't hold would arrive as something else.

    Raises:
        ValueError: saying what is wrong.
    """
    try:
        value = json.loads(text, parse_constant=_no_json, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("it has half a surrogate pair, which is no text") from None
    return value


def _no_json(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON value")


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        value = _json(text)
    except ValueError as error:
        raise CommandError(
            f"{option} is not JSON: {error}", hint=f'{option} \'{{"topic": "batteries"}}\''
        ) from None
    if not isinstance(value, dict):
        raise CommandError(
            f"{option} must be a JSON object of the start event's fields, not {type(value).__name__}"
        )
    return value


def _property(event: EventType | None, key: str) -> dict[str, Any]:
    found = event.fields.get("properties", {}).get(key, {}) if event else {}
    return found if isinstance(found, dict) else {}


def _value(text: str, schema: dict[str, Any]) -> Any:
    """A text field keeps its text, so that `-i zip=01234` stays a string; anything else is JSON where
    it can be."""
    if schema.get("type") == "string":
        return text
    try:
        return _json(text)
    except ValueError:
        return text
