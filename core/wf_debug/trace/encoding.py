"""JSON text of records and messages, whatever text user code puts into them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json


def json_of(model: BaseModel) -> bytes:
    """The model as JSON in UTF-8. Half a surrogate pair, which UTF-8 can't hold, is written as its escape."""
    try:
        return model.__pydantic_serializer__.to_json(model)
    except Exception:
        return to_json(_encodable(model.model_dump()))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(k): _encodable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_encodable(v) for v in value]
    return value
