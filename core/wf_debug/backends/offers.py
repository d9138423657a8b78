"""The workflows of a module: which there are, how to make one, and what is wrong with them. For any engine
whose workflows are classes with a `validate` method."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from wf_debug.backends.base import Offer
from wf_debug.control.payload import safe_str
from wf_debug.control.usercode import UserCode
from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.wire import Problem, WorkflowInfo


def told_in_text(error: Exception, graph: FlowGraph, cls: type) -> list[Problem]:
    """One problem for each bullet of the error's message, placed at the step it names."""
    return [_placed(text, graph, cls) for text in _findings(safe_str(error))]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What tells one engine's workflows from another's."""

    engine: str
    base: type
    findings: tuple[type[Exception], ...]
    """What `validate` and the constructor raise for a workflow that is wrong."""
    graph_of: Callable[[Any], FlowGraph]
    """The graph of a workflow or of a workflow class."""
    has_steps: Callable[[type], bool]
    problems_in: Callable[[Exception, FlowGraph, type], list[Problem]] = told_in_text
    """What such an error says, problem by problem."""


def find(module: ModuleType, dialect: Dialect, user_code: UserCode) -> list[Offer]:
    """Instances at module level stand for their class; a class without one is constructed with no
    arguments."""
    return _Finder(dialect, user_code).find(module)


def describe(flow: Any, dialect: Dialect, user_code: UserCode) -> Offer:
    """A workflow that is running, so nothing is left to check."""
    return _Finder(dialect, user_code).running(flow)


class _Finder:
    def __init__(self, dialect: Dialect, user_code: UserCode) -> None:
        self._dialect, self._user_code = dialect, user_code

    def find(self, module: ModuleType) -> list[Offer]:
        instances = dict(self._instances(module))
        taken = [type(flow) for flow in instances.values()]
        names = _named(instances)
        offers = [self._instance_offer(v, names[v], flow) for v, flow in instances.items()]
        offers += [self._class_offer(cls) for cls in self._classes(module, taken)]
        return sorted(offers, key=_line)

    # -- which there are
    def _instances(self, module: ModuleType) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for name, value in list(vars(module).items()):
            if isinstance(value, self._dialect.base) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def _classes(self, module: ModuleType, taken: list[type]) -> list[type]:
        """The module's own workflow classes; imported ones only if it offers nothing else. Bases without
        steps are left out."""
        base = self._dialect.base
        found = dict.fromkeys(
            v
            for v in vars(module).values()
            if isinstance(v, type) and issubclass(v, base) and v is not base and v not in taken
        )
        own = [cls for cls in found if cls.__module__ == module.__name__]
        if not own and not taken:
            own = list(found)
        return [cls for cls in own if self._dialect.has_steps(cls)] or ([] if taken else own)

    # -- how to make one, and what is wrong
    def _instance_offer(self, variable: str, name: str, flow: Any) -> Offer:
        cls = type(flow)
        graph, problems = self._graph(flow, cls)
        problems += self._check(flow, graph, cls)
        info = self._info(name, cls, graph, problems).model_copy(update={"variable": variable})
        return Offer(info, cls, lambda: flow)

    def running(self, flow: Any) -> Offer:
        cls = type(flow)
        graph, found = self._graph(flow, cls)
        problems = [problem.model_copy(update={"fatal": False}) for problem in found]
        return Offer(self._info(cls.__name__, cls, graph, problems), cls, lambda: flow)

    def _class_offer(self, cls: type) -> Offer:
        graph, problems = self._graph(cls, cls)
        spare: list[Any] = []
        if not problems:
            problems = self._construct(cls, graph, spare)

        def make() -> Any:
            return spare.pop() if spare else cls()

        return Offer(self._info(cls.__name__, cls, graph, problems), cls, make)

    def _construct(self, cls: type, graph: FlowGraph, spare: list[Any]) -> list[Problem]:
        """Make the instance that the first run uses, and check it."""
        if missing := _required_arguments(cls):
            text = (
                f"{cls.__name__} needs constructor arguments ({', '.join(missing)}); "
                f"make an instance at module level: flow = {cls.__name__}({missing[0]}=...)"
            )
            return [Problem(message=text, where=source_of(cls))]
        try:
            flow = cls()
        except Exception as error:
            return self._problems(error, graph, cls)
        problems = self._check(flow, graph, cls)
        spare.append(flow)
        return problems

    def _graph(self, flow: Any, cls: type) -> tuple[FlowGraph, list[Problem]]:
        try:
            return self._dialect.graph_of(flow), []
        except Exception as error:
            text = f"its graph can't be read: {type(error).__name__}: {safe_str(error)}"
            return FlowGraph(name=cls.__name__), [Problem(message=text, where=source_of(cls))]

    def _check(self, flow: Any, graph: FlowGraph, cls: type) -> list[Problem]:
        try:
            flow.validate()
        except Exception as error:
            problems = self._problems(error, graph, cls)
            if getattr(flow, "_disable_validation", False):  # its author says that it runs all the same
                return [problem.model_copy(update={"fatal": False}) for problem in problems]
            return problems
        return []

    def _problems(self, error: Exception, graph: FlowGraph, cls: type) -> list[Problem]:
        """One problem for each finding in the error, with its place."""
        if not isinstance(error, self._dialect.findings):
            text = f"{cls.__name__}() raises {type(error).__name__}: {safe_str(error)}"
            place = self._user_code.place_in(error.__traceback__) or source_of(cls)
            return [Problem(message=text, where=place)]
        return self._dialect.problems_in(error, graph, cls)

    def _info(self, name: str, cls: type, graph: FlowGraph, problems: list[Problem]) -> WorkflowInfo:
        engine = self._dialect.engine
        return WorkflowInfo(name=name, engine=engine, source=source_of(cls), graph=graph, problems=problems)


def _line(offer: Offer) -> int:
    source = offer.info.source
    return source.line if source else 0


def _named(instances: dict[str, Any]) -> dict[str, str]:
    """A name for each variable: the class's, unless several instances are of classes of that name."""
    classes = [type(flow).__name__ for flow in instances.values()]
    return {
        variable: cls if classes.count(cls) == 1 else variable
        for variable, cls in zip(instances, classes, strict=True)
    }


def _required_arguments(cls: type) -> list[str]:
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]


def _findings(text: str) -> list[str]:
    """The bullets of an accumulated message, else the message."""
    bullets = re.split(r"\n\s*- ", text)
    return bullets[1:] if len(bullets) > 1 else [text]


def _placed(text: str, graph: FlowGraph, cls: type) -> Problem:
    """The step is the first that the text names, the place the one the text gives, else the step's or
    event's."""
    words = re.findall(r"\w+", text)
    step = next((s for name in words for s in graph.steps if s.name == name), None)
    event = next((e for name in words for e in graph.events if e.name == name and e.source), None)
    if step is None and event is not None:
        step = next((s for s in graph.steps if event.name in (*s.accepts, *s.emits)), None)
    where = _place_given(text) or (step and step.source) or (event and event.source) or source_of(cls)
    return Problem(message=text.strip(), step=step.name if step else None, where=where)


def _place_given(text: str) -> SourceRef | None:
    found = re.search(r"\(([^()\n]+):(\d+)\)", text)
    return SourceRef(file=found[1], line=int(found[2])) if found else None


def source_of(cls: type) -> SourceRef | None:
    """Where a class is defined, None if it has no source file."""
    try:
        file = inspect.getsourcefile(cls)
        line = inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return None
    return SourceRef(file=file, line=line) if file else None
