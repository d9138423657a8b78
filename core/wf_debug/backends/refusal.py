"""How a command is refused inside the host: an exception that carries the wire's error."""

from __future__ import annotations

from collections.abc import Sequence

from wf_debug.graph import SourceRef
from wf_debug.wire import ErrorCode, FieldError, WireError


class Refused(Exception):
    """The command can't be done; `error` says why and what to try next."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        hint: str = "",
        where: SourceRef | None = None,
        fields: Sequence[FieldError] = (),
        traceback: str = "",
    ) -> None:
        self.error = WireError(
            code=code, message=message, hint=hint, where=where, fields=list(fields), traceback=traceback
        )
        super().__init__(str(self.error))
