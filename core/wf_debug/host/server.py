"""The control thread: reads commands and answers them, also while user code blocks the loop."""

from __future__ import annotations

import json
import traceback
from functools import partial

from pydantic import BaseModel, ValidationError

from wf_debug.backends.refusal import Refused
from wf_debug.control.controller import UnknownHold
from wf_debug.control.payload import safe_str
from wf_debug.control.tracer import Tracer
from wf_debug.framing import LineTooLong
from wf_debug.host.commands import Commands
from wf_debug.host.connection import Connection
from wf_debug.wire import MAX_LINE, Command, Reply, Shutdown, WireError, command_adapter, encode


class Server:
    """Serves one connection until the other side is gone or has said shutdown."""

    def __init__(self, connection: Connection, commands: Commands, tracer: Tracer) -> None:
        self._connection, self._commands, self._tracer = connection, commands, tracer

    def serve(self) -> None:
        for line in self._connection.lines():
            if isinstance(line, LineTooLong):
                self._refuse(None, f"a line of more than {MAX_LINE} bytes was skipped")
            elif line.strip() and isinstance(self._take(line), Shutdown):
                return

    def _take(self, line: bytes) -> Command | None:
        try:
            command = command_adapter.validate_json(line)
        except ValidationError as error:
            self._refuse(_id_of(line), _explain(error))
            return None
        self._schedule(command)
        return command

    def _schedule(self, command: Command) -> None:
        try:
            self._commands.schedule(command, partial(self._answer, command))
        except Exception as error:
            self._reply(Reply(id=command.id, error=_wire_error(error)))

    def _answer(self, command: Command) -> None:
        try:
            result = self._commands.handlers[type(command)][1](command)
            reply = encode(Reply(id=command.id, result=_plain(result)))
        except Exception as error:
            reply = encode(Reply(id=command.id, error=_wire_error(error)))
        self._tracer.send_after_records(reply)

    def _refuse(self, command_id: int | None, message: str) -> None:
        self._reply(Reply(id=command_id, error=WireError(code="bad_message", message=message)))

    def _reply(self, reply: Reply) -> None:
        """Behind the records that the command caused."""
        self._tracer.send_after_records(encode(reply))


def _plain(result: BaseModel | None) -> dict[str, object]:
    return {} if result is None else result.model_dump(mode="json")


def _id_of(line: bytes) -> int | None:
    """The id of a message that is not a command, as far as it can be read."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    found = message.get("id") if isinstance(message, dict) else None
    return found if type(found) is int else None


def _explain(error: ValidationError) -> str:
    """Pydantic's findings, the first few, one clause each."""
    found = [
        f"{'.'.join(map(str, e['loc'])) or 'message'}: {e['msg']}" for e in error.errors(include_url=False)
    ]
    return "; ".join(found[:4])


def _wire_error(error: Exception) -> WireError:
    if isinstance(error, Refused):
        return error.error
    if isinstance(error, UnknownHold):
        return WireError(code="unknown_hold", message=safe_str(error.args[0]))
    return WireError(
        code="internal",
        message=f"the debugger failed on this command: {type(error).__name__}: {safe_str(error)}",
        hint="please report it with the traceback",
        traceback="".join(traceback.format_exception(error)),
    )
