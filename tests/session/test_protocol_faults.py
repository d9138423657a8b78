"""Whatever comes through the socket, the session says what was wrong and goes on where it can."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from peers import SERVING, OpenPeer

from wf_debug.session import Session, SessionError
from wf_debug.trace.records import Log, Note


def notes(session: Session) -> list[str]:
    return [record.text for record in session.recording.records() if isinstance(record, Note)]


async def test_a_garbled_line_costs_a_note_and_nothing_else(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
say("{not json")
say(dict(type="nonsense"))
say(dict(type="records", records="many"))
say(b"\\xff\\xfe".decode("latin1"))
greet()
reply(dict(id=999))
"""
        + SERVING
    )
    await session.pause()
    texts = notes(session)
    assert [text for text in texts if "cannot be read and was skipped" in text] == texts[:4]
    assert texts[4:] == ["the host greeted twice"]


async def test_a_record_that_cannot_be_read_leaves_the_others_of_its_message(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
wrong = record("held", hold="x"), dict(kind="no_such_kind")
records(record("note", text="one"), *wrong, record("note", text="two"))
"""
        + SERVING
    )
    await session.pause()
    texts = notes(session)
    assert (texts[0], texts[3], len(texts)) == ("one", "two", 4)
    assert "held.hold" in texts[1]
    assert "no_such_kind" in texts[2]


async def test_records_keep_their_order_when_the_session_writes_its_own_in_between(
    open_peer: OpenPeer,
) -> None:
    session = await open_peer(
        """
records(record("note", seq=1, text="one"), record("note", seq=2, text="two"))
say("garbage")
records(record("note", seq=3, text="three"), record("note", seq=4, text="four"))
"""
        + SERVING
    )
    await session.pause()
    found = [(r.seq, r.text[:5]) for r in session.recording.records() if isinstance(r, Note)]
    assert found == [(1, "one"), (2, "two"), (3, "a mes"), (4, "three"), (5, "four")]


async def test_an_error_reply_is_raised_with_its_fields(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
for command in commands():
    if command["cmd"] == "start_run":
        wrong = dict(field="topic", message="is required")
        error = dict(code="invalid_input", message="the input is wrong", hint="give it", fields=[wrong])
        reply(command, error=error)
    else:
        answer(command)
"""
    )
    with pytest.raises(SessionError, match="the input is wrong") as raised:
        await session.start_run({})
    assert raised.value.error.fields[0].field == "topic"


async def test_who_does_not_know_the_token_is_turned_away(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
stranger = connect("0" * 64)
silent_end = stranger.recv(100)
sock = connect()
lines = sock.makefile("r")
greet()
records(record("note", text="the stranger got " + repr(silent_end)))
"""
        + SERVING,
        connected=False,
    )
    assert notes(session) == ["the stranger got b''"]


async def test_a_host_that_never_connects_is_named_with_its_last_output(open_peer: OpenPeer) -> None:
    with pytest.raises(
        SessionError, match=r"did not connect within 0.5 s; its last output:\n  thinking hard"
    ) as raised:
        await open_peer(
            "print('thinking hard', flush=True)\ntime.sleep(60)", connected=False, connect_timeout=0.5
        )
    assert raised.value.error.code == "host_silent"


async def test_a_host_that_ends_before_it_connects_is_named_with_its_exit_code(open_peer: OpenPeer) -> None:
    with pytest.raises(
        SessionError, match=r"ended with exit code 3 before it connected; .*\n  oh no"
    ) as raised:
        await open_peer("print('oh no', flush=True)\nsys.exit(3)", connected=False)
    assert raised.value.error.code == "host_died"


async def test_another_protocol_is_refused(open_peer: OpenPeer) -> None:
    with pytest.raises(SessionError, match="speaks protocol 7, this session 1"):
        await open_peer(
            "sock = connect()\nlines = sock.makefile('r')\ngreet(protocol=7)\n" + SERVING, connected=False
        )


async def test_a_host_that_dies_while_loading_says_how(open_peer: OpenPeer) -> None:
    with pytest.raises(SessionError, match=r"killed by signal 9 \(SIGKILL\) before it answered Load"):
        await open_peer("next(commands())\nos.kill(os.getpid(), signal.SIGKILL)")


async def test_a_host_that_ignores_every_plea_is_killed(
    open_peer: OpenPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wf_debug.session.link._GOODBYE", 0.1)
    monkeypatch.setattr("wf_debug.session.link._TERMINATE", 0.1)
    session = await open_peer(
        """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for command in commands():
    if command["cmd"] != "shutdown":
        answer(command)
"""
    )
    pid = session.hello.pid
    await session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_output_past_the_capture_is_recorded_as_native(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
os.write(1, b"from C\\n")
os.write(2, b"half a line \\xff")
os.close(1)
os.close(2)
"""
        + SERVING
    )
    await session.wait_for(lambda s: s.recording.logs_count() == 2, 10)
    logs = [record for record in session.recording.records() if isinstance(record, Log)]
    assert [(log.source, log.text, log.step) for log in logs] == [
        ("native", "from C", None),
        ("native", "half a line �", None),
    ]


async def test_the_meeting_place_is_private(open_peer: OpenPeer) -> None:
    session = await open_peer('records(record("note", text=config["address"]))\n' + SERVING)
    socket = Path(notes(session)[0])
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert sorted(p.name for p in (socket.parent / "lib").iterdir()) == ["wf_core", "wf_debug"]


async def test_where_a_socket_path_would_be_too_long_loopback_is_used(
    open_peer: OpenPeer, own_temporaries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = own_temporaries / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    session = await open_peer('records(record("note", text=config["address"]))\n' + SERVING)
    assert notes(session)[0].startswith("127.0.0.1:")
    await session.close()
    long.rmdir()


async def test_many_records_of_a_fast_host_all_arrive(open_peer: OpenPeer) -> None:
    session = await open_peer(
        """
for start in range(0, 5000, 250):
    records(*(record("log", source="stdout", text=f"line {n}") for n in range(start, start + 250)))
"""
        + SERVING
    )
    await session.pause()
    assert [r.text for r in session.recording.records() if isinstance(r, Log)] == [
        f"line {n}" for n in range(5000)
    ]
