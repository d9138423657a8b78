"""The live state is a fold over records that any thread may look at: steps, workers, holds, open
questions."""

from __future__ import annotations

from typing import Any

import pytest
from arbitrary import histories
from hypothesis import given, settings

from recordings import WALL, Tape, failed_run, held_run, prompt_run, research_graph, research_run
from wf_debug.trace import records as r
from wf_debug.trace.live import LiveState
from wf_debug.trace.records import Record


def folded(records: list[Record]) -> LiveState:
    live = LiveState(research_graph())
    live.apply_all(records)
    return live


def asked_without_graph(tape: Tape) -> LiveState:
    """The engine's own classes are known for what they are by their names."""
    live = LiveState()
    live.apply_all(tape.records)
    return live


def seen(live: LiveState) -> dict[str, Any]:
    """Everything a reader can see."""
    return {
        "runs": dict(live.runs),
        "steps": {run: dict(live.steps(run)) for run in live.runs},
        "edges": {run: dict(live.edge_counts(run)) for run in live.runs},
        "holds": dict(live.holds),
        "prompts": list(live.prompts),
        "paused": live.paused,
    }


@given(records=histories)
@settings(max_examples=40, deadline=None)
def test_looking_at_it_in_between_changes_nothing(records: list[Record]) -> None:
    watched = LiveState(research_graph())
    for record in records:
        watched.apply(record)
        seen(watched)
    assert seen(watched) == seen(folded(records))


@given(records=histories)
@settings(max_examples=25, deadline=None)
def test_a_snapshot_does_not_change_under_its_reader(records: list[Record]) -> None:
    live = folded(records[: len(records) // 2])
    before, copy = seen(live), repr(seen(live))
    live.apply_all(records[len(records) // 2 :])
    assert repr(before) == copy


@given(records=histories)
@settings(max_examples=25, deadline=None)
def test_nothing_is_under_way_in_a_run_that_is_over(records: list[Record]) -> None:
    live = folded([*records, r.RunCancelled(seq=10_000, run="r1"), r.RunFinished(
        seq=10_001, run="r2", result=r.Payload(type="x", preview="x"))])  # fmt: skip
    assert live.live_runs == []
    assert not live.holds
    assert not live.prompts
    for run in live.runs:
        assert all(
            not s.workers and not s.queued and not s.retrying and not s.held for s in live.steps(run).values()
        )


def test_a_finished_run_keeps_its_counts() -> None:
    live = folded(research_run().records)
    run = live.runs["run-1"]
    assert (run.status, run.workflow, run.t) == ("finished", "Research", 6.8)
    assert run.result == "StopEvent(result='a page about graph drawing')"
    steps = live.steps("run-1")
    assert {name: step.finished for name, step in steps.items()} == {
        "plan": 1, "search": 4, "rank": 1, "review": 1, "write": 1,
    }  # fmt: skip
    assert steps["plan"].emitted == 4
    assert steps["search"].error == "TimeoutError: search engine did not answer"


def test_workers_show_what_they_run_on_and_since_when() -> None:
    live = folded(held_run().records)
    search = live.steps("run-1")["search"]
    assert [(w.worker, w.status, w.event_type, w.event) for w in search.workers.values()] == [
        (0, "running", "Query", "Query(text='query 1')"),
        (1, "running", "Query", "Query(text='query 2')"),
    ]
    assert (search.queued, search.held, search.workers[0].since - WALL) == (
        1,
        1,
        pytest.approx(0.2, abs=1e-3),
    )
    assert live.paused
    (held,) = live.holds.values()
    assert (held.type, held.step, held.reason) == ("Query", "search", "breakpoint")


def test_a_held_invocation_sits_in_a_free_worker_until_it_starts() -> None:
    tape = Tape()
    query = tape.send("Query", "search", text="q")
    place = {"step": "search", "invocation": 1}
    body = r.Payload(type="Query", preview="Query(text='q')")
    tape.write(
        r.Held, hold=7, when="deliver", reason="pause", event=query, type="Query", payload=body, **place
    )
    held = folded(tape.records).steps("run-1")["search"].workers
    assert [(w.worker, w.status, w.event_type) for w in held.values()] == [(0, "held", "Query")]
    tape.write(r.Released, hold=7, action="accept", **place)
    tape.write(r.InvocationStarted, events=(query,), worker=3, **place)
    running = folded(tape.records).steps("run-1")["search"].workers
    assert [(w.worker, w.status) for w in running.values()] == [(3, "running")]


def test_retries_wait_outside_the_workers() -> None:
    tape = Tape()
    invocation = tape.begin("search", tape.send("Query", "search", text="q"))
    tape.raises(invocation, retry_in=5)
    step = folded(tape.records).steps("run-1")["search"]
    assert (step.retrying, step.workers, step.failed) == (1, {}, 0)
    tape.begin("search", invocation=invocation)
    step = folded(tape.records).steps("run-1")["search"]
    assert (step.retrying, step.workers[0].attempt) == (0, 1)


def test_observed_edges_name_where_events_came_from() -> None:
    live = folded(failed_run().records)
    assert live.observed_edges("run-1") == {("start", "StartEvent", "plan"), ("plan", "Query", "search")}
    assert live.edge_counts("run-1")["plan", "Query", "search"] == 2
    assert ("you", "Verdict", "review") in folded(research_run().records).observed_edges("run-1")


def test_a_pause_of_all_stops_every_clock_where_it_stood() -> None:
    """Its record belongs to no run; between two records the clocks of the runs went on."""
    tape = Tape()
    tape.begin("search", tape.send("Ranked", "search", best="x"))
    began = tape.t
    for kind, wall in ((r.ClockPaused, 5.0), (r.ClockResumed, 60.0)):
        tape.write(kind, run="", t=0.0, wall=WALL + began + wall)
        run = folded(tape.records).runs["run-1"]
        assert (run.t, run.wall) == (pytest.approx(began + 5.0), WALL + began + wall)


# -- questions
def test_a_step_that_asks_and_waits_is_one_question() -> None:
    (prompt,) = folded(prompt_run().records).prompts
    assert (prompt.text, prompt.answer_type, prompt.step) == ("Good enough?", "Verdict", "review")
    assert prompt.requirements == {"user": "ada"}
    assert prompt.asked is not None
    assert prompt.waiting


def test_a_question_that_comes_after_the_wait_is_the_same_one() -> None:
    tape = Tape()
    invocation = tape.begin("review", tape.send("Ranked", "review", best="x"))
    tape.wait(invocation, "Verdict")
    (before,) = folded(tape.records).prompts
    tape.publish("Question", source=invocation, prefix="Sure?")
    (after,) = folded(tape.records).prompts
    assert (before.id, before.text) == (after.id, "review waits for Verdict")
    assert after.text == "Sure?"


def test_a_question_is_early_until_the_step_that_asks_waits_for_the_answer() -> None:
    tape = Tape()
    invocation = tape.begin("search", tape.send("Ranked", "search", best="x"))
    tape.publish("InputRequiredEvent", source=invocation, prefix="Sure?")
    (prompt,) = asked_without_graph(tape).prompts
    assert prompt.early
    tape.wait(invocation, "HumanResponseEvent")
    (prompt,) = asked_without_graph(tape).prompts
    assert (prompt.early, prompt.waiting) == (False, True)


def test_a_question_that_a_step_repeats_on_its_way_to_where_it_waited_is_not_asked_again() -> None:
    tape = Tape()
    invocation = tape.begin("search", tape.send("Ranked", "search", best="x"))
    for _ in range(2):
        tape.publish("InputRequiredEvent", source=invocation, prefix="Sure?")
        tape.wait(invocation, "HumanResponseEvent")
        (prompt,) = asked_without_graph(tape).prompts
        assert prompt.text == "Sure?"
        tape.resume(invocation)
    tape.publish("InputRequiredEvent", source=invocation, prefix="Sure?")
    assert asked_without_graph(tape).prompts == []


def test_a_published_question_is_closed_by_an_answer_from_outside() -> None:
    tape = Tape()
    first = tape.begin("review", tape.send("Ranked", "review", best="x"))
    tape.publish("Question", source=first, prefix="One?")
    tape.publish("Question", source=first, prefix="Two?")
    tape.end(first)
    assert [p.text for p in folded(tape.records).prompts] == ["One?", "Two?"]
    tape.send("Verdict", "write", response="yes")
    assert [p.text for p in folded(tape.records).prompts] == ["Two?"]


@pytest.mark.parametrize("how", ["resumed", "routed", "cancelled", "run over"])
def test_a_waiting_question_is_closed_when_its_step_goes_on_or_ends(how: str) -> None:
    tape = prompt_run()
    waiting = next(x for x in tape.records if isinstance(x, r.InvocationWaiting)).invocation
    assert waiting is not None
    if how == "resumed":
        tape.resume(waiting)
    elif how == "routed":
        tape.route(tape.emit("Verdict", response="x"), waiters=[waiting])
    elif how == "cancelled":
        tape.cut(waiting)
    else:
        tape.fail()
    assert folded(tape.records).prompts == []


def test_the_classes_of_the_library_itself_are_questions_without_a_graph() -> None:
    tape = Tape()
    tape.publish("InputRequiredEvent", prefix="Name?")
    live = LiveState()
    live.apply_all(tape.records)
    assert [(p.text, p.answer_type) for p in live.prompts] == [("Name?", "HumanResponseEvent")]


def test_a_step_under_which_its_process_died_failed() -> None:
    tape = Tape()
    event = tape.emit("StartEvent", by="start")
    tape.route(event, "plan")
    culprit = tape.begin("plan", event)
    tape.fail(r.ErrorInfo(type="HostDied", message="killed"), culprit)
    plan = folded(tape.records).steps("run-1")["plan"]
    assert (plan.failed, plan.last, plan.error) == (1, culprit, "HostDied: killed")


def test_a_failure_is_counted_once() -> None:
    search = folded(failed_run().records).steps("run-1")["search"]
    assert search.failed == 1
    assert search.last is not None
