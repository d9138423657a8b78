"""`wf-tui run`: one run without a screen, for scripts and CI."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from wf_debug.session import Change, Session, SessionError, SessionSettings
from wf_debug.session.settings import Engine
from wf_debug.trace.live import Prompt
from wf_debug.trace.records import (
    Held,
    Payload,
    Record,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunStuck,
    RunTimedOut,
    record_adapter,
)
from wf_debug.wire import WorkflowInfo
from wf_tui.cli.exits import CommandError, Exit
from wf_tui.cli.inputs import answer_fields, breakpoints_of, input_hint, start_fields, undeclared
from wf_tui.cli.narration import narrate
from wf_tui.cli.opening import arm, chosen_workflow, open_session
from wf_tui.cli.output import put, say
from wf_tui.cli.underway import under_way


@dataclass(frozen=True, slots=True)
class HeadlessRun:
    """What the command line asked for."""

    flow: str
    fields: tuple[str, ...] = ()
    document: str | None = None
    breaks: tuple[str, ...] = ()
    rules: tuple[Path, ...] = ()
    answers: tuple[str, ...] = ()
    as_json: bool = False
    record: Path | None = None
    timeout: float | None = None
    python: Path | None = None
    engine: Engine = "auto"
    journal: Path | None = None
    resume: Path | None = None


def run_headless(wanted: HeadlessRun) -> int:
    """Run to the end and return the exit code.

    Raises:
        CommandError: for what is wrong before the run starts, or when nobody is there to go on.
    """
    return int(asyncio.run(_run(wanted)))


async def _run(wanted: HeadlessRun) -> Exit:
    breakpoints = breakpoints_of(wanted.breaks, wanted.rules)
    meanwhile = "the flow was loading"
    try:
        async with asyncio.timeout(wanted.timeout) as limit:
            settings = SessionSettings(
                python=wanted.python,
                engine=wanted.engine,
                recording=wanted.record,
                watch=False,
                remember_breakpoints=False,
            )
            session = await open_session(wanted.flow, settings)
            say_trouble(session)
            try:
                workflow = chosen_workflow(session)
                await arm(session, breakpoints)
                return await _watch(session, await _start(session, workflow, wanted), wanted)
            finally:
                if limit.expired():
                    meanwhile = await under_way(session)
                await session.close()
    except TimeoutError:
        text = f"gave up after {wanted.timeout:g} s (--timeout) while {meanwhile}"
        raise CommandError(text, Exit.TIMED_OUT) from None


async def _start(session: Session, workflow: WorkflowInfo, wanted: HeadlessRun) -> str:
    start = workflow.graph.start_event()
    try:
        if wanted.resume is not None:
            return await session.resume_journal(_existing(wanted))
        fields = start_fields(wanted.fields, wanted.document, start)
        for remark in undeclared(fields, start):
            say(f"wf-tui: {remark}")
        return await session.start_run(fields, wanted.journal)
    except SessionError as error:
        failed = CommandError.of(error.error)
        if error.error.code == "invalid_input" and error.error.fields:
            failed.hint = failed.hint or input_hint(start)
        raise failed from None


def _existing(wanted: HeadlessRun) -> Path:
    """The journal to resume from, if that is all that was asked for."""
    assert wanted.resume is not None
    if wanted.fields or wanted.document or wanted.journal:
        raise CommandError("--resume continues a run; it takes no -i, --input or --journal")
    if not os.path.exists(wanted.resume):
        raise CommandError(f"no journal at {wanted.resume}", hint="`--journal FILE` keeps a run")
    return wanted.resume


async def _watch(session: Session, run: str, wanted: HeadlessRun) -> Exit:
    """Tell every record until the run's own end, or until somebody would have to act."""
    answers, asked = deque(wanted.answers), set[int]()
    async for record in session.stream():
        tell(record, wanted.as_json)
        if record.run == run and (end := _end_of(record, wanted.as_json)) is not None:
            if answers:
                say(f"wf-tui: nobody asked for the last {len(answers)} of {len(wanted.answers)} answers")
            return end
        if isinstance(record, Held):
            raise held_error(record, session)
        if record.kind in PROMPTING:
            await answer_prompts(session, answers, asked)
    raise CommandError("the host closed the connection before the run ended", Exit.FAILED)


def say_trouble(session: Session) -> None:
    """From now on, say what keeps a session that is ready from going on, as a full disk does."""
    said = [""]

    def look(_: Change) -> None:
        status = session.status
        if status.message != said[0]:
            said[0] = status.message
            if status.state == "ready" and status.message:
                say(f"wf-tui: {status.message}")

    session.on_change.append(look)


def tell(record: Record, as_json: bool) -> None:
    """One record: as JSON to stdout, or in words to stderr."""
    if as_json:
        put(record_adapter.dump_json(record).decode())
    elif line := narrate(record):
        say(line)


def _end_of(record: Record, as_json: bool) -> Exit | None:
    match record:
        case RunFinished():
            if not as_json:
                put(result_text(record.result))
            return Exit.DONE
        case RunFailed():
            say(f"wf-tui: {_failure(record)}")
            return Exit.FAILED
        case RunTimedOut():
            active = ", ".join(record.active) or "none"
            say(f"wf-tui: the workflow timed out after {record.timeout:g} s; active steps: {active}")
            return Exit.TIMED_OUT
        case RunCancelled():
            say("wf-tui: the run was cancelled")
            return Exit.FAILED
        case RunStuck():
            say(f"wf-tui: the run is stuck: {record.why}")
            return Exit.FAILED
        case _:
            return None


def _failure(record: RunFailed) -> str:
    step = f"step {record.step} failed: " if record.step else "the run failed: "
    place = f" at {record.error.where}" if record.error.where else ""
    trace = f"\n{record.error.traceback.rstrip()}" if record.error.traceback else ""
    return f"{step}{record.error}{place}{trace}"


def held_error(record: Held, session: Session) -> CommandError:
    """Nobody is there to go on."""
    point = next((b.describe() for b in session.breakpoints if b.id == record.breakpoint), "")
    step = f" before step {record.step}" if record.when == "deliver" and record.step else f" ({record.when})"
    what = f"{record.type}{step}: {record.payload.preview}"
    text = f"held at {record.t:.3f} s by breakpoint {record.breakpoint} [{point}]: {what}"
    return CommandError(text, Exit.STOPPED, hint="open the same flow with `wf-tui` to go on by hand")


PROMPTING = frozenset({"published", "invocation_waiting", "invocation_finished"})
"""Records that may leave a question to be answered."""


async def answer_prompts(session: Session, answers: deque[str], asked: set[int]) -> None:
    for prompt in session.live.prompts:
        if prompt.id in asked or prompt.early:
            continue
        asked.add(prompt.id)
        if not answers:
            raise CommandError(
                f"the run asks: {prompt.text!r} and waits for {prompt.answer_type}",
                Exit.STOPPED,
                hint="--respond 'text' or --respond '{\"field\": \"value\"}', once for each prompt, in order",
            )
        await _answer(session, prompt, answers.popleft())


async def _answer(session: Session, prompt: Prompt, text: str) -> None:
    try:
        taken = await session.answer(prompt, fields_for(session, prompt, text))
    except SessionError as error:
        if error.error.code == "unknown_run":
            return  # it ended meanwhile, and how is told
        raise CommandError.of(error.error) from None
    if not taken.accepted_by and any(open_.id == prompt.id for open_ in session.live.prompts):
        fixed = ", ".join(f"{name}={value!r}" for name, value in prompt.requirements.items())
        wanted = f"{prompt.answer_type} with {fixed}" if fixed else prompt.answer_type
        raise CommandError(f"nobody took the answer {text!r}: {prompt.text!r} waits for {wanted}")


def fields_for(session: Session, prompt: Prompt, text: str) -> dict[str, object]:
    """The fields of the event that answers: what the question fixes, and what was said."""
    graph = session.graph_in(prompt.run)
    given = answer_fields(text, graph.event(prompt.answer_type) if graph else None, prompt.requirements)
    return {**prompt.requirements, **given}


def result_text(result: Payload) -> str:
    """The result as JSON where it has that form, however large; else its repr."""
    if result.handle is not None and Path(result.handle).exists():
        return Path(result.handle).read_text(encoding="utf-8")
    if result.data is None and result.type != "NoneType":
        return result.preview
    return json.dumps(result.data, ensure_ascii=getattr(sys.stdout, "encoding", "").lower() != "utf-8")
