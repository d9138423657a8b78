"""The commands, their options and what each starts."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from wf_tui.cli.exits import CommandError, Exit
from wf_tui.cli.output import ReaderGone, die, put

_CANNOT_WRITE = (errno.ENOSPC, errno.EIO, errno.EBADF)
"""What writing the help may fail with."""
DEFAULT_COMMAND = "debug"
"""What `wf-tui FLOW.py` means."""

cli = typer.Typer(
    name="wf-tui",
    help="Run and debug an event-driven workflow in the terminal: `wf-tui FLOW.py`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _named_in_text(path: Path | None) -> Path | None:
    if path is not None:
        from wf_tui.cli.inputs import named_in_text

        named_in_text(path)
    return path


FlowArgument = Annotated[
    str, typer.Argument(metavar="FLOW.py[:Name]", help="The module, and which workflow in it.")
]
PythonOption = Annotated[
    Path | None,
    typer.Option(
        "--python",
        callback=_named_in_text,
        help="Interpreter that runs the flow (default: the project's own).",
    ),
]
JournalOption = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        callback=_named_in_text,
        metavar="FILE",
        help="Keep the run here, so that --resume can continue it.",
    ),
]
ResumeOption = Annotated[
    Path | None,
    typer.Option(
        "--resume", metavar="FILE", help="Continue the latest run kept here that did not come to its end."
    ),
]
EngineOption = Annotated[
    Literal["auto", "native", "llamaindex"],
    typer.Option(
        "--engine", help="What runs the flow; native also runs one that is written for LlamaIndex Workflows."
    ),
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option("-i", metavar="KEY=VALUE", help="A field of the start event; may be given again."),
]
InputOption = Annotated[
    str | None, typer.Option("--input", metavar="JSON", help="All fields of the start event.")
]
BreakOption = Annotated[
    list[str] | None,
    typer.Option(
        "--break",
        metavar="SPEC",
        help="EVENT[@STEP][:emit|deliver|after|publish|raise][ if CONDITION], or state.PATH[ if CONDITION]",
    ),
]
RulesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--rules", metavar="FILE", help="Interception rules: edit, drop, delay, raise ... by itself."
    ),
]
RecordOption = Annotated[
    Path | None,
    typer.Option("--record", callback=_named_in_text, metavar="FILE", help="Where the recording is kept."),
]

RespondOption = Annotated[
    list[str] | None,
    typer.Option("--respond", metavar="JSON", help="Answer to the next prompt; in order."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print every record as a line of JSON instead.")]
TimeoutOption = Annotated[
    float | None, typer.Option(min=0.001, metavar="SECONDS", help="Give up after this time.")
]


@cli.command(DEFAULT_COMMAND, help="Open the application on a flow (what `wf-tui FLOW.py` does).")
def debug(
    flow: FlowArgument,
    field: FieldOption = None,
    document: InputOption = None,
    breaks: BreakOption = None,
    rules: RulesOption = None,
    record: RecordOption = None,
    python: PythonOption = None,
    engine: EngineOption = "auto",
) -> None:
    _need_terminal(f"wf-tui run {flow}")
    from wf_tui.cli.interactive import debug_flow

    sys.exit(debug_flow(flow, field or [], document, breaks or [], rules or [], record, python, engine))


@cli.command(help="Run a flow without a screen: log to stderr, the result alone to stdout.")
def run(
    flow: FlowArgument,
    field: FieldOption = None,
    document: InputOption = None,
    breaks: BreakOption = None,
    rules: RulesOption = None,
    respond: RespondOption = None,
    as_json: JsonOption = False,
    record: RecordOption = None,
    timeout: TimeoutOption = None,
    python: PythonOption = None,
    engine: EngineOption = "auto",
    journal: JournalOption = None,
    resume: ResumeOption = None,
) -> None:
    from wf_tui.cli.headless import HeadlessRun, run_headless

    wanted = HeadlessRun(
        flow,
        tuple(field or ()),
        document,
        tuple(breaks or ()),
        tuple(rules or ()),
        tuple(respond or ()),
        as_json,
        record,
        timeout,
        python,
        engine,
        journal,
        resume,
    )
    sys.exit(run_headless(wanted))


@cli.command(
    "exec",
    help="Execute a script as __main__ and debug every workflow run that it starts.",
    context_settings={"allow_interspersed_args": False},
)
def exec_script(
    script: Annotated[str, typer.Argument(metavar="SCRIPT.py", help="The script.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGS]...", help="What the script finds in sys.argv.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Without the application; so it is without a terminal.")
    ] = False,
    breaks: BreakOption = None,
    rules: RulesOption = None,
    respond: RespondOption = None,
    as_json: JsonOption = False,
    record: RecordOption = None,
    timeout: TimeoutOption = None,
    python: PythonOption = None,
) -> None:
    words, points, files = tuple(arguments or ()), tuple(breaks or ()), tuple(rules or ())
    if headless or as_json or respond or timeout or not _in_terminal():
        from wf_tui.cli.executing import HeadlessScript, exec_headless

        wanted = HeadlessScript(
            script, words, points, files, tuple(respond or ()), as_json, record, timeout, python
        )
        sys.exit(exec_headless(wanted))
    from wf_tui.cli.interactive import debug_script

    sys.exit(debug_script(script, words, points, files, record, python))


@cli.command(help="Print the step graph.")
def graph(
    flow: FlowArgument,
    form: Annotated[Literal["text", "mermaid", "dot", "json", "svg"], typer.Option("--format")] = "text",
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with plain ASCII.")] = False,
    python: PythonOption = None,
    engine: EngineOption = "auto",
) -> None:
    from wf_tui.cli.inspecting import print_graph

    print_graph(flow, form, ascii_only, python, engine)


@cli.command(help="Load and validate a flow; each problem with file and line.")
def check(flow: FlowArgument, python: PythonOption = None, engine: EngineOption = "auto") -> None:
    from wf_tui.cli.inspecting import check_flow

    sys.exit(check_flow(flow, python, engine))


@cli.command("open", help="Open the recording of a past session.")
def open_recording(recording: Annotated[Path, typer.Argument(metavar="RECORDING")]) -> None:
    _need_terminal()
    from wf_tui.cli.interactive import open_past

    sys.exit(open_past(recording))


@cli.command(help="Print what was done to events by hand in a recorded session, as rules for `run --rules`.")
def rules(recording: Annotated[Path, typer.Argument(metavar="RECORDING")]) -> None:
    from wf_tui.cli.inspecting import print_rules

    print_rules(recording)


def run_command(arguments: list[str]) -> None:
    """Do what the command line says, and exit."""
    try:
        cli(_with_default(arguments), prog_name="wf-tui")
    except CommandError as error:
        sys.exit(die(error))
    except ReaderGone:
        sys.exit(int(Exit.DONE))
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        sys.exit(die(CommandError(f"cannot write to stdout: {error.strerror}", Exit.FAILED)))


def _with_default(arguments: list[str]) -> list[str]:
    """`wf-tui FLOW.py ...` is `wf-tui debug FLOW.py ...`."""
    if arguments[:1] == ["--version"]:
        from importlib.metadata import version

        put(f"wf-tui {version('wf-tui')}")
        sys.exit(0)
    names = {command.name or getattr(command.callback, "__name__", "") for command in cli.registered_commands}
    if not arguments or arguments[0] in {"--help", "-h"}:
        return ["--help"] if arguments == ["-h"] else arguments
    _need_directory()
    if arguments[0] in names:
        return arguments
    _refuse_unknown(arguments[0], names)
    return [DEFAULT_COMMAND, *arguments]


def _refuse_unknown(word: str, names: set[str]) -> None:
    """A word that names no file and cannot be meant as one."""
    if word.isidentifier() and not os.path.exists(word):
        from wf_debug.control.names import suggestion

        hint = f"{suggestion(word, names)}; a flow is given by its file: wf-tui FLOW.py"
        raise CommandError(f"there is no command and no file {word!r}", hint=hint)


def _need_directory() -> None:
    try:
        os.getcwd()
    except OSError:
        raise CommandError("the current directory is gone", hint="change to one that is there") from None


def _in_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _need_terminal(instead: str = "") -> None:
    if not _in_terminal():
        hint = f"`{instead}` works without one" if instead else "start it in a terminal"
        raise CommandError("the application needs a terminal, and this is none", hint=hint)
