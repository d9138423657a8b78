"""`python -m wf_debug.host CONFIG`: one debugged process, told by one JSON argument where its session
listens."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from wf_debug.host.connection import Connection
from wf_debug.host.process import HostProcess
from wf_debug.wire import HostConfig


def main(arguments: list[str]) -> int:
    """Exit code 2: the argument or the address is wrong."""
    try:
        config = HostConfig.model_validate_json(arguments[0] if arguments else "")
    except ValidationError as error:
        print(f"wf_debug.host: the argument is not a HostConfig in JSON: {error}", file=sys.stderr)
        return 2
    try:
        connection = Connection.open(config.address, config.token)
    except OSError as error:
        print(f"wf_debug.host: no session listens at {config.address}: {error}", file=sys.stderr)
        return 2
    return HostProcess(config, connection).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
