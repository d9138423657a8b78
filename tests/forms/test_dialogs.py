"""The dialogs at the keyboard, against a real session with a real host process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Select, Static

from wf_debug.control.breakpoints import Breakpoint
from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.session import FlowSpec, ReloadReport, Session, SessionSettings
from wf_debug.wire import Problem, WorkflowInfo
from wf_tui.forms.row import FieldRow
from wf_tui.forms.row import Problem as Complaint
from wf_tui.screens.breakpoint_dialog import BreakpointDialog
from wf_tui.screens.confirm import ConfirmDialog
from wf_tui.screens.dialog import Dialog
from wf_tui.screens.edit import EditDialog
from wf_tui.screens.form_dialog import FormDialog
from wf_tui.screens.inject import InjectDialog
from wf_tui.screens.loss import LossDialog
from wf_tui.screens.picker import WorkflowPicker
from wf_tui.screens.prompt import PromptDialog
from wf_tui.screens.start import StartDialog

pytestmark = pytest.mark.asyncio(loop_scope="module")
FLOW = Path(__file__).parent / "questions.py"
PENDING = object()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def session(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    recording = tmp_path_factory.mktemp("session") / "questions.wfrec"
    opened = await Session.open(
        FlowSpec(FLOW, "Questions"),
        SessionSettings(recording=recording, remember_breakpoints=False, watch=False),
    )
    yield opened
    await opened.close()


class Harness(App[None]):
    answer: Any = PENDING

    def ask(self, dialog: ModalScreen[Any]) -> None:
        def answered(answer: Any) -> None:
            self.answer = answer

        self.push_screen(dialog, answered)


@asynccontextmanager
async def shown(dialog: ModalScreen[Any], size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    app = Harness()
    async with app.run_test(size=size) as pilot:
        app.ask(dialog)
        await pilot.pause()
        yield pilot


async def until(pilot: Pilot[None], done: Callable[[], bool]) -> None:
    """Let the application run until it is so; the test's timeout is the limit."""
    while not done():
        await pilot.pause()
        await asyncio.sleep(0.01)


def answer(pilot: Pilot[None]) -> Any:
    assert isinstance(pilot.app, Harness)
    return pilot.app.answer


def closed(pilot: Pilot[None]) -> Callable[[], bool]:
    return lambda: answer(pilot) is not PENDING


def trouble(dialog: Dialog[Any]) -> str:
    """All complaints in sight, one a line."""
    shown = [c for c in dialog.query(Complaint) if c.has_class("-shown")]
    return "\n".join(str(c.content) for c in shown)


def texts(dialog: Dialog[Any]) -> dict[str, str]:
    return {row.spec.name: row.text for row in dialog.query(FieldRow)}


async def fill(pilot: Pilot[None], dialog: Dialog[Any], name: str, text: str) -> None:
    row = next(row for row in dialog.query(FieldRow) if row.spec.name == name)
    if isinstance(row.box, Select):
        row.box.value = text  # chosen by the person: told to the dialog, other than a prefilled text
    else:
        row.text = text
    await pilot.pause()


def title(dialog: Dialog[Any]) -> str:
    return str(dialog.query_one("#frame").border_title)


# -- start
async def test_start_gives_the_fields_that_the_host_found_right(session: Session) -> None:
    async with shown(dialog := StartDialog(session)) as pilot:
        assert title(dialog) == "Run Questions"
        await pilot.press("r", "ctrl+s")
        await until(pilot, closed(pilot))
        assert answer(pilot) == {"query": "r"}


async def test_start_shows_what_the_host_refuses_and_keeps_it(session: Session) -> None:
    async with shown(dialog := StartDialog(session)) as pilot:
        await pilot.press("r", "!", "ctrl+s")
        await until(pilot, lambda: bool(trouble(dialog)))
        assert "no shouting" in trouble(dialog)
        assert texts(dialog)["query"] == "r!"
        await pilot.press("escape")
        assert answer(pilot) is None
    async with shown(dialog := StartDialog(session)) as pilot:
        assert texts(dialog)["query"] == "r!", "what was typed comes back"
        await pilot.press("backspace", "ctrl+s")
        await until(pilot, closed(pilot))
    async with shown(dialog := StartDialog(session)):
        assert texts(dialog)["query"] != "r!", "what was sent does not"


async def test_start_begins_with_the_last_input(session: Session) -> None:
    run = await session.start_run({"query": "rain", "mode": "slow"})
    await session.wait_run_end(run)
    async with shown(dialog := StartDialog(session)):
        assert texts(dialog) == {"query": "rain", "top_k": "", "mode": '"slow"'}


# -- inject
async def test_inject_lists_the_event_types_and_who_takes_them(session: Session) -> None:
    async with shown(dialog := InjectDialog(session)) as pilot:
        options = dialog.query_one(OptionList)
        rows = {o.id: str(o.prompt) for o in options.options}
        assert "→ conclude" in rows["Found"]
        assert "conclude (waiting)" in rows["Reply"]
        await pilot.press(*"fou")
        assert [o.id for o in options.options] == ["Found"]
        await pilot.press("enter")
        await until(pilot, lambda: dialog.form is not None)
        assert title(dialog) == "Inject Found"
        await pilot.press("escape")
        await until(pilot, lambda: dialog.form is None)
        assert answer(pilot) is PENDING


async def test_injecting_into_a_run_says_who_accepted(session: Session) -> None:
    run = await session.start_run({"query": "ask"})
    await session.wait_for(lambda _: bool(session.live.prompts), 30)
    async with shown(dialog := InjectDialog(session, "Found")) as pilot:
        await fill(pilot, dialog, "text", "sun")
        await pilot.press("ctrl+s")
        await until(pilot, closed(pilot))
        assert any("conclude" in n.message for n in pilot.app._notifications)
    await session.wait_run_end(run)
    assert session.live.runs[run].status == "finished"


async def test_an_event_that_nobody_takes_leaves_the_dialog_open(session: Session) -> None:
    await session.pause()
    run = await session.start_run({"query": "rain"})
    async with shown(dialog := InjectDialog(session, "Reply")) as pilot:
        await fill(pilot, dialog, "answer", "yes")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(trouble(dialog)))
        assert "nobody takes it" in trouble(dialog)
        assert texts(dialog)["answer"] == "yes"
    await session.resume()
    await session.wait_run_end(run)


async def test_injecting_without_a_run_is_explained_and_keeps_what_was_typed(session: Session) -> None:
    async with shown(dialog := InjectDialog(session, "Found")) as pilot:
        await fill(pilot, dialog, "text", "sun")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(trouble(dialog)))
        assert texts(dialog)["text"] == "sun"
        assert answer(pilot) is PENDING


# -- held events
@asynccontextmanager
async def held(session: Session, query: str = "rain") -> AsyncIterator[str]:
    """A run whose Found is held."""
    await session.set_breakpoints([Breakpoint(id=1, event="Found")])
    run = await session.start_run({"query": query})
    await session.wait_for(lambda _: bool(session.live.holds), 30)
    try:
        yield run
    finally:
        await session.set_breakpoints([])
        await session.resume()
        if session.live.runs[run].status == "running":
            await session.cancel(run)


async def test_an_edited_event_goes_on_with_its_new_fields(session: Session) -> None:
    async with held(session) as run:
        hold = next(iter(session.live.holds.values()))
        async with shown(dialog := EditDialog(session, hold)) as pilot:
            assert texts(dialog) == {"text": "rain", "score": "0.5"}
            await fill(pilot, dialog, "text", "sun")
            await fill(pilot, dialog, "score", "much")
            await pilot.press("ctrl+s")
            assert "must be a number" in trouble(dialog)
            await fill(pilot, dialog, "score", "0.9")
            await pilot.press("ctrl+s")
            await until(pilot, closed(pilot))
        await session.wait_run_end(run)
        assert "sun 0.9" in str(session.live.runs[run])


@pytest.mark.parametrize("decision", ["accept", "drop", "duplicate"])
async def test_a_held_event_is_decided_over_without_a_change(session: Session, decision: str) -> None:
    async with held(session):
        hold = next(iter(session.live.holds.values()))
        async with shown(dialog := EditDialog(session, hold)) as pilot:
            dialog.query_one(f"#{decision}", Button).press()
            await until(pilot, closed(pilot))
        await session.wait_for(lambda _: hold.hold not in session.live.holds, 30)
        released = [r for r in session.recording.records() if r.kind == "released" and r.hold == hold.hold]
        assert [r.action for r in released] == [decision]


async def test_an_event_no_longer_held_is_explained_and_nothing_is_lost(session: Session) -> None:
    async with held(session):
        hold = next(iter(session.live.holds.values()))
        async with shown(dialog := EditDialog(session, hold)) as pilot:
            await session.release(hold.hold, "drop")
            await fill(pilot, dialog, "text", "sun")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: bool(trouble(dialog)))
            assert texts(dialog)["text"] == "sun"


# -- questions
async def test_a_question_is_answered_and_the_next_one_follows(session: Session) -> None:
    runs = [await session.start_run({"query": f"ask {n}"}) for n in (1, 2)]
    await session.wait_for(lambda _: len(session.live.prompts) == 2, 30)
    async with shown(dialog := PromptDialog(session, session.live.prompts[0])) as pilot:
        assert title(dialog) == "conclude asks · 2 questions open"
        assert str(dialog.query_one("#text", Static).content) == "Which one?"
        assert texts(dialog) == {"answer": ""}, "requirements are sent, not shown"
        await pilot.press("l", "ctrl+s")
        await until(pilot, lambda: dialog._prompt.run == runs[1])
        await until(pilot, lambda: texts(dialog) == {"answer": ""})
        await pilot.press("r", "ctrl+s")
        await until(pilot, closed(pilot))
    for run, said in zip(runs, ("ask 1 l", "ask 2 r"), strict=True):
        await session.wait_run_end(run)
        assert said in str(session.live.runs[run])


async def test_a_question_put_off_keeps_its_half_answer(session: Session) -> None:
    run = await session.start_run({"query": "ask"})
    await session.wait_for(lambda _: bool(session.live.prompts), 30)
    prompt = session.live.prompts[0]
    async with shown(PromptDialog(session, prompt)) as pilot:
        await pilot.press("m", "escape")
        assert answer(pilot) is None
    async with shown(dialog := PromptDialog(session, prompt)):
        assert texts(dialog) == {"answer": "m"}
    await session.cancel(run)


# -- breakpoints
async def test_a_breakpoint_is_set_with_all_its_parts(session: Session) -> None:
    await session.set_breakpoints([])
    async with shown(dialog := BreakpointDialog(session, event="Found"), (80, 40)) as pilot:
        await fill(pilot, dialog, "condition", "ev.score > 3")
        await fill(pilot, dialog, "hits", "2")
        await fill(pilot, dialog, "moment", '"after the step"')
        await fill(pilot, dialog, "step", '"conclude"')
        await pilot.press("ctrl+s")
        await until(pilot, closed(pilot))
    (made,) = session.breakpoints
    assert (made.event, made.step, made.when) == ("Found", "conclude", "after")
    assert (made.condition, made.hits, made.action) == ("ev.score > 3", 2, "hold")
    async with shown(dialog := BreakpointDialog(session, made), (80, 40)) as pilot:
        dialog.query_one("#remove", Button).press()
        await until(pilot, closed(pilot))
    assert list(session.breakpoints) == []


async def test_a_breakpoint_that_cannot_match_says_why_and_stays_open(session: Session) -> None:
    async with shown(dialog := BreakpointDialog(session, event="Found")) as pilot:
        await fill(pilot, dialog, "condition", "ev.score >")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(trouble(dialog)))
        assert "cannot match" in trouble(dialog)
        await fill(pilot, dialog, "condition", "ev.score > 1")
        await pilot.press("ctrl+s")
        await until(pilot, closed(pilot))
    assert [b.condition for b in session.breakpoints] == ["ev.score > 1"]
    await session.set_breakpoints([])


async def test_the_log_message_shows_only_for_a_logging_breakpoint(session: Session) -> None:
    async with shown(dialog := BreakpointDialog(session, event="Found"), (80, 40)) as pilot:
        log = dialog.query_one("#log")
        assert not log.display
        dialog.query_one("#action Select", Select).value = '"log a message and go on"'
        await until(pilot, lambda: bool(log.display))


@pytest.mark.parametrize(
    ("action", "field", "text", "expected"),
    [
        ("edit it by itself", "edit", '{"score": 0.5}', {"action": "edit", "edit": '{"score": 0.5}'}),
        ("let it wait", "delay", "2.5", {"action": "delay", "delay": 2.5}),
        ("have the step fail", "error", "OSError: no", {"action": "raise", "error": "OSError: no"}),
    ],
)
async def test_a_rule_is_asked_for_what_its_action_needs(
    session: Session, action: str, field: str, text: str, expected: dict[str, Any]
) -> None:
    await session.set_breakpoints([])
    async with shown(dialog := BreakpointDialog(session, step="conclude"), (80, 40)) as pilot:
        await fill(pilot, dialog, "action", f'"{action}"')
        row = dialog.query_one(f"#{field}", FieldRow)
        await until(pilot, lambda: bool(row.display))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "needed" in str(row.query_one(Complaint).content))
        await fill(pilot, dialog, field, text)
        await pilot.press("ctrl+s")
        await until(pilot, closed(pilot))
    (made,) = session.breakpoints
    assert made.model_dump(include=set(expected)) == expected
    assert made.verified
    await session.set_breakpoints([])


async def test_a_breakpoint_on_the_state_has_a_key_in_place_of_a_moment(session: Session) -> None:
    async with shown(dialog := BreakpointDialog(session, event="Found"), (80, 40)) as pilot:
        await fill(pilot, dialog, "event", '"(a change of the state)"')
        await until(pilot, lambda: bool(dialog.query_one("#state").display))
        assert not dialog.query_one("#moment").display
        await fill(pilot, dialog, "state", "draft.title")
        await pilot.press("ctrl+s")
        await until(pilot, closed(pilot))
    (made,) = session.breakpoints
    assert (made.state, made.event) == ("draft.title", None)
    await session.set_breakpoints([])


# -- questions of the program itself
@pytest.mark.parametrize(("key", "expected"), [("y", True), ("enter", True), ("n", False), ("escape", False)])
async def test_a_question_with_two_answers(key: str, expected: bool) -> None:
    async with shown(ConfirmDialog("Cancel this run?", "It stays recorded.", "Cancel run")) as pilot:
        await pilot.press(key)
        await until(pilot, closed(pilot))
        assert answer(pilot) is expected


async def test_the_loss_of_a_reload_is_listed() -> None:
    report = ReloadReport(outcome="ask", lost=["2 events queued for step rank, which is gone"])
    async with shown(dialog := LossDialog(report)) as pilot:
        listed = [str(s.content) for s in dialog.query("#lost > Static").results(Static)]
        assert listed == ["⊘ 2 events queued for step rank, which is gone"]
        await pilot.press("escape")
        await until(pilot, closed(pilot))
        assert answer(pilot) is False


async def test_the_picker_tells_name_purpose_place_and_problems() -> None:
    good = WorkflowInfo(name="Good", engine="native", graph=FlowGraph(name="Good", doc="Does it.\n\nWell."))
    bad = WorkflowInfo(
        name="Bad",
        engine="native",
        source=SourceRef(file="/a/flow.py", line=3),
        graph=FlowGraph(name="Bad"),
        problems=[Problem(message="no step stops", where=SourceRef(file="/a/flow.py", line=9))],
    )
    async with shown(dialog := WorkflowPicker([good, bad])) as pilot:
        rows = [str(o.prompt) for o in dialog.query_one(OptionList).options]
        assert rows == ["Good\n  Does it.", "Bad  flow.py:3\n  ✗ no step stops  flow.py:9"]
        await pilot.press("down", "enter")
        await until(pilot, closed(pilot))
        assert answer(pilot) == "Bad"


# -- small terminals
async def test_the_buttons_and_the_field_in_use_are_in_sight_on_a_tiny_screen(session: Session) -> None:
    dialogs: list[Dialog[Any]] = [StartDialog(session), BreakpointDialog(session)]
    for dialog in dialogs:
        async with shown(dialog, (40, 10)) as pilot:
            for _ in range(2):
                await pilot.press("tab")
                assert dialog.focused is not None
                seen = dialog.find_widget(dialog.focused).visible_region
                assert seen.height >= 1, f"{dialog.focused} in {dialog}"
            submit = dialog.find_widget(dialog.query_one("#submit")).visible_region
            assert submit.area > 0
            assert dialog.region.contains_region(submit)


async def test_a_host_that_does_not_answer_leaves_the_dialog_alive(session: Session) -> None:
    async with shown(dialog := StartDialog(session)) as pilot:
        os.kill(session.hello.pid, signal.SIGSTOP)
        try:
            await pilot.press("r", "ctrl+s", "ctrl+s")
            frame = dialog.query_one("#frame")
            await until(pilot, lambda: "asking the host" in str(frame.border_subtitle))
            await pilot.press("escape")
            await until(pilot, closed(pilot))
            assert answer(pilot) is None
        finally:
            os.kill(session.hello.pid, signal.SIGCONT)
    async with shown(dialog := StartDialog(session)):
        assert texts(dialog)["query"].endswith("r")


async def test_a_form_without_its_host_keeps_what_was_typed(session: Session) -> None:
    lonely = await Session.open(
        FlowSpec(FLOW, "Questions"), SessionSettings(keep=False, remember_breakpoints=False, watch=False)
    )
    await lonely.close()
    dialog: FormDialog[Any] = StartDialog(lonely)
    async with shown(dialog) as pilot:
        await pilot.press("r", "ctrl+s")
        await until(pilot, lambda: bool(trouble(dialog)))
        assert texts(dialog)["query"] == "r"
        assert answer(pilot) is PENDING
