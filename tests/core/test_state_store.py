"""The shared state of a run: dotted paths, transactions, snapshots; in step with the reference package."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from workflows.context.serializers import JsonSerializer as ReferenceSerializer
from workflows.context.state_store import DictState as ReferenceState
from workflows.context.state_store import InMemoryStateStore as ReferenceStore

from wf_core.serializers import JsonSerializer
from wf_core.state_store import (
    DictState,
    InMemoryStateStore,
    StateStore,
    UnserializableKeyWarning,
    most_derived_state_type,
)


class Profile(BaseModel):
    name: str = "nobody"
    tags: list[str] = []


class Counters(BaseModel):
    total: int = 0
    profile: Profile = Profile()


class Detailed(Counters):
    detail: str = "none"


class Demanding(BaseModel):
    needed: int


def store(**values: Any) -> InMemoryStateStore[DictState]:
    return InMemoryStateStore(DictState(**values))


async def test_a_dotted_path_makes_dicts_on_its_way_and_indexes_lists():
    s = store(rows=[{"n": 1}, {"n": 2}])
    await s.set("a.b.c", 1)
    await s.set("rows.1.n", 20)
    assert await s.get("a") == {"b": {"c": 1}}
    assert await s.get("rows.1.n") == 20
    assert isinstance(s, StateStore)


@pytest.mark.parametrize("path", ["nope", "a.b", "rows.7", "a.b.c.d"])
async def test_a_missing_path_is_an_error_unless_a_default_is_given(path: str):
    s = store(rows=[])
    with pytest.raises(ValueError, match=f"Path '{path}' not found in state"):
        await s.get(path)
    assert await s.get(path, default=None) is None


@pytest.mark.parametrize(
    ("path", "message"), [("", "cannot be empty"), (".".join("a" * 1001), "1000 segments")]
)
async def test_an_unusable_path_is_refused(path: str, message: str):
    with pytest.raises(ValueError, match=message):
        await store().set(path, 1)


async def test_method_names_are_ordinary_keys():
    s = store()
    await s.set("items", [1])
    await s.set("get.keys", 2)
    assert await s.get("items") == [1]
    assert await s.get("get.keys") == 2


async def test_set_leaves_a_state_read_earlier_as_it_was():
    s = store(a={"b": 1}, other=[1])
    before = await s.get_state()
    await s.set("a.b", 2)
    await s.set("fresh", 3)
    assert before.a == {"b": 1}
    assert "fresh" not in before
    assert (await s.get_state()).other is before.other


async def test_set_goes_through_models_and_foreign_objects():
    class Box:
        def __init__(self) -> None:
            self.inner = {"n": 1}

    s = store(profile=Profile(), box=Box())
    await s.set("profile.name", "Ada")
    await s.set("box.inner.n", 2)
    assert (await s.get("profile")).name == "Ada"
    assert await s.get("box.inner.n") == 2


async def test_an_edit_is_committed_at_the_end_of_its_block():
    s = store(n=1, rows=[1])
    async with s.edit_state() as state:
        state["n"] += 1
        state.rows.append(2)
        assert await s.get("n") == 1
        assert await s.get("rows") == [1]
    assert await s.get("n") == 2
    assert await s.get("rows") == [1, 2]


async def test_an_edit_that_raises_changes_nothing():
    s = store(rows=[1])
    assert await outcome(s, DictState, ("failed_edit", "rows", [2])) is AbandonedError
    assert await s.get("rows") == [1]
    await s.set("n", 1)


@pytest.mark.parametrize("write", ["set", "set_state", "clear", "edit"])
async def test_a_writer_inside_an_edit_is_refused(write: str):
    s = store(a=1)
    async with s.edit_state():
        with pytest.raises(RuntimeError, match="writer called inside edit_state"):
            await perform(s, DictState, (write, "a", 2))
    assert s.as_mapping() == {"a": 1}


async def test_edits_of_several_tasks_take_turns():
    s = store(n=0)

    async def add() -> None:
        async with s.edit_state() as state:
            n = state.n
            await asyncio.sleep(0)
            state.n = n + 1

    await asyncio.gather(*(add() for _ in range(20)))
    assert await s.get("n") == 20


async def test_an_edit_shares_handles_and_keeps_cycles():
    class Held(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        client: Any = Field(default=None, exclude=True)
        data: list[int] = [1]

    lock, client = threading.Lock(), object()
    ring: list[Any] = []
    ring.append(ring)
    s = store(lock=lock, held=Held(client=client), ring=ring)
    async with s.edit_state() as state:
        assert state.lock is lock
        assert state.held.client is client
        assert state.held.data is not (await s.get("held.data"))
        assert state.ring is not ring
        assert state.ring[0] is state.ring


async def test_a_typed_state_merges_a_parent_and_refuses_a_stranger():
    s = InMemoryStateStore(Detailed(detail="kept"))
    await s.set_state(Counters(total=3))
    assert await s.get_state() == Detailed(total=3, detail="kept")
    with pytest.raises(ValueError, match="must be of type Detailed or a parent type, got Profile"):
        await s.set_state(Profile())


async def test_clear_goes_back_to_the_defaults_and_names_a_field_without_one():
    s = InMemoryStateStore(Counters(total=9))
    await s.clear()
    assert await s.get_state() == Counters()
    with pytest.raises(ValueError, match=r"defaults for all fields, Demanding lacks: needed"):
        await InMemoryStateStore(Demanding(needed=1)).clear()


async def test_changes_are_announced_with_their_path_once_committed():
    seen: list[tuple[str, Any]] = []
    s = store(keep=1, rows=[1])
    s.on_change = lambda path, value: seen.append((path, value))
    await s.set("a.b", 1)
    async with s.edit_state() as state:
        state.rows.append(2)
        state["new"] = None
        assert len(seen) == 1
    async with s.edit_state() as state:
        del state._data["keep"]
    await s.clear()
    assert seen[:3] == [("a.b", 1), ("rows", [1, 2]), ("new", None)]
    assert seen[3:] == [("", {"a": {"b": 1}, "rows": [1, 2], "new": None}), ("", {})]


def test_the_state_can_be_looked_at_as_a_read_only_mapping():
    assert store(a=1).as_mapping() == {"a": 1}
    view = InMemoryStateStore(Counters(total=2)).as_mapping()
    assert view == {"total": 2, "profile": Profile()}
    with pytest.raises(TypeError):
        view["total"] = 3  # type: ignore[index]


@pytest.mark.parametrize(
    "state", [DictState(), DictState(a=1, p=Profile(tags=["x"]), deep={"l": [Profile()]}), Detailed(total=4)]
)
async def test_a_snapshot_brings_the_state_back(state: BaseModel):
    data = InMemoryStateStore(state).to_dict(JsonSerializer())
    back = InMemoryStateStore[Any].from_dict(data, JsonSerializer())
    assert await back.get_state() == state
    assert back.state_type is type(state)


def test_a_snapshot_names_the_key_it_cannot_hold():
    with pytest.raises(ValueError, match=r"for key job: .*\['lock'\] of type lock has no JSON form"):
        store(ok=1, job={"lock": threading.Lock()}).to_dict(JsonSerializer())


def test_an_agents_memory_is_left_out_with_a_warning():
    with pytest.warns(UnserializableKeyWarning, match="'memory' can't be serialized"):
        data = store(memory=threading.Lock(), a=1).to_dict(JsonSerializer())
    assert data["state_data"] == {"_data": {"a": "1"}}


@pytest.mark.parametrize("data", [{"store_type": "sqlite"}, {"state_data": 3}, {"state_data": "[1]"}])
def test_a_foreign_snapshot_is_refused(data: dict[str, Any]):
    with pytest.raises(ValueError, match=r"store_type 'sqlite'|Unrecognized state payload"):
        InMemoryStateStore[Any].from_dict(data, JsonSerializer())


def test_the_state_type_is_the_most_derived_one_declared():
    assert most_derived_state_type([None, DictState]) is DictState
    assert most_derived_state_type([Counters, None, Detailed, Counters]) is Detailed
    with pytest.raises(ValueError, match="Counters, Profile"):
        most_derived_state_type([Counters, Profile])


# -- the same operations on both packages
keys = st.sampled_from(["a", "b", "items", "0", "-1", "c.a", "a.b", "a.0", "b.1.a", "a.b.c", "items.0"])
values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["", "xy"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab01"), inner, max_size=2),
    max_leaves=4,
)
operations = st.one_of(
    st.tuples(st.just("set"), keys, values),
    st.tuples(st.just("get"), keys),
    st.tuples(st.just("get_or"), keys),
    st.tuples(st.just("edit"), st.sampled_from("abc"), values),
    st.tuples(st.just("failed_edit"), st.sampled_from("abc"), values),
    st.tuples(st.just("set_state"), st.sampled_from("abc"), values),
    st.tuples(st.just("clear")),
)


class AbandonedError(Exception):
    """Ends an edit."""


async def perform(s: Any, new_state: Any, operation: tuple[Any, ...]) -> Any:
    match operation:
        case "set", path, value:
            return await s.set(path, value)
        case "get", path:
            return await s.get(path)
        case "get_or", path:
            return await s.get(path, default="default")
        case "set_state", key, value:
            return await s.set_state(new_state(**{key: value}))
        case "clear", *_:
            return await s.clear()
        case how, key, value:
            async with s.edit_state() as state:
                state[key] = value
                if how == "failed_edit":
                    raise AbandonedError
    return None


async def outcome(s: Any, new_state: Any, operation: tuple[Any, ...]) -> Any:
    try:
        return await perform(s, new_state, operation)
    except Exception as error:
        return type(error)


@given(st.lists(operations, max_size=12))
def test_any_sequence_of_operations_has_the_outcomes_of_the_reference(sequence: list[tuple[Any, ...]]):
    async def run(s: Any, new_state: Any) -> list[Any]:
        return [await outcome(s, new_state, operation) for operation in sequence]

    ours, theirs = store(), ReferenceStore(ReferenceState())
    assert asyncio.run(run(ours, DictState)) == asyncio.run(run(theirs, ReferenceState))
    mine, reference = ours.to_dict(JsonSerializer()), theirs.to_dict(ReferenceSerializer())
    assert mine["state_data"] == reference["state_data"]
