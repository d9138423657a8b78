"""Hypothesis strategies: any sequence of records, sensible or not, over few runs, steps, events and
invocations."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from wf_debug.trace import records as r
from wf_debug.trace.records import Record

runs = st.sampled_from(["r1", "r2"])
steps = st.sampled_from(["fetch", "fetch_all", "rank"])
types = st.sampled_from(["Query", "Result", "InputRequiredEvent", "HumanResponseEvent", "100%_done"])
numbers = st.integers(1, 4)
texts = st.sampled_from(["", "50% of fetch_all", "a\\b", "tab\there", "ünï", "[red]no markup", "fetch-all"])
payloads = st.builds(
    r.Payload, type=types, preview=texts, data=st.none() | st.dictionaries(texts, numbers, max_size=2)
)
errors = st.builds(r.ErrorInfo, type=st.just("ValueError"), message=texts)
maybe_number = st.none() | numbers
maybe_step = st.none() | steps
inputs = st.lists(numbers, min_size=1, max_size=3, unique=True).map(tuple)
times = st.floats(0, 100).map(lambda t: round(t, 3))

_common = {"run": runs, "t": times, "wall": times}
_in_run = {**_common, "step": maybe_step, "invocation": maybe_number, "attempt": st.integers(0, 1)}
_of_step = {**_common, "step": steps, "invocation": numbers, "attempt": st.integers(0, 1)}
_actions = st.sampled_from(["accept", "edit", "drop", "duplicate", "cancelled"])

any_record: st.SearchStrategy[Record] = st.one_of(
    st.builds(r.RunStarted, **_common, workflow=st.just("Flow"), input=payloads),
    st.builds(r.RunFinished, **_common, result=payloads),
    st.builds(r.RunFailed, **_common, error=errors, step=maybe_step),
    st.builds(r.RunCancelled, **_common),
    st.builds(r.RunTimedOut, **_common, timeout=times),
    st.builds(r.RunStuck, **_common, why=texts),
    st.builds(
        r.EventEmitted,
        **_in_run,
        event=numbers,
        type=types,
        by=st.sampled_from(["sent", "start"]),
        payload=payloads,
    ),
    st.builds(
        r.EventRouted,
        **_common,
        event=numbers,
        type=types,
        steps=st.lists(steps, max_size=2, unique=True).map(tuple),
        waiters=st.lists(numbers, max_size=1).map(tuple),
    ),
    st.builds(r.EventUnhandled, **_common, event=numbers, type=types),
    st.builds(r.Published, **_in_run, event=maybe_number, type=types, payload=payloads),
    st.builds(r.InvocationQueued, **_of_step, events=inputs),
    st.builds(r.InvocationStarted, **_of_step, events=inputs, worker=st.integers(0, 2)),
    st.builds(r.InvocationWaiting, **_of_step, awaits=types),
    st.builds(r.InvocationResumed, **_of_step, event=maybe_number),
    st.builds(r.InvocationFinished, **_of_step, duration=times),
    st.builds(r.InvocationFailed, **_of_step, duration=times, error=errors, final=st.booleans()),
    st.builds(r.InvocationCancelled, **_of_step, duration=times),
    st.builds(r.RetryScheduled, **_of_step, delay=times),
    st.builds(
        r.Held,
        **_in_run,
        hold=numbers,
        when=st.sampled_from(["emit", "deliver", "after", "publish"]),
        reason=st.just("breakpoint"),
        event=maybe_number,
        type=types,
        payload=payloads,
    ),
    st.builds(r.Released, **_in_run, hold=numbers, action=_actions),
    st.builds(r.Edited, **_in_run, event=maybe_number, type=types, before=payloads, after=payloads),
    st.builds(r.Dropped, **_in_run, event=maybe_number, type=types),
    st.builds(r.Duplicated, **_in_run, event=maybe_number, type=types),
    st.builds(r.Injected, **_common, type=types, payload=payloads),
    st.builds(r.ClockPaused, **_common),
    st.builds(r.ClockResumed, **_common),
    st.builds(r.StateChanged, **_in_run, path=texts, value=payloads),
    st.builds(r.Log, **_in_run, source=st.sampled_from(["stdout", "native"]), text=texts),
    st.builds(
        r.CodeReloaded, wall=times, outcome=st.sampled_from(["swapped", "restarted", "failed"]), detail=texts
    ),
    st.builds(r.Note, **_common, level=st.sampled_from(["info", "warning"]), text=texts),
)


def _numbered(records: list[Record]) -> list[Record]:
    return [record.model_copy(update={"seq": seq}) for seq, record in enumerate(records, 1)]


histories = st.lists(any_record, max_size=60).map(_numbered)
"""Records in order of `seq`; ids may be used twice, ends may lack their beginnings."""


@st.composite
def batched(draw: st.DrawFn) -> list[list[Record]]:
    """A history, cut into batches as a host might send it."""
    records = draw(histories)
    cuts = sorted(draw(st.sets(st.integers(0, len(records)), max_size=6)))
    edges = [0, *cuts, len(records)]
    return [records[start:end] for start, end in pairwise(edges)]
