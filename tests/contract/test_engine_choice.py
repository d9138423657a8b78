"""Which engine a workflow runs on, and what is said when that one can't be had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from enginehost import ENGINES, EngineHost

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTH = """
import wf_core
import workflows
from wf_core.events import StartEvent as OurStart, StopEvent as OurStop
from workflows.events import StartEvent, StopEvent

class Ours(wf_core.Workflow):
    @wf_core.step
    async def only(self, ev: OurStart) -> OurStop:
        return OurStop(result=type(self).__mro__[1].__module__)

class Theirs(workflows.Workflow):
    @workflows.step
    async def only(self, ev: StartEvent) -> StopEvent:
        inner = await Ours().run()
        return StopEvent(result=[inner, type(self).__mro__[1].__module__])
"""


@pytest_asyncio.fixture(loop_scope="module")
async def fresh_host(tmp_path: Path) -> AsyncIterator[EngineHost]:
    """A host that has not loaded anything."""
    client = EngineHost(tmp_path, ENGINES[1])
    await client.start(python=ENGINES[1].python)
    yield client
    await client.stop()


async def test_each_workflow_runs_on_the_engine_of_its_base_class(fresh_host: EngineHost) -> None:
    host = fresh_host
    (host.folder / "flow.py").write_text(BOTH)
    assert [(w["name"], w["engine"]) for w in await host.load()] == [
        ("Ours", "native"),
        ("Theirs", "llamaindex"),
    ]
    run = await host.start_run("Theirs")
    assert await host.result_of(run) == ["wf_core.workflow", "workflows.workflow"]
    child = next(r for r in host.of("run_started") if r.run != run)
    assert (child.workflow, child.parent_run, child.parent_invocation) == ("Ours", run, 1)


async def test_a_version_that_is_too_old_is_named_with_the_one_needed(fresh_host: EngineHost) -> None:
    host = fresh_host
    metadata = host.folder / "llama_index_workflows-2.8.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: llama-index-workflows\nVersion: 2.8.0\n")
    path = host.write_flow("class Old(Workflow): ...")
    error = await host.refused("load", path=str(path))
    assert error.code == "missing_package"
    assert "2.8.0" in error.message
    assert "2.15" in error.message
    assert host.engine.python in error.message
    assert "--python" in error.hint


async def test_a_missing_engine_names_its_package_and_the_interpreter(fresh_host: EngineHost) -> None:
    host = fresh_host
    path = host.folder / "flow.py"
    path.write_text("import sys\nsys.modules['workflows'] = None\nfrom workflows import Workflow\n")
    error = await host.refused("load", path=str(path))
    assert (error.code, error.where.line) == ("missing_package", 3)
    assert host.engine.python in error.message
    assert "-m pip install llama-index-workflows" in error.hint
    assert "--python" in error.hint


async def test_another_package_of_the_engines_name_is_left_alone(fresh_host: EngineHost) -> None:
    host = fresh_host
    (host.folder / "workflows.py").write_text("class Workflow: ...\n")
    path = host.folder / "flow.py"
    path.write_text("from workflows import Workflow\nclass Mine(Workflow): ...\n")
    assert (await host.refused("load", path=str(path))).code == "no_workflow"


async def test_nothing_of_the_engine_is_imported_for_flows_without_it(fresh_host: EngineHost) -> None:
    host = fresh_host
    path = host.folder / "flow.py"
    path.write_text(
        "import sys\nfrom wf_core import Workflow, step\nfrom wf_core.events import StartEvent, StopEvent\n"
        "class Lean(Workflow):\n    @step\n    async def only(self, ev: StartEvent) -> StopEvent:\n"
        "        return StopEvent(result=[m for m in sys.modules if m.partition('.')[0] == 'workflows'])\n"
    )
    await host.load()
    assert await host.run_result("Lean") == []


async def test_a_leaked_cancellation_is_named_instead_of_silence(fresh_host: EngineHost) -> None:
    host = fresh_host
    await host.given("""
        class Leaks(Workflow):
            @step
            async def leak(self, ev: StartEvent) -> StopEvent:
                raise asyncio.CancelledError()
    """)
    run = await host.start_run("Leaks")
    note = await host.seen("note")
    assert "'leak' raised CancelledError" in note.text
    await host.ask("cancel_run", run=run)
    assert (await host.ended(run)).kind == "run_cancelled"


async def test_a_body_that_runs_again_for_what_it_collects_is_told(fresh_host: EngineHost) -> None:
    host = fresh_host
    await host.given("""
        class Item(Event):
            n: int
        class Gathers(Workflow):
            @step
            async def split(self, ctx: Context, ev: StartEvent) -> Item | None:
                for n in range(3):
                    ctx.send_event(Item(n=n))
            @step
            async def gather(self, ctx: Context, ev: Item) -> StopEvent | None:
                await asyncio.sleep(0.01)
                got = ctx.collect_events(ev, [Item] * 3)
                return StopEvent(result=sorted(e.n for e in got)) if got else None
    """)
    run = await host.start_run("Gathers")
    assert await host.result_of(run) == [0, 1, 2]
    assert any("runs its body again" in n.text for n in host.of("note"))
    assert len({r.invocation for r in host.of("invocation_started", step="gather")}) == 3


async def test_an_event_for_a_run_that_waits_for_its_turn_is_kept(fresh_host: EngineHost) -> None:
    host = fresh_host
    await host.given("""
        class More(Event): ...
        class One(Workflow):
            @step
            async def begin(self, ev: StartEvent) -> More | None:
                return None
            @step
            async def end(self, ev: More) -> StopEvent:
                return StopEvent(result="more")
        class All(Workflow):
            @step
            async def go(self, ev: StartEvent) -> StopEvent:
                flow = One(num_concurrent_runs=1)
                first, second = flow.run(), flow.run()
                second.ctx.send_event(More())
                await asyncio.sleep(0.01)
                first.ctx.send_event(More())
                return StopEvent(result=[await first, await second])
    """)
    run = await host.start_run("All")
    assert await host.result_of(run) == ["more", "more"]
    assert [r.by for r in host.of("event_emitted", type="More")] == ["external"] * 2
