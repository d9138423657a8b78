"""Values as the recording keeps them. Nothing that user code puts into an event may raise or be consumed
here."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import os
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from wf_debug.trace.records import Payload

PREVIEW = 200
"""Characters of a preview."""
_DEEPEST = 40
_TEXT_IN_REPR = 4_000
NO_JSON = "$repr"
"""Key of the stand-in for a nested value without a JSON form: `{"$repr": "<...>", "$type": "Lock"}`."""

Fields = Callable[[Any], Mapping[str, Any] | None]
"""The fields of an event, dynamic ones included; None for any other value."""


class _ShortRepr(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxdict, self.maxlist, self.maxtuple, self.maxset = 4, 12, 12, 12, 12
        self.maxstring = self.maxother = PREVIEW
        self.maxlong = 60

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, BaseModel):
            inner = ", ".join(
                f"{k}={self.repr1(v, level - 1)}" for k, v in itertools.islice(x.__dict__.items(), 12)
            )
            return f"{type(x).__name__}({inner})"
        return cut(safe_repr(x), PREVIEW)

    def repr_str(self, x: str, level: int) -> str:
        return repr(x) if len(x) <= self.maxstring else repr(x[: self.maxstring])[:-1] + "…'"


_short = _ShortRepr()


def cut(text: str, limit: int) -> str:
    """`text` on one line, with an ellipsis when it is longer than `limit`."""
    if len(text) > 4 * limit:
        text = text[: 4 * limit]
    line = " ".join(text.split()) if not text.isprintable() else text
    return line if len(line) <= limit else line[: limit - 1] + "…"


def safe_repr(value: Any) -> str:
    """repr() that survives objects whose own one raises."""
    try:
        text = repr(value)
        return text if len(text) <= _TEXT_IN_REPR else text[:_TEXT_IN_REPR] + "…"
    except BaseException as error:
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def safe_str(value: Any) -> str:
    """str() that survives objects whose own one raises."""
    try:
        return str(value)
    except BaseException as error:
        return f"<{type(value).__name__} whose str raises {type(error).__name__}>"


def short_repr(value: Any) -> str:
    """One line, looking only at the first few members of a large value."""
    try:
        text = _short.repr(value)
    except BaseException:
        text = safe_repr(value)
    return cut(text, PREVIEW)


def preview_fields(fields: Mapping[str, Any]) -> str:
    """`query='x', score=0.5`, one line of at most PREVIEW characters."""
    parts: list[str] = []
    room = PREVIEW
    for name, value in fields.items():
        parts.append(part := f"{name}={short_repr(value)}")
        room -= len(part) + 2
        if room < 0:
            break
    return cut(", ".join(parts), PREVIEW)


def encode_json(value: Any) -> bytes:
    """JSON text of any value; what has no JSON form inside it becomes a stand-in (see NO_JSON).

    Raises:
        NoJsonForm: when `value` as a whole has none.
    """
    if _is_one_shot(value):
        raise NoJsonForm(value)
    try:
        return to_json(value, inf_nan_mode="strings", fallback=_stand_in_or_list)
    except Exception:
        return to_json(_plain(value, 0, ()), inf_nan_mode="strings")


class NoJsonForm(ValueError):
    """The value as a whole can't be written as JSON."""


def stand_in(value: Any) -> dict[str, str]:
    """What stands in JSON for a nested value that has no JSON form."""
    return {NO_JSON: cut(safe_repr(value), PREVIEW), "$type": type(value).__name__}


def _stand_in_or_list(value: Any) -> Any:
    """Array-likes (numpy, pandas, torch) give their items, the rest a stand-in."""
    tolist = getattr(type(value), "tolist", None)
    if callable(tolist):
        try:
            return tolist(value)
        except Exception:
            return stand_in(value)
    return stand_in(value)


def _is_one_shot(value: Any) -> bool:
    """Whether reading the value would use it up."""
    return isinstance(value, Iterator)


def _plain(value: Any, depth: int, above: tuple[int, ...]) -> Any:
    """JSON types only: the slow, careful way for values that the fast one refuses."""
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, bytes | bytearray):
        return _plain_bytes(bytes(value))
    if id(value) in above or depth > _DEEPEST or _is_one_shot(value):
        return stand_in(value) if _is_one_shot(value) else {NO_JSON: "…", "$type": type(value).__name__}
    try:
        return _plain_container(value, depth + 1, (*above, id(value)))
    except Exception:
        return stand_in(value)


def _plain_bytes(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"$bytes": base64.b64encode(value).decode()}


def _plain_container(value: Any, depth: int, above: tuple[int, ...]) -> Any:
    if isinstance(value, BaseModel):
        value = {**value.__dict__, **(value.__pydantic_extra__ or {})}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_key(k): _plain(v, depth, above) for k, v in value.items()}
    if isinstance(value, Sequence | AbstractSet):
        return [_plain(v, depth, above) for v in value]
    return from_json(to_json(value, inf_nan_mode="strings", fallback=_stand_in_or_list))


def _key(key: Any) -> str:
    text = key if isinstance(key, str) else short_repr(key)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class PayloadEncoder:
    """Turns values into payloads; JSON longer than `limit` bytes goes to a file of its own in `spill`."""

    def __init__(self, limit: int, spill: Path) -> None:
        self._limit, self._spill = limit, spill
        self._files = itertools.count(1)
        self.fields_of: list[Fields] = []
        """One reader of event fields for each engine."""

    def plain(self, value: Any) -> Any:
        """The value as JSON data, of any size, as far as it has a JSON form."""
        fields = self._fields(value)
        try:
            return from_json(encode_json(value if fields is None else fields))
        except Exception:
            return stand_in(value)

    def _fields(self, value: Any) -> Mapping[str, Any] | None:
        return next((found for fields in self.fields_of if (found := fields(value)) is not None), None)

    def encode(self, value: Any, type_name: str | None = None) -> Payload:
        """Never raises. `type_name` defaults to the value's class name."""
        name = type_name or type(value).__name__
        try:
            fields = self._fields(value)
            preview = preview_fields(fields) if fields is not None else short_repr(value)
            body = (
                value
                if fields is None
                else {k: stand_in(v) if _is_one_shot(v) else v for k, v in fields.items()}
            )
            if fields is None and _stand_in_only(body):
                return Payload(type=name, preview=preview)
            return self._from_json(name, preview, encode_json(body))
        except Exception:
            return Payload(type=name, preview=short_repr(value))

    def _from_json(self, name: str, preview: str, text: bytes) -> Payload:
        if len(text) <= self._limit:
            return Payload(type=name, preview=preview, data=from_json(text), size=len(text))
        return Payload(type=name, preview=preview, size=len(text), handle=self._write(text))

    def _write(self, text: bytes) -> str:
        self._spill.mkdir(parents=True, exist_ok=True)
        path = self._spill / f"payload-{os.getpid()}-{next(self._files)}.json"
        path.write_bytes(text)
        return str(path)


def _stand_in_only(value: Any) -> bool:
    """Whether the value's JSON would be nothing but a stand-in."""
    if value is None or isinstance(
        value, str | int | float | bytes | Mapping | Sequence | AbstractSet | BaseModel
    ):
        return False
    if dataclasses.is_dataclass(value):
        return False
    try:
        text = to_json(value, inf_nan_mode="strings", fallback=_stand_in_or_list)
    except Exception:
        return True
    return text.startswith(b'{"' + NO_JSON.encode() + b'":')
