"""The recording keeps every record whole, and answers with windows of rows that equal a plain scan of all
rows."""

from __future__ import annotations

import resource
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from arbitrary import batched, steps, types
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings import (
    Tape,
    crashed_run,
    failed_run,
    held_run,
    long_run,
    make_recording,
    prompt_run,
    recording_meta,
    research_run,
    session_tape,
)
from wf_debug.trace import records as r
from wf_debug.trace.recording import Recording, RecordingError
from wf_debug.trace.records import Record
from wf_debug.trace.rows import ALL, ALL_LOGS, LogFilter, LogRow, TimelineFilter, TimelineRow


@contextmanager
def recorded(batches: list[list[Record]]) -> Iterator[Recording]:
    with tempfile.TemporaryDirectory() as directory:
        recording = Recording.create(Path(directory) / "a.wfrec", recording_meta())
        try:
            for batch in batches:
                recording.append(batch)
            yield recording
        finally:
            recording.close()


def rows_of(recording: Recording) -> list[TimelineRow]:
    return recording.timeline(ALL, 0, recording.timeline_count())


def matches(row: TimelineRow, wanted: TimelineFilter) -> bool:
    """The filter, said in the plainest way."""
    haystack = " ".join((row.type, row.preview, row.producer, *row.consumers)).lower()
    return (
        (wanted.run is None or row.run == wanted.run)
        and (wanted.type is None or row.type == wanted.type)
        and (wanted.step is None or wanted.step in (row.producer, *row.consumers))
        and all(word.lower() in haystack for word in wanted.text.split())
    )


filters = st.builds(
    TimelineFilter,
    text=st.sampled_from(["", "%", "_", "fetch_all", "50%", "\\", "FETCH", "r", "query of"]),
    run=st.none() | st.just("r1"),
    step=st.none() | steps,
    type=st.none() | types,
)


# -- any history
@given(batches=batched())
@settings(max_examples=25, deadline=None)
def test_records_come_back_whole_and_in_order(batches: list[list[Record]]) -> None:
    everything = [record for batch in batches for record in batch]
    with recorded(batches) as recording:
        assert recording.records() == everything
        assert recording.records(after=2, limit=3) == everything[2:5]
        assert recording.records(run="r1") == [x for x in everything if x.run == "r1"]
        assert recording.last_seq == len(everything)
        assert [recording.record(x.seq) for x in everything[:3]] == everything[:3]


@given(batches=batched())
@settings(max_examples=25, deadline=None)
def test_rows_do_not_depend_on_how_records_were_batched_nor_on_reopening(batches: list[list[Record]]) -> None:
    whole = [[record for batch in batches for record in batch]]
    with recorded(batches) as bit_by_bit, recorded(whole) as at_once:
        assert rows_of(bit_by_bit) == rows_of(at_once)
        rows, logs = rows_of(at_once), at_once.logs(ALL_LOGS, 0, 1000)
        at_once.close()
        reopened = Recording.open(at_once.path)
        assert rows_of(reopened) == rows
        assert reopened.logs(ALL_LOGS, 0, 1000) == logs
        assert reopened.meta == recording_meta()
        reopened.close()


@given(batches=batched(), wanted=filters, start=st.integers(0, 20), limit=st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_a_filtered_window_equals_a_scan_of_all_rows_at_every_moment(
    batches: list[list[Record]], wanted: TimelineFilter, start: int, limit: int
) -> None:
    with recorded([]) as recording:
        for batch in batches:
            recording.append(batch)
            expected = [row for row in rows_of(recording) if matches(row, wanted)]
            assert recording.timeline_count(wanted) == len(expected)
            assert recording.timeline(wanted, start, limit) == expected[start : start + limit]
            for number, row in enumerate(expected):
                assert recording.position_of(row.seq, wanted) == number


@given(batches=batched(), text=st.sampled_from(["", "%", "a\\", "FETCH", "_"]), step=st.none() | steps)
@settings(max_examples=25, deadline=None)
def test_log_windows_equal_a_scan_of_all_log_records(
    batches: list[list[Record]], text: str, step: str | None
) -> None:
    wanted = LogFilter(step=step, text=text)
    seen: list[r.Log] = []
    with recorded([]) as recording:
        for batch in batches:
            recording.append(batch)
            seen += [x for x in batch if isinstance(x, r.Log)]
            expected = [
                LogRow(x.seq, x.run, x.t, x.wall, x.step, x.invocation, x.attempt, x.source, x.level, x.text)
                for x in seen
                if (step is None or x.step == step) and text.lower() in x.text.lower()
            ]
            assert recording.logs_count(wanted) == len(expected)
            assert recording.logs(wanted, 0, 1000) == expected


# -- what the rows say
@pytest.fixture
def research(tmp_path: Path) -> Iterator[Recording]:
    recording = make_recording(tmp_path / "research.wfrec", research_run().records)
    yield recording
    recording.close()


def outcomes(recording: Recording, run: str | None = None) -> dict[tuple[str, int], str]:
    return {
        (row.type, row.event): row.outcome
        for row in recording.timeline(TimelineFilter(run=run), 0, 1000)
        if row.event is not None
    }


def test_an_event_row_tells_producer_consumers_and_how_long_they_took(research: Recording) -> None:
    query = next(row for row in rows_of(research) if row.type == "Query")
    assert (query.producer, query.producer_invocation, query.consumers) == ("plan", 1, ("search",))
    assert (query.outcome, query.duration) == ("done", 0.3)
    verdict = next(row for row in rows_of(research) if row.type == "Verdict")
    assert (verdict.producer, verdict.consumers, verdict.outcome) == ("you", ("review",), "done")


def test_rows_of_events_progress_while_their_consumers_do(tmp_path: Path) -> None:
    tape = Tape()
    recording = make_recording(tmp_path / "a.wfrec", [])
    fed = 0

    def outcome() -> str:
        nonlocal fed
        recording.append(tape.records[fed:])
        fed = len(tape.records)
        return next(row.outcome for row in rows_of(recording) if row.type == "Query")

    query = tape.emit("Query", text="q")
    assert outcome() == ""
    hold = tape.hold(query, when="emit")
    assert outcome() == "held"
    tape.release(hold)
    tape.route(query, "search")
    assert outcome() == "queued"
    hold = tape.hold(query, step="search")
    assert outcome() == "held"
    tape.release(hold, step="search")
    invocation = tape.begin("search", query)
    assert outcome() == "running"
    tape.tick(1).raises(invocation, retry_in=2)
    assert outcome() == "retrying"
    tape.tick(2).begin("search", invocation=invocation)
    tape.wait(invocation, "Verdict")
    assert outcome() == "waiting"
    tape.resume(invocation)
    tape.tick(1).end(invocation)
    assert outcome() == "done"
    row = next(row for row in rows_of(recording) if row.type == "Query")
    assert (row.duration, row.version > 5) == (1.0, True)
    recording.close()


def test_every_way_to_end_shows_in_the_rows(tmp_path: Path) -> None:
    records = session_tape(failed_run, held_run, prompt_run, crashed_run)
    recording = make_recording(tmp_path / "a.wfrec", records)
    assert outcomes(recording, "run-1") == {
        ("StartEvent", 1): "done",
        ("Query", 2): "failed",
        ("Query", 3): "cancelled",
        ("Stray", 4): "unhandled",
    }
    assert list(outcomes(recording, "run-2").values()) == ["done", "running", "running", "held", "queued"]
    assert outcomes(recording, "run-3")["Ranked", 6] == "waiting"
    assert set(outcomes(recording, "run-4").values()) == {"done", "cancelled"}
    problems = recording.timeline(TimelineFilter(only_problems=True, run="run-1"), 0, 100)
    assert [row.type for row in problems] == ["Query", "Stray", "ValueError", "ValueError", "run failed"]
    recording.close()


def test_a_dropped_and_an_edited_event_say_so(tmp_path: Path) -> None:
    tape = Tape()
    dropped, kept = tape.send("Query", "search", text="a"), tape.send("Query", "search", text="b")
    tape.drop(dropped, step="search")
    tape.edit(kept, {"text": "b"}, {"text": "edited"})
    recording = make_recording(tmp_path / "a.wfrec", tape.records)
    first, second = rows_of(recording)
    assert first.outcome == "dropped"
    assert second.preview == "Query(text='edited')"
    detail = recording.event("run-1", kept)
    assert detail is not None
    assert detail.emitted.payload.data == {"text": "b"}
    recording.close()


def test_an_event_delivered_once_more_after_all_was_settled_changes_its_row(tmp_path: Path) -> None:
    tape = Tape()
    query = tape.send("Query", "search", text="a")
    invocation = tape.begin("search", query)
    tape.tick(1).end(invocation)
    recording = make_recording(tmp_path / "a.wfrec", tape.records)
    assert rows_of(recording)[0].outcome == "done"
    before = len(tape.records)
    tape.begin("search", query)
    recording.append(tape.records[before:])
    assert rows_of(recording)[0].outcome == "running"
    recording.close()


def test_text_filters_take_fields_and_quoted_blanks(research: Recording) -> None:
    def types_of(text: str) -> list[str]:
        return [row.type for row in research.timeline(TimelineFilter(text=text), 0, 100)]

    assert types_of("type:ranked") == ["Ranked"]
    assert types_of("kind:published") == ["Progress", "Question"]
    assert set(types_of("step:write")) == {"Approved", "StopEvent"}
    assert types_of('"page about graph" kind:event') == ["StopEvent"]
    assert types_of('type:"Ranked') == ["Ranked"]
    assert types_of("kind:retrying") == ["TimeoutError"]
    assert types_of("nothing like it") == []


# -- details
def test_details_of_event_and_invocation(research: Recording) -> None:
    event = research.event("run-1", 2)
    assert event is not None
    assert event.emitted.type == "Query"
    assert event.invocations == (2,)
    assert [child.type for child in event.children] == ["SearchResult"]
    invocation = research.invocation("run-1", 2)
    assert invocation is not None
    assert (invocation.step, invocation.events, invocation.outcome, invocation.logs) == (
        "search",
        (2,),
        "done",
        2,
    )
    assert [(a.number, a.outcome, a.duration) for a in invocation.attempts] == [
        (0, "retrying", 0.5),
        (1, "done", 0.3),
    ]
    assert invocation.error is not None
    assert invocation.error.type == "TimeoutError"
    assert research.event("run-1", 99) is None
    assert research.invocation("nowhere", 1) is None


def test_the_causal_chain_goes_up_to_the_start(research: Recording) -> None:
    stop = next(row for row in rows_of(research) if row.type == "StopEvent")
    assert stop.event is not None
    chain = research.cause("run-1", stop.event)
    assert [(link.event.type, link.step) for link in chain] == [
        ("StopEvent", "write"),
        ("Approved", "review"),
        ("Ranked", "rank"),
        ("SearchResult", "search"),
        ("Query", "plan"),
        ("StartEvent", None),
    ]
    assert research.cause("run-1", stop.event, 2) == chain[:2]


def test_a_spilled_payload_is_read_back_also_when_the_recording_was_moved(research: Recording) -> None:
    research.spill.mkdir()
    (research.spill / "payload-1.json").write_text('{"a": [1, 2]}')
    for handle in (
        "payload-1.json",
        str(research.spill / "payload-1.json"),
        "/gone/x.wfrec.spill/payload-1.json",
    ):
        assert research.whole(r.Payload(type="E", preview="", size=13, handle=handle)) == {"a": [1, 2]}
    with pytest.raises(RecordingError, match="cannot be read back"):
        research.whole(r.Payload(type="E", preview="", handle="payload-2.json"))


# -- many rows, several threads
def test_readers_see_whole_batches_while_another_thread_appends(tmp_path: Path) -> None:
    records = long_run(400).records
    recording = make_recording(tmp_path / "a.wfrec", [])
    faults: list[str] = []
    done = threading.Event()
    wanted = TimelineFilter(type="SearchResult")

    def read() -> None:
        known = 0
        while not done.is_set():
            count = recording.timeline_count()
            window = recording.timeline(ALL, max(count - 20, 0), 20)
            found = recording.timeline_count(wanted)
            if len(window) < min(count, 20) or found < known:
                faults.append(f"{len(window)} rows of {count}, {found} after {known}")
            known = found

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for start in range(0, len(records), 25):
        recording.append(records[start : start + 25])
    done.set()
    for reader in readers:
        reader.join()
    assert not faults
    assert recording.timeline_count(wanted) == 400
    recording.close()


def test_a_recording_that_is_still_written_can_be_followed_by_another_process(tmp_path: Path) -> None:
    records = research_run().records
    writer = make_recording(tmp_path / "a.wfrec", records[:20])
    follower = Recording.open(writer.path)
    problems = TimelineFilter(only_problems=True)
    assert follower.timeline_count(problems) == 0
    writer.append(records[20:])
    assert follower.last_seq == len(records)
    assert rows_of(follower) == rows_of(writer)
    assert follower.timeline_count(problems) == 1
    follower.close()
    writer.close()


# -- what can be wrong with a file
def test_foreign_and_damaged_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to look like something" * 40)
    empty = tmp_path / "empty.wfrec"
    empty.touch()
    foreign = tmp_path / "other.db"
    with sqlite3.connect(foreign) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    for path in (text, empty, foreign):
        with pytest.raises(RecordingError, match="is not a wf-tui recording"):
            Recording.open(path)
    with pytest.raises(RecordingError, match="there is no recording"):
        Recording.open(tmp_path / "missing.wfrec")


def test_a_truncated_recording_is_refused(tmp_path: Path) -> None:
    recording = make_recording(tmp_path / "a.wfrec", long_run(200).records)
    recording.close()
    whole = recording.path.read_bytes()
    for part in (len(whole) // 2, 5000, 60):
        recording.path.write_bytes(whole[:part])
        with pytest.raises(RecordingError, match=r"cut short|not a wf-tui recording|damaged"):
            Recording.open(recording.path)


def test_a_damaged_record_is_told_among_the_others(tmp_path: Path) -> None:
    path = tmp_path / "damaged.wfrec"
    recording = Recording.create(path, recording_meta())
    recording.append([r.Note(seq=n, wall=1.0, text=f"note {n}") for n in (1, 2, 3)])
    recording.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE records SET body = CAST(x'7bff' AS TEXT) WHERE seq = 2")
    connection.commit()
    connection.close()
    reopened = Recording.open(path)
    texts = [note.text for note in reopened.records() if isinstance(note, r.Note)]
    assert (texts[0], texts[2]) == ("note 1", "note 3")
    assert "record 2 is damaged" in texts[1]
    reopened.close()


def test_a_newer_recording_asks_for_an_update(tmp_path: Path) -> None:
    recording = make_recording(tmp_path / "a.wfrec", [])
    recording.close()
    with sqlite3.connect(recording.path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(RecordingError, match=r"newer wf-tui .*update wf-tui"):
        Recording.open(recording.path)


def test_nothing_recorded_is_overwritten(tmp_path: Path) -> None:
    recording = make_recording(tmp_path / "a.wfrec", research_run().records)
    with pytest.raises(RecordingError, match="exists already"):
        Recording.create(recording.path, recording_meta())
    with pytest.raises(RecordingError, match="comes after"):
        recording.append(research_run().records[:1])
    assert recording.last_seq == len(research_run().records)
    recording.close()


def test_what_could_not_be_written_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    records = research_run().records
    recording = make_recording(tmp_path / "a.wfrec", records[:10])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(RecordingError, match="cannot write"):
            recording.append(records[10:30])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert recording.last_seq == 10
    recording.append(records[30:])
    assert recording.records() == records
    recording.close()


def test_a_closed_recording_is_one_file_that_opens_where_nothing_can_be_written(tmp_path: Path) -> None:
    recording = make_recording(tmp_path / "a.wfrec", research_run().records)
    rows = rows_of(recording)
    recording.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wfrec"]
    tmp_path.chmod(0o500)
    try:
        reopened = Recording.open(recording.path)
        assert rows_of(reopened) == rows
        reopened.close()
    finally:
        tmp_path.chmod(0o700)
