"""The one error that a session raises."""

from __future__ import annotations

from wf_debug.wire import ErrorCode, WireError


class SessionError(Exception):
    """A command, a load or the host itself failed. `error` has the message, the place and the next thing to
    try."""

    def __init__(self, error: WireError) -> None:
        super().__init__(str(error))
        self.error = error

    def adding(self, text: str) -> SessionError:
        """The same with more to its message."""
        return SessionError(self.error.model_copy(update={"message": self.error.message + text}))

    @classmethod
    def of(cls, code: ErrorCode, message: str, hint: str = "") -> SessionError:
        return cls(WireError(code=code, message=message, hint=hint))
