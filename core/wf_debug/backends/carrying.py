"""Reading serialized events back with the code as it is now; saying what is wrong with those that fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from wf_debug.control.payload import safe_str


def class_name(text: str) -> str:
    """The class name in a serialized event."""
    try:
        return str(json.loads(text)["qualified_name"]).rpartition(".")[2]
    except (ValueError, KeyError, TypeError):
        return "event"


def unreadable(text: str, deserialize: Callable[[str], Any]) -> str | None:
    """Why the event can't be read back, None if it can."""
    name = class_name(text)
    try:
        deserialize(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        return f"{name}.{field}: {first['msg']}"
    except (ImportError, AttributeError):
        return f"the event class {name} is gone"
    except Exception as error:
        return f"{name} can't be read back: {safe_str(error)}"
    return None
