"""`wf-tui exec --headless`: a script without a screen. Its output is its own, the story of its runs goes to
stderr."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wf_debug.session import FlowSpec, Session, SessionError, SessionSettings
from wf_debug.trace.records import Held, Log, Record, ScriptEnded, record_adapter
from wf_tui.cli.exits import CommandError, Exit
from wf_tui.cli.headless import PROMPTING, fields_for, held_error
from wf_tui.cli.inputs import breakpoints_of, named_in_text
from wf_tui.cli.narration import narrate
from wf_tui.cli.output import put, say
from wf_tui.cli.underway import under_way


@dataclass(frozen=True, slots=True)
class HeadlessScript:
    """What the command line asked for."""

    path: str
    arguments: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    rules: tuple[Path, ...] = ()
    answers: tuple[str, ...] = ()
    as_json: bool = False
    record: Path | None = None
    timeout: float | None = None
    python: Path | None = None


def script_spec(path: str, arguments: tuple[str, ...]) -> FlowSpec:
    """The script as the command line names it."""
    return FlowSpec(path=named_in_text(Path(path)), argv=(path, *arguments))


def exec_headless(wanted: HeadlessScript) -> int:
    """Execute to the end; the script's exit code.

    Raises:
        CommandError: when it can't be executed, or nobody is there to go on.
    """
    return asyncio.run(_exec(wanted))


async def _exec(wanted: HeadlessScript) -> int:
    breakpoints = breakpoints_of(wanted.breaks, wanted.rules)
    settings = SessionSettings(
        python=wanted.python, recording=wanted.record, watch=False, remember_breakpoints=False
    )
    meanwhile = "the host was starting"
    try:
        async with asyncio.timeout(wanted.timeout) as limit:
            session = await Session.open(script_spec(wanted.path, wanted.arguments), settings)
            try:
                await session.set_breakpoints(breakpoints)
                await session.execute()
                code = await _Watch(session, wanted).to_the_end()
                _say_unmatched(session)
                return code
            finally:
                if limit.expired():
                    meanwhile = await under_way(session)
                await session.close()
    except SessionError as error:
        raise CommandError.of(error.error) from None
    except TimeoutError:
        text = f"gave up after {wanted.timeout:g} s (--timeout) while {meanwhile}"
        raise CommandError(text, Exit.TIMED_OUT) from None


class _Watch:
    """Tells every record until the script's end, or until somebody would have to act."""

    def __init__(self, session: Session, wanted: HeadlessScript) -> None:
        self._session, self._wanted = session, wanted
        self._answers = deque(wanted.answers)
        self._asked: set[int] = set()

    async def to_the_end(self) -> int:
        async for record in self._session.stream():
            _tell(record, self._wanted.as_json)
            if isinstance(record, ScriptEnded):
                return _code_of(record)
            if isinstance(record, Held):
                error = held_error(record, self._session)
                error.hint = "the same command without --headless, in a terminal, lets you go on by hand"
                raise error
            if self._answers and record.kind in PROMPTING:
                await self._answer_prompts()
        raise CommandError(f"{self._session.status.message} before the script did", Exit.FAILED)

    async def _answer_prompts(self) -> None:
        """In order. Without answers of ours the script answers them itself."""
        for prompt in self._session.live.prompts:
            if prompt.id not in self._asked and self._answers and not prompt.early:
                self._asked.add(prompt.id)
                with suppress(SessionError):  # the script was faster
                    await self._session.answer(
                        prompt, fields_for(self._session, prompt, self._answers.popleft())
                    )


def _tell(record: Record, as_json: bool) -> None:
    if as_json:
        put(record_adapter.dump_json(record).decode())
    elif isinstance(record, Log) and record.source == "stdout":
        put(record.text)
    elif isinstance(record, Log) and record.source == "stderr" and not record.step:
        print(record.text, file=sys.stderr, flush=True)
    elif line := narrate(record):
        say(line)


def _code_of(end: ScriptEnded) -> int:
    if end.error is not None:
        say(end.error.traceback.rstrip())
    return end.code


def _say_unmatched(session: Session) -> None:
    """A breakpoint that named nothing in any workflow that ran."""
    for point in session.breakpoints:
        if point.verified is False:
            why = point.why if session.seen else "the script ran no workflow"
            say(f"wf-tui: {point.rules or '--break'}: {point.describe()} never counted: {why}")
