"""Whatever user code writes is kept, and knows the invocation that wrote it."""

from __future__ import annotations

import pytest
from hostclient import HostClient
from hostflows import write_flow

from wf_debug.host.logs import LONGEST, last_overwrite, pieces

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE_STEP = """
import logging, warnings
from concurrent.futures import ThreadPoolExecutor
class Noisy(Workflow):
    @step
    async def talk(self, ev: StartEvent) -> StopEvent:
{body}
        return StopEvent()
"""


async def run_body(host: HostClient, *lines: str) -> None:
    body = "\n".join(f"        {line}" for line in lines)
    write_flow(host, ONE_STEP.format(body=body))
    await host.load()
    await host.run("Noisy")


async def test_every_way_to_write_is_attributed_to_the_invocation(host: HostClient) -> None:
    await run_body(
        host,
        "print('out')",
        "print('err', file=sys.stderr)",
        "logging.getLogger('shop').warning('stock %d', 3)",
        "warnings.warn('careful')",
        "sys.stdout.buffer.write('bytes é'.encode()[:-1]); sys.stdout.buffer.write('é\\n'.encode()[1:])",
        "thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()",
        "pool = ThreadPoolExecutor(); pool.submit(print, 'pool').result()",
        "await asyncio.create_task(asyncio.to_thread(print, 'task'))",
    )
    logs = host.of("log")
    assert {r.step for r in logs} == {"talk"}
    assert {r.invocation for r in logs} == {host.of("invocation_started")[0].invocation}
    shown = [(r.source, r.level, r.logger, r.text) for r in logs]
    assert shown[:3] == [
        ("stdout", "", "", "out"),
        ("stderr", "", "", "err"),
        ("logging", "WARNING", "shop", "stock 3"),
    ]
    assert shown[3][0] == "warning"
    assert "careful" in shown[3][3]
    assert [text for *_, text in shown[4:]] == ["bytes é", "thread", "pool", "task"]


async def test_what_a_thread_dies_of_is_attributed_to_who_started_it(host: HostClient) -> None:
    await run_body(host, "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()")
    logs = host.of("log")
    assert {r.step for r in logs} == {"talk"}
    assert logs[-1].text == "ZeroDivisionError: division by zero"
    assert not any("wf_debug" in r.text for r in logs)


async def test_a_step_in_a_thread_is_attributed_too(host: HostClient) -> None:
    write_flow(host, """
        class Plain(Workflow):
            @step
            def work(self, ev: StartEvent) -> StopEvent:
                print("in", threading.current_thread() is not threading.main_thread())
                return StopEvent()
    """)  # fmt: skip
    await host.load()
    await host.run("Plain")
    (log,) = host.of("log")
    assert (log.step, log.text) == ("work", "in True")


async def test_a_line_printed_in_parts_is_one_record(host: HostClient) -> None:
    await run_body(
        host, "print('a', end=''); print('b', end=' ', flush=True); print('c')", "print('open', end='')"
    )
    assert host.printed() == ["ab c", "open"]


async def test_logging_is_recorded_once_whatever_handlers_print(host: HostClient) -> None:
    await run_body(
        host,
        "logging.basicConfig(level=logging.DEBUG, force=True)",
        "logging.getLogger('a.b').debug('once')",
        "logging.getLogger('quiet').setLevel(logging.ERROR)",
        "logging.getLogger('quiet').info('never')",
        "logging.getLogger('x').info('bad %d args', 'no')",
    )
    texts = [t for t in host.printed() if "asyncio" not in t]
    assert texts[0] == "once"
    assert "never" not in str(texts)
    assert any("bad %d args" in t for t in texts)


async def test_an_exception_logged_keeps_its_traceback(host: HostClient) -> None:
    await run_body(host, "try: 1 / 0", "except ZeroDivisionError: logging.exception('oh')")
    (log,) = host.of("log")
    assert log.text.startswith("oh\nTraceback")
    assert "ZeroDivisionError" in log.text


async def test_a_hundred_thousand_lines_are_all_kept_in_order(host: HostClient) -> None:
    await run_body(host, "for n in range(100_000): print(n)")
    assert host.printed() == [str(n) for n in range(100_000)]


async def test_text_that_is_no_unicode_does_no_harm(host: HostClient) -> None:
    await run_body(
        host, "print('\\ud800')", "sys.stdout.buffer.write(b'\\xff\\n')", "sys.stdout.write('x' * 20_000)"
    )
    texts = host.printed()
    assert texts[:2] == ["\\ud800", "\ufffd"]
    assert "".join(texts[2:]) == "x" * 20_000


async def test_a_subprocess_and_a_forked_child_write_to_the_real_descriptors(own_host: HostClient) -> None:
    write_flow(own_host, """
        import subprocess, multiprocessing
        def child():
            print("from the fork")
        class Spawns(Workflow):
            @step
            async def spawn(self, ev: StartEvent) -> StopEvent:
                subprocess.run(["echo", "from echo"], stdout=sys.stdout, check=True)
                process = multiprocessing.get_context("fork").Process(target=child)
                process.start(); process.join()
                return StopEvent(result=process.exitcode)
    """)  # fmt: skip
    await own_host.load()
    await own_host.run("Spawns")
    assert own_host.of("run_finished")[0].result.data == 0
    await own_host.stop()
    assert own_host.stdout.split("\n")[:2] == ["from echo", "from the fork"]


async def test_long_lines_break_at_spaces_where_there_are_any() -> None:
    text = ("word " * 4000).rstrip()
    parts = list(pieces(text))
    assert "".join(parts) == text
    assert all(len(p) <= LONGEST for p in parts)
    assert all(p.endswith(" ") for p in parts[:-1])


async def test_a_progress_bar_leaves_its_last_state() -> None:
    assert last_overwrite("10%\r50%\r100%\r") == "100%"
