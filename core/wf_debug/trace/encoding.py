"""JSON text of records and messages, whatever text user code puts into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json


def json_of(value: BaseModel | Mapping[str, Any]) -> bytes:
    """The model, or a mapping that may hold models, as JSON in UTF-8; half a surrogate pair, which UTF-8
    can't hold, as its escape."""
    try:
        return to_json(value, inf_nan_mode="null")
    except Exception:
        return to_json(_encodable(value), inf_nan_mode="null")


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, BaseModel):
        return _encodable(value.model_dump())
    if isinstance(value, dict):
        return {_encodable(k): _encodable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_encodable(v) for v in value]
    return value
