"""Files of interception rules: what a debugger does to a run without asking, kept beside the flow for CI.

    [[rule]]
    at = "search if attempt == 0"      # place and condition, as `--break` takes them
    raise = "TimeoutError: the index is overloaded"

    [[rule]]
    at = "SearchResult@rank if ev.score > 0.9"
    from = 2                           # act from the second match on ...
    times = 1                          # ... and on no more than one
    edit = { score = 0.1 }

Every rule has one action: `edit` (the fields to replace, as a table or as JSON text), `drop`, `duplicate`,
`hold` or `pause` (`true`), `delay` (seconds), `raise` (`Class: message`), `log` (text with `{expressions}`).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from wf_debug.control.breakpoints import BadBreakpoint, Breakpoint, parse_breakpoint

_LARGEST = 16 * 1024 * 1024
"""Bytes of a file of rules."""
_FLAGS = ("hold", "pause", "drop", "duplicate")


class BadRules(ValueError):
    """A file of rules that can't be read; the message names the file, the rule and what is wrong."""


class _Entry(BaseModel):
    """One `[[rule]]`."""

    model_config = ConfigDict(extra="forbid")

    at: str
    from_: PositiveInt = Field(default=1, alias="from")
    times: PositiveInt | None = None
    edit: dict[str, Any] | str | None = None
    drop: bool = False
    duplicate: bool = False
    hold: bool = False
    pause: bool = False
    delay: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    raise_: str | None = Field(default=None, alias="raise", min_length=1)
    log: str | None = None

    @model_validator(mode="after")
    def _one_action(self) -> _Entry:
        if len(self.actions) != 1:
            known = "edit, drop, duplicate, delay, raise, log, hold, pause"
            given = ", ".join(self.actions) or "none"
            raise ValueError(f"a rule has one action of {known}; here: {given}")
        return self

    @property
    def actions(self) -> list[str]:
        """What it says to do."""
        values = {"edit": self.edit, "delay": self.delay, "raise": self.raise_, "log": self.log}
        given = [name for name, value in values.items() if value is not None]
        return given + [name for name in _FLAGS if getattr(self, name)]

    def breakpoint(self, number: int, file: str) -> Breakpoint:
        """Raises: BadBreakpoint."""
        (action,) = self.actions
        edit = "" if self.edit is None else self.edit if isinstance(self.edit, str) else json.dumps(self.edit)
        return parse_breakpoint(self.at).model_copy(
            update={
                "id": number,
                "hits": self.from_,
                "times": self.times,
                "action": action,
                "edit": edit,
                "delay": self.delay or 0.0,
                "error": self.raise_ or "",
                "log": self.log or "",
                "rules": file,
            }
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rule: list[_Entry] = []


def read_rules(path: Path, first: int = 1) -> list[Breakpoint]:
    """The rules of a file, numbered from `first` on.

    Raises:
        BadRules: when it can't be read, is no TOML, or a rule in it makes no sense.
    """
    try:
        found = _File.model_validate(tomllib.loads(_text(path)))
    except OSError as error:
        raise BadRules(f"cannot read the rules {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRules(f"{path} is no TOML: {error}") from None
    except RecursionError:
        raise BadRules(f"{path} is nested too deep to be rules") from None
    except ValidationError as error:
        raise BadRules(f"{path}: {_explain(error)}") from None
    rules = []
    for position, entry in enumerate(found.rule, start=1):
        try:
            rules.append(entry.breakpoint(first + position - 1, str(path)))
        except BadBreakpoint as error:
            raise BadRules(f"{path}: rule {position}: {error}") from None
    return rules


def _text(path: Path) -> str:
    """Of a file, a pipe or a device; of what may have no end, so much as rules can be."""
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise BadRules(f"{path} is too large to be rules")
    return raw.decode()


def write_rules(rules: Iterable[Breakpoint]) -> str:
    """The text of a file with these rules."""
    return "\n".join(_written(rule) for rule in rules)


def _explain(error: ValidationError) -> str:
    """The first finding, with the rule it is in."""
    finding = error.errors(include_url=False)[0]
    place = list(finding["loc"])
    where = ""
    if place[:1] == ["rule"] and len(place) > 1:
        where = f"rule {int(place[1]) + 1}: "
        del place[:2]
    name = ".".join(map(str, place))
    message = finding["msg"].removeprefix("Value error, ")
    return where + (f"{name}: {message}" if name else message)


def _written(rule: Breakpoint) -> str:
    lines = ["[[rule]]", f"at = {_value(_place(rule))}"]
    if rule.hits > 1:
        lines.append(f"from = {rule.hits}")
    if rule.times is not None:
        lines.append(f"times = {rule.times}")
    value = {
        "edit": rule.edit if _has_null(fields := json.loads(rule.edit or "{}")) else fields,
        "delay": rule.delay,
        "raise": rule.error,
        "log": rule.log,
    }.get(rule.action, True)
    return "\n".join([*lines, f"{rule.action} = {_value(value)}", ""])


def _place(rule: Breakpoint) -> str:
    """As `parse_breakpoint` reads it."""
    name = f"state.{rule.state}" if rule.state is not None else rule.event or ""
    step = f"@{rule.step}" if rule.step else ""
    when = "raise" if rule.exception else rule.when
    moment = "" if when == "deliver" or rule.state is not None else f":{when}"
    return f"{name}{step}{moment}" + (f" if {rule.condition}" if rule.condition else "")


def _has_null(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(_has_null, inside))


def _value(value: Any) -> str:
    """As TOML has it on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_value(str(k))} = {_value(v)}' for k, v in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
