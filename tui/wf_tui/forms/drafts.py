"""What was typed into a form and not sent, kept while its session lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary


@dataclass(frozen=True, slots=True)
class Draft:
    """A form half filled in. `raw` is the text of the JSON tab when that was the one in use."""

    data: dict[str, Any]
    raw: str | None = None


_kept: WeakKeyDictionary[object, dict[str, Draft]] = WeakKeyDictionary()


def keep(session: object, form: str, draft: Draft) -> None:
    """Remember a draft under the form's name."""
    _kept.setdefault(session, {})[form] = draft


def recall(session: object, form: str) -> Draft | None:
    """What was typed into that form last time, unless it was sent."""
    return _kept.get(session, {}).get(form)


def forget(session: object, form: str) -> None:
    """The form was sent."""
    _kept.get(session, {}).pop(form, None)
