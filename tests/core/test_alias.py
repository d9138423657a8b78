"""Under the names of LlamaIndex Workflows this engine offers all that is public there, bar a list."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

import wf_core.events
from wf_core import alias

DELIBERATELY_MISSING = {
    # Snapshots and durable state are written in another form.
    "context.state_store": {
        "InMemorySerializedState", "StateCheckpoint", "StateRecord", "StateStorage", "StateStoreFacade",
        "apply_state_patch", "assign_path_step", "copy_state_for_edit", "create_in_memory_payload",
        "decode_seed_state", "decode_state_tree", "deserialize_dict_state_data",
        "deserialize_state_from_dict", "encode_state", "encode_state_tree", "is_declared_model_path_segment",
        "is_durable_serialized_state", "parse_in_memory_state", "restored_run_id",
        "serialize_dict_state_data", "set_by_path", "set_by_path_copy", "string_record_from_state",
        "traverse_path_step", "MODEL_T",
    },
    # There is one runtime.
    "plugins.basic": {
        "AsyncioAdapterQueues", "ExternalAsyncioAdapter", "InternalAsyncioAdapter", "JournalRecord",
        "get_current_run_id", "setting_run_id",
    },
    # Type variables and what `step` is made of.
    "context.context": {"T"},
    "decorators": {"CatchErrorHandler", "P", "R", "R_co", "make_step_function"},
    "resource": {"B", "T"},
}  # fmt: skip
"""By module; docs/compatibility.md gives the reasons."""

ATTRIBUTES_MISSING = {
    "InMemoryStateStore": {
        "add_seed", "checkpoint", "ensure_seeded", "run_id", "serialize_for_handoff", "snapshot"
    },
    "BasicRuntime": {
        "get_external_adapter", "get_internal_adapter", "get_or_register", "get_registered", "journal",
        "register", "restore", "run_workflow", "state_checkpoint", "track_workflow", "untrack_workflow",
    },
    "ResourceManager": {"resolution_scope"},
}  # fmt: skip

MORE_PARAMETERS = {
    "Workflow": {"journal"},
    "InMemoryStateStore": {"on_change"},
    "step": {"timeout"},
    "StepConfig": {"timeout"},
}


def public(module: ModuleType) -> dict[str, Any]:
    """What the module offers: the names of its `__all__`, else those that it defines itself."""
    own = [
        n
        for n, v in vars(module).items()
        if n[0] != "_" and getattr(v, "__module__", None) == module.__name__
    ]
    return {name: getattr(module, name) for name in getattr(module, "__all__", own)}


REFERENCE = {
    name: import_module(f"workflows.{name}".rstrip("."))
    for name in alias.MODULES
    if name not in ("", "plugins", "representation.build", "representation.types")
} | {"": import_module("workflows")}


@pytest.fixture(scope="module", autouse=True)
def under_the_alias() -> Iterator[None]:
    with alias.aliased():
        yield


@pytest.mark.parametrize("root", alias.ROOTS)
@pytest.mark.parametrize("module", sorted(REFERENCE))
def test_every_public_name_is_there(root: str, module: str) -> None:
    ours = import_module(f"{root}.{module}".rstrip("."))
    lacking = public(REFERENCE[module]).keys() - vars(ours).keys()
    assert lacking == DELIBERATELY_MISSING.get(module, set()) & public(REFERENCE[module]).keys()


def pairs() -> list[tuple[str, Any, Any]]:
    found = {}
    with alias.aliased():
        for module, theirs in REFERENCE.items():
            ours = vars(import_module(f"workflows.{module}".rstrip(".")))
            found.update({n: (n, value, ours[n]) for n, value in public(theirs).items() if n in ours})
    return list(found.values())


@pytest.mark.parametrize(
    ("name", "theirs", "ours"), pairs(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_can_be_called_takes_the_same_parameters(name: str, theirs: Any, ours: Any) -> None:
    if not callable(theirs) or name in ("WorkflowHandler", "WorkflowMeta", "StepFunction"):
        return
    if isinstance(theirs, type) and issubclass(theirs, BaseModel | BaseException):
        return
    accepted, given = parameters(ours), parameters(theirs)
    extra = MORE_PARAMETERS.get(name, set())
    assert [p for p in accepted if p not in extra] == given or is_plain_data(ours)


def is_plain_data(kind: Any) -> bool:
    """A dataclass that stands for a pydantic model: its fields may be given by position too."""
    return dataclasses.is_dataclass(kind)


def parameters(thing: Any) -> list[str]:
    try:
        return list(inspect.signature(thing).parameters)
    except ValueError:
        return []


@pytest.mark.parametrize(
    ("name", "theirs", "ours"), pairs(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_classes_have_the_same_public_attributes(name: str, theirs: Any, ours: Any) -> None:
    if not isinstance(theirs, type):
        return
    of_pydantic = set(dir(BaseModel))
    lacking = {a for a in dir(theirs) if a[0] != "_" and not hasattr(ours, a)} - of_pydantic
    assert lacking == ATTRIBUTES_MISSING.get(name, set())


def test_the_names_give_the_same_objects() -> None:
    modules = [import_module(f"{root}.events") for root in alias.ROOTS]
    assert len({module.Event for module in modules}) == 1
    assert modules[0].Event is wf_core.events.Event
    assert f"{modules[0].Event}" == "<class 'workflows.events.Event'>"


async def test_what_is_logged_obeys_their_loggers(caplog: pytest.LogCaptureFixture) -> None:
    workflows, made = import_module("workflows"), import_module("workflows.events")

    class Flow(workflows.Workflow):
        @workflows.step
        async def go(self, ev: made.StartEvent) -> made.StopEvent:
            return made.StopEvent(result="done")

    with caplog.at_level("INFO", logger="workflows.verbose"):
        await Flow(verbose=True).run()
    assert "[go:0] started from StartEvent" in caplog.text
    assert "[result] StopEvent(result='done')" in caplog.text


def test_what_has_no_counterpart_says_so() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"workflows\.server has no counterpart in wf_core"):
        import_module("workflows.server")


def test_afterwards_the_names_give_what_they_gave_before() -> None:
    program = """
        import workflows, wf_core.events
        from wf_core.alias import aliased
        before = workflows.events
        with aliased():
            import workflows.events, llama_agents.workflows.events
            assert workflows.events.Event is wf_core.events.Event
        import sys, workflows.events
        assert workflows.events is before
        assert workflows.Workflow.__module__ == "workflows.workflow"
        assert wf_core.events.Event.__module__ == "wf_core.events"
        assert "llama_agents.workflows" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=30)


def test_a_flow_written_for_the_other_package_runs_unchanged() -> None:
    program = """
        import asyncio
        from wf_core.alias import install
        install()
        from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step
        from workflows.retry_policy import ConstantDelayRetryPolicy
        from llama_agents.workflows.resource import Resource
        from typing import Annotated

        class Half(Event):
            n: int

        class Flow(Workflow):
            @step(retry_policy=ConstantDelayRetryPolicy(delay=0))
            async def halve(self, ctx: Context, ev: StartEvent) -> Half:
                if ctx.retry_info().retry_number == 0:
                    raise ValueError("once more")
                return Half(n=ev.n // 2)

            @step
            async def end(self, ev: Half, factor: Annotated[int, Resource(lambda: 3)]) -> StopEvent:
                return StopEvent(result=ev.n * factor)

        async def main():
            print(await Flow().run(n=14))

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("21\n", "")
