"""Listening to the instrumentation that the engine brings along: model calls, and runs that slip past the
debugger."""

from __future__ import annotations

import inspect
from typing import Any

from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.event_handlers import BaseEventHandler
from llama_index_instrumentation.span.base import BaseSpan
from llama_index_instrumentation.span_handlers import BaseSpanHandler
from pydantic import PrivateAttr
from workflows import Workflow

from wf_debug.backends.llamaindex.adopting import is_under
from wf_debug.backends.llamaindex.model_calls import OF_MODELS, ModelCalls
from wf_debug.backends.llamaindex.runtime import DebugRuntime
from wf_debug.control.debugger import Debugger
from wf_debug.trace.records import Note


def listen(debugger: Debugger, runtime: DebugRuntime) -> None:
    """Hear of every event and span from now on; both sides of the library swallow what handlers raise."""
    calls = ModelCalls(debugger)
    root = get_dispatcher("root")
    root.add_event_handler(_Events(calls))
    root.add_span_handler(_Spans(debugger, runtime, calls))


class _Events(BaseEventHandler):
    _calls: ModelCalls = PrivateAttr()

    def __init__(self, calls: ModelCalls) -> None:
        super().__init__()
        self._calls = calls

    @classmethod
    def class_name(cls) -> str:
        return "wf_debug events"

    def handle(self, event: Any, **_: Any) -> None:
        if type(event).__name__ in OF_MODELS:  # the engine tells every step, too
            self._calls.take(event)


class _Spans(BaseSpanHandler[BaseSpan]):
    """Keeps no spans."""

    _debugger: Debugger = PrivateAttr()
    _runtime: DebugRuntime = PrivateAttr()
    _calls: ModelCalls = PrivateAttr()
    _noted: set[str] = PrivateAttr()

    def __init__(self, debugger: Debugger, runtime: DebugRuntime, calls: ModelCalls) -> None:
        super().__init__()
        self._debugger, self._runtime, self._calls = debugger, runtime, calls
        self._noted = set()

    @classmethod
    def class_name(cls) -> str:
        return "wf_debug spans"

    def new_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any = None,
        parent_span_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        name = type(instance).__name__
        if isinstance(instance, Workflow) and id_.startswith(f"{name}.run"):
            self._note_if_past_us(instance, name)

    def _note_if_past_us(self, flow: Workflow, name: str) -> None:
        """Once for each class."""
        if is_under(flow, self._runtime) or name in self._noted:
            return
        self._noted.add(name)
        text = (
            f"a run of {name} is not debugged: its instance was made in a thread of its own, or with another "
            f"runtime; make it at module level, or in the main thread"
        )
        self._debugger.tracer.emit(Note, level="warning", text=text)

    def prepare_to_exit_span(self, id_: str, *_: Any, **__: Any) -> None:
        return None

    def prepare_to_drop_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any = None,
        err: BaseException | None = None,
        **_: Any,
    ) -> None:
        self._calls.dropped(id_, err)
