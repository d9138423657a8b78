"""What a person types and the JSON value it stands for, both ways, without loss.

An empty text leaves a field unset. Empty text as a value is typed `""`; where null is allowed, `null` is null
and `"null"` the word. One more pair of quotes escapes these in turn.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from wf_debug.wire import FieldError
from wf_tui.forms.fault import fault
from wf_tui.forms.schema import ANY_FIELD, UNSET, FieldSpec
from wf_tui.forms.words import example_of

_WIDE = 60
"""JSON longer than this is written on several lines."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class BadText(ValueError):
    """A text that is no value of its field; the message is for the person who typed it."""


class CannotShow(ValueError):
    """A value that the field's widget cannot hold unchanged; it can be edited as JSON."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A form as data. With errors, `data` has the texts of the bad fields as typed: nothing is lost."""

    data: dict[str, Any]
    errors: tuple[FieldError, ...] = ()


def read_text(spec: FieldSpec, text: str) -> Any:
    """The value of one field, `UNSET` for an empty text.

    Raises:
        BadText: when the text does not fit; the message says what would.
    """
    value = _parse(spec, text)
    if value is UNSET or (value is None and spec.nullable):
        return value
    if wrong := fault(value, spec.schema, spec.root):
        raise BadText(wrong)
    return value


def write_text(spec: FieldSpec, value: Any) -> str:
    """The text that reads back as `value`; for a value of another type, a text as close to it as there is.

    Raises:
        CannotShow: when the field's widget would change the value.
    """
    text = _write(spec, value)
    if value is not UNSET and not _has_room(spec, value, text):
        raise CannotShow(f"{spec.name!r} is {text}, which is not {spec.words}")
    if any(not (c.isprintable() or c in "\n\t") for c in text):
        raise CannotShow(f"{spec.name!r} has control characters, which only the JSON text can hold")
    return text


def offered(spec: FieldSpec) -> tuple[str, ...]:
    """The texts of a closed set of values, in order."""
    return tuple(dump_json(v) for v in ((True, False) if spec.kind == "boolean" else spec.choices))


def read_form(
    specs: Iterable[FieldSpec], texts: Mapping[str, str], extra: Sequence[tuple[str, str]] = ()
) -> Reading:
    """All fields of a form, the undeclared ones (name, text) included."""
    data: dict[str, Any] = {}
    errors: list[FieldError] = []
    specs = list(specs)
    for spec in specs:
        _take(spec, texts.get(spec.name, ""), data, errors)
    for name, text in extra:
        _take_extra(name.strip(), text, {s.name for s in specs}, data, errors)
    return Reading(data, tuple(errors))


def parse_object(text: str) -> dict[str, Any]:
    """The fields as one JSON object, as the JSON tab holds them.

    Raises:
        BadText: for what is not JSON, with line and column, or is no object.
    """
    value = _parse_json(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise BadText('must be one object of fields, like {"query": "..."}')
    return value


def dump_json(value: Any) -> str:
    """JSON for people: one line when short, else indented."""
    short = json.dumps(value, ensure_ascii=False, default=repr)
    if len(short) > _WIDE and isinstance(value, dict | list):
        short = json.dumps(value, ensure_ascii=False, default=repr, indent=2)
    return _without_control(short)


def dump_object(data: Mapping[str, Any]) -> str:
    """The fields as the JSON tab shows them: one a line."""
    return _without_control(json.dumps(data, ensure_ascii=False, default=repr, indent=2))


def _take(spec: FieldSpec, text: str, data: dict[str, Any], errors: list[FieldError]) -> None:
    try:
        value = read_text(spec, text)
    except BadText as bad:
        data[spec.name] = text
        errors.append(FieldError(field=spec.name, message=str(bad)))
        return
    if value is not UNSET:
        data[spec.name] = value
    elif spec.required:
        hint = '; type "" for empty text' if spec.kind == "text" else ""
        errors.append(FieldError(field=spec.name, message=f"is required{hint}"))


def _take_extra(
    name: str, text: str, declared: set[str], data: dict[str, Any], errors: list[FieldError]
) -> None:
    if not name and not text.strip():
        return
    if not name:
        errors.append(FieldError(field=name, message=f"the value {text!r} has no field name"))
    while name in declared or name in data:
        errors.append(FieldError(field=name, message=f"{name!r} is there already"))
        name += "'"
    data[name] = _parse(ANY_FIELD, text) if text else ""


def _parse(spec: FieldSpec, text: str) -> Any:
    match spec.kind:
        case "text":
            return _parse_string(spec, text)
        case "json":
            return _parse_value(spec, text)
    word = text.strip()
    if not word:
        return UNSET
    if word == "null" and spec.nullable:
        return None
    match spec.kind:
        case "integer":
            return _parse_integer(word)
        case "number":
            return _parse_number(word)
        case "boolean":
            return _parse_boolean(word)
    return _parse_value(spec, text)


def _parse_string(spec: FieldSpec, text: str) -> Any:
    if not text:
        return UNSET
    if spec.nullable and text == "null":
        return None
    if (core := _reserved(spec, text)) is not None and len(text) > len(core):
        text = text[1:-1]
    if text and spec.format:
        _check_format(spec.format, text)
    return text


def _parse_value(spec: FieldSpec, text: str) -> Any:
    if not text.strip():
        return UNSET
    try:
        return _parse_json(text)
    except BadText:
        if spec.bare_text:
            return text
        raise


def _parse_integer(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise BadText("must be a whole number, like 3") from None


def _parse_number(word: str) -> float:
    try:
        return int(word)
    except ValueError:
        pass
    try:
        number = float(word)
    except ValueError:
        raise BadText("must be a number, like 0.5") from None
    if not math.isfinite(number):
        raise BadText("must be a finite number: JSON has no other")
    return number


def _parse_boolean(word: str) -> bool:
    if word not in ("true", "false"):
        raise BadText("must be true or false")
    return word == "true"


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_parse_number)
    except json.JSONDecodeError as bad:
        place = f"line {bad.lineno}, column {bad.colno}" if "\n" in text else f"column {bad.colno}"
        raise BadText(f"is not JSON: {bad.msg[:1].lower()}{bad.msg[1:]} at {place}") from None
    except BadText:
        raise
    except (ValueError, RecursionError):
        raise BadText(
            "is not JSON that can be read: a number is too long or it is nested too deeply"
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise BadText(f"is not JSON: it has no {name}")


def _check_format(text_format: str, text: str) -> None:
    """Refuse what the event class refuses for sure; formats not listed here are the host's to judge."""
    try:
        match text_format:
            case "date" | "date-time" if _DATE.match(text):
                dt.datetime.fromisoformat(text)
            case "date" | "date-time" if not text.strip().lstrip("-").replace(".", "", 1).isdigit():
                raise ValueError
            case "uuid":
                uuid.UUID(text)
    except ValueError:
        like = example_of(text_format) or "0b6e7c1e-2f5a-4a8e-9d0c-3f1f6f0f7a11"
        noun = {"date": "a date", "date-time": "a date and time"}.get(text_format, "a UUID")
        raise BadText(f"must be {noun}, like {like}") from None


def _write(spec: FieldSpec, value: Any) -> str:
    if value is UNSET:
        return ""
    if not isinstance(value, str) or spec.kind in ("choice", "boolean"):
        return dump_json(value)
    if spec.kind == "text":
        return value if _reserved(spec, value) is None else f'"{value}"'
    if spec.kind == "json" and not spec.bare_text and fault(value, spec.schema, spec.root) is None:
        return dump_json(value)
    return value if _reads_as(spec, value, value) else dump_json(value)


def _has_room(spec: FieldSpec, value: Any, text: str) -> bool:
    """Whether the widget can tell this value from the others: a choice has no room for a new one."""
    match spec.kind:
        case "choice" | "boolean":
            return text in offered(spec)
        case "text":
            return isinstance(value, str) or (value is None and spec.nullable)
    return True


def _reads_as(spec: FieldSpec, text: str, value: Any) -> bool:
    try:
        return bool(_parse(spec, text) == value)
    except BadText:
        return True


def _reserved(spec: FieldSpec, text: str) -> str | None:
    """The word inside any number of quote pairs, if it is one that means something by itself."""
    for core in ("", "null") if spec.nullable else ("",):
        pairs, odd = divmod(len(text) - len(core), 2)
        if pairs >= 0 and not odd and text == '"' * pairs + core + '"' * pairs:
            return core
    return None


def _without_control(dumped: str) -> str:
    """Escape what a text widget would swallow or split lines at (JSON allows it inside strings only)."""
    if dumped.isprintable():
        return dumped
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in dumped)
