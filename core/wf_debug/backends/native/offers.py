"""The native workflows of a module: which there are, how to make one, and what is wrong with them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType

from wf_core import Workflow
from wf_core.errors import WorkflowConfigurationError, WorkflowValidationError
from wf_debug.backends.base import Offer
from wf_debug.backends.native.graph import graph_of
from wf_debug.control.payload import safe_str
from wf_debug.control.usercode import UserCode
from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.wire import Problem, WorkflowInfo

Make = Callable[[], Workflow]


def find(module: ModuleType, user_code: UserCode) -> list[Offer]:
    """Instances at module level stand for their class; a class without one is constructed with no
    arguments."""
    instances = dict(_instances(module))
    classes = [cls for cls in _classes(module) if not any(type(i) is cls for i in instances.values())]
    offers = [_instance_offer(name, flow, user_code) for name, flow in _named(instances).items()]
    offers += [_class_offer(cls, user_code) for cls in classes]
    return sorted(offers, key=_line)


def _line(offer: Offer) -> int:
    source = offer.info.source
    return source.line if source else 0


def _instances(module: ModuleType) -> Iterator[tuple[str, Workflow]]:
    seen: set[int] = set()
    for name, value in list(vars(module).items()):
        if isinstance(value, Workflow) and id(value) not in seen:
            seen.add(id(value))
            yield name, value


def _named(instances: dict[str, Workflow]) -> dict[str, Workflow]:
    """The first instance of a class goes by the class's name, further ones by their variable's."""
    named: dict[str, Workflow] = {}
    for variable, flow in instances.items():
        cls = type(flow).__name__
        named[variable if cls in named else cls] = flow
    return named


def _classes(module: ModuleType) -> list[type[Workflow]]:
    """The module's own workflow classes; imported ones only if it has none. Bases without steps are left
    out."""
    found = [
        v
        for v in vars(module).values()
        if isinstance(v, type) and issubclass(v, Workflow) and v is not Workflow
    ]
    found = list(dict.fromkeys(found))
    own = [cls for cls in found if cls.__module__ == module.__name__] or found
    return [cls for cls in own if cls._get_steps_from_class()] or own


def _instance_offer(name: str, flow: Workflow, user_code: UserCode) -> Offer:
    graph, problems = _graph(flow, type(flow))
    problems += _check(flow, graph, type(flow), user_code)
    return Offer(_info(name, type(flow), graph, problems), type(flow), lambda: flow)


def _class_offer(cls: type[Workflow], user_code: UserCode) -> Offer:
    graph, problems = _graph(cls, cls)
    spare: list[Workflow] = []
    if not problems:
        problems = _construct(cls, graph, user_code, spare)

    def make() -> Workflow:
        return spare.pop() if spare else cls()

    return Offer(_info(cls.__name__, cls, graph, problems), cls, make)


def _construct(
    cls: type[Workflow], graph: FlowGraph, user_code: UserCode, spare: list[Workflow]
) -> list[Problem]:
    """Make the instance that the first run uses, and check it."""
    if missing := _required_arguments(cls):
        text = (
            f"{cls.__name__} needs constructor arguments ({', '.join(missing)}); "
            f"make an instance at module level: flow = {cls.__name__}({missing[0]}=...)"
        )
        return [Problem(message=text, where=_source_of(cls))]
    try:
        flow = cls()
    except Exception as error:
        return _problems(error, graph, cls, user_code)
    problems = _check(flow, graph, cls, user_code)
    spare.append(flow)
    return problems


def _required_arguments(cls: type[Workflow]) -> list[str]:
    try:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]


def _graph(flow: Workflow | type[Workflow], cls: type[Workflow]) -> tuple[FlowGraph, list[Problem]]:
    try:
        return graph_of(flow), []
    except Exception as error:
        text = f"its graph can't be read: {type(error).__name__}: {safe_str(error)}"
        return FlowGraph(name=cls.__name__), [Problem(message=text, where=_source_of(cls))]


def _check(flow: Workflow, graph: FlowGraph, cls: type[Workflow], user_code: UserCode) -> list[Problem]:
    try:
        flow.validate()
    except Exception as error:
        return _problems(error, graph, cls, user_code)
    return []


def _problems(error: Exception, graph: FlowGraph, cls: type[Workflow], user_code: UserCode) -> list[Problem]:
    """One problem for each finding in the error, placed at the step it names."""
    if not isinstance(error, WorkflowConfigurationError | WorkflowValidationError):
        text = f"{cls.__name__}() raises {type(error).__name__}: {safe_str(error)}"
        place = user_code.place_in(error.__traceback__) or _source_of(cls)
        return [Problem(message=text, where=place)]
    return [_placed(text, graph, cls) for text in _findings(safe_str(error))]


def _findings(text: str) -> list[str]:
    """The bullets of an accumulated message, else the message."""
    bullets = re.split(r"\n\s*- ", text)
    return bullets[1:] if len(bullets) > 1 else [text]


def _placed(text: str, graph: FlowGraph, cls: type[Workflow]) -> Problem:
    """The step is the first that the text names, the place the one the text gives, else the step's or
    event's."""
    words = re.findall(r"\w+", text)
    step = next((s for name in words for s in graph.steps if s.name == name), None)
    event = next((e for name in words for e in graph.events if e.name == name and e.source), None)
    if step is None and event is not None:
        step = next((s for s in graph.steps if event.name in (*s.accepts, *s.emits)), None)
    where = _place_given(text) or (step and step.source) or (event and event.source) or _source_of(cls)
    return Problem(message=text.strip(), step=step.name if step else None, where=where)


def _place_given(text: str) -> SourceRef | None:
    found = re.search(r"\(([^()\n]+):(\d+)\)", text)
    return SourceRef(file=found[1], line=int(found[2])) if found else None


def _info(name: str, cls: type[Workflow], graph: FlowGraph, problems: list[Problem]) -> WorkflowInfo:
    return WorkflowInfo(name=name, engine="native", source=_source_of(cls), graph=graph, problems=problems)


def _source_of(cls: type) -> SourceRef | None:
    try:
        file = inspect.getsourcefile(cls)
        line = inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return None
    return SourceRef(file=file, line=line) if file else None
