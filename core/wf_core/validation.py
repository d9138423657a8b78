"""Checks the structure of a workflow before it runs. Every finding is reported, with the place of the steps
it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from wf_core.decorators import StepConfig, StepFunction, config_of
from wf_core.errors import Finding, WorkflowConfigurationError, WorkflowValidationError
from wf_core.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StepFailedEvent,
    StopEvent,
)
from wf_core.levels import Configs, event_types, same_level_types, stream_level_types
from wf_core.matching import is_subclass, step_accepts_type, type_matches
from wf_core.signature import line_of, place_of

Node = str | type
"""Of the step graph: a step's name or an event class."""
Functions = Mapping[str, StepFunction]


def configs(functions: Functions) -> dict[str, StepConfig]:
    """The configurations of step functions."""
    return {name: cast("StepConfig", config_of(function)) for name, function in functions.items()}


def start_event_class(functions: Functions, workflow: str) -> type[StartEvent]:
    """The one start event type that is accepted; WorkflowConfigurationError if there is none or more than
    one."""
    users = _users(functions, StartEvent, lambda config: config.accepted_events)
    if not users:
        raise _misconfigured(
            "At least one Event of type StartEvent must be received by any step. "
            f"(Workflow '{workflow}' has no @step that accepts StartEvent.)"
        )
    if len(users) > 1:
        raise _misconfigured(
            f"Only one type of StartEvent is allowed per workflow, found {len(users)}: {set(users)} "
            f"in workflow '{workflow}'.",
            functions,
            users,
        )
    return cast("type[StartEvent]", next(iter(users)))


def stop_event_class(functions: Functions, workflow: str) -> type[StopEvent]:
    """The one stop event type that is returned; WorkflowConfigurationError if there is none or more than
    one."""
    users = _users(functions, StopEvent, lambda config: config.return_types)
    if not users:
        raise _misconfigured(
            "At least one Event of type StopEvent must be returned by any step. "
            f"(Workflow '{workflow}' has no @step that returns StopEvent.)"
        )
    if len(users) > 1:
        raise _misconfigured(
            f"Only one type of StopEvent is allowed per workflow, found {len(users)}: {set(users)} "
            f"in workflow '{workflow}'.",
            functions,
            users,
        )
    return cast("type[StopEvent]", next(iter(users)))


def require_steps(functions: Functions, workflow: str) -> None:
    """WorkflowConfigurationError if there is no step at all."""
    if not functions:
        raise _misconfigured(
            f"Workflow '{workflow}' has no configured steps. Did you forget to annotate methods with @step "
            "or to "
            "register free-function steps via @step(workflow=...)?"
        )


def _users(
    functions: Functions, base: type[Event], types_of: Callable[[StepConfig], Iterable[Any]]
) -> dict[Any, list[str]]:
    """The types derived from `base` that the steps name, each with the steps that do."""
    users: dict[Any, list[str]] = {}
    for name, config in configs(functions).items():
        for kind in types_of(config):
            if is_subclass(kind, base):
                users.setdefault(kind, []).append(name)
    return users


def _misconfigured(
    message: str, functions: Functions | None = None, users: Mapping[Any, list[str]] | None = None
) -> WorkflowConfigurationError:
    steps = tuple(dict.fromkeys(name for names in (users or {}).values() for name in names))
    finding = located(Finding(message, steps), functions or {})
    return WorkflowConfigurationError(message, findings=(finding,))


def validate(functions: Functions, start: type[StartEvent], skip: set[str]) -> bool:
    """Whether the workflow asks a person for input.

    Raises WorkflowValidationError with all findings about joins, connections, error handlers and the graph.
    """
    steps = configs(functions)
    structural = [
        *_unfed_collections(steps),
        *_unreachable_slots(steps, start),
        *_loose_ends(steps, start),
        *_handler_faults(steps),
    ]
    told = {"terminal_event"} if structural else set()  # as an event that is never consumed
    graph = list(_graph_faults(steps, start, skip | told))
    if structural or graph:
        findings = tuple(located(finding, functions) for finding in (*structural, *graph))
        raise WorkflowValidationError(_report(structural, graph, functions), findings=findings)
    produced = {start, *(t for config in steps.values() for t in config.return_types)}
    consumed = {t for config in steps.values() for t in config.accepted_events}
    return any(is_subclass(t, InputRequiredEvent) for t in produced) or any(
        is_subclass(t, HumanResponseEvent) for t in consumed
    )


def located(finding: Finding, functions: Functions) -> Finding:
    """The finding with the places of its steps."""
    lines = [line_of(functions[name]) for name in finding.steps if name in functions]
    return replace(finding, places=tuple(line for line in lines if line is not None))


def handlers_for(functions: Functions) -> dict[str, str]:
    """For each step the error handler that covers it. Raises WorkflowValidationError if handlers are in
    conflict."""
    steps = configs(functions)
    if faults := tuple(located(fault, functions) for fault in _handler_faults(steps)):
        raise WorkflowValidationError("\n".join(fault.message for fault in faults), findings=faults)
    handlers = {name: config for name, config in steps.items() if config.role == "catch_error"}
    covered = {
        target: name for name, config in handlers.items() for target in config.catch_error_for_steps or ()
    }
    for name, config in handlers.items():
        if config.catch_error_for_steps is None:
            covered.update({s: name for s in steps if s not in handlers and s not in covered})
    return covered


def _report(structural: list[Finding], graph: list[Finding], functions: Functions) -> str:
    def places(finding: Finding) -> str:
        return "".join(f"\n    at {place_of(functions[name])}" for name in finding.steps if name in functions)

    lines = [finding.message + places(finding) for finding in structural]
    if graph:
        lines.append("Graph validation failed:")
    return "\n".join([*lines, *(f"  - {finding.message}{places(finding)}" for finding in graph)])


def _names(types: Iterable[Any]) -> str:
    return ", ".join(sorted(getattr(t, "__name__", str(t)) for t in types))


def _takes(config: StepConfig, kind: Any) -> bool:
    return step_accepts_type(kind, config.accepted_events, allow_subclasses=config.accept_event_subclasses)


# -- joins ---------------------------------------------------------------------------------------------------
def _unfed_collections(steps: Configs) -> Iterator[Finding]:
    inside = {kind for level in stream_level_types(steps).values() for kind in level}
    for name, config in steps.items():
        if config.collection_param is None:
            continue
        parameter, elements = config.collection_param
        missing = [
            kind
            for kind in event_types(elements)
            if not any(type_matches(p, kind, allow_subclasses=config.accept_event_subclasses) for p in inside)
        ]
        if missing:
            yield Finding(
                f"Step '{name}' parameter '{parameter}' collects list[{_names(missing)}], but no "
                "returned-list "
                "producer creates a stream for those event types. list[E] fan-in only consumes events from "
                "steps "
                "annotated as returning list[E]; use ctx.collect_events for unstreamed ctx.send_event flows.",
                (name,),
            )


def _unreachable_slots(steps: Configs, start: type[StartEvent]) -> Iterator[Finding]:
    joining = {name: config.collect_params for name, config in steps.items() if config.collect_params}
    if not joining:
        return
    people = [t for c in steps.values() for t in c.accepted_events if is_subclass(t, HumanResponseEvent)]
    levels = {"the top level": same_level_types(steps, [start, *people])}
    levels |= {f"the stream of step '{name}'": level for name, level in stream_level_types(steps).items()}
    for name, slots in joining.items():
        if any({kind for _, kind in slots} <= level for level in levels.values()):
            continue
        where = "; ".join(
            f"'{parameter}' ({kind.__name__}) is produced at "
            + (", ".join(sorted(label for label, level in levels.items() if kind in level)) or "no level")
            for parameter, kind in slots
        )
        yield Finding(
            f"Step '{name}' joins event parameters that are never produced at a common stream level: "
            f"{where}. A "
            "multi-slot join only fires when all of its inputs originate at the same level. To gate "
            "in-stream work "
            "on input from another level, use ctx.wait_for_event inside the producing step instead.",
            (name,),
        )


# -- connections ---------------------------------------------------------------------------------------------
def _loose_ends(steps: Configs, start: type[StartEvent]) -> Iterator[Finding]:
    stopping = [n for n, c in steps.items() if any(is_subclass(t, StopEvent) for t in c.accepted_events)]
    if stopping:
        plural = "s" if len(stopping) > 1 else ""
        listed = "', '".join(stopping)
        yield Finding(
            f"Step{plural} '{listed}' cannot accept StopEvent. StopEvent signals the end of the workflow. "
            "Use a "
            "different Event type instead.",
            tuple(stopping),
        )
    yield from _never_produced(steps, start)
    yield from _never_consumed(steps, start)


def _never_produced(steps: Configs, start: type[StartEvent]) -> Iterator[Finding]:
    produced = {start, *(t for c in steps.values() for t in c.return_types if t is not type(None))}
    from_outside = (InputRequiredEvent, HumanResponseEvent, StopEvent, StepFailedEvent)
    lacking: dict[Any, list[str]] = {}
    for name, config in steps.items():
        for kind in config.accepted_events:
            subclasses = config.accept_event_subclasses
            fed = any(type_matches(p, kind, allow_subclasses=subclasses) for p in produced)
            if not fed and not is_subclass(kind, from_outside):
                lacking.setdefault(kind, []).append(name)
    if lacking:
        users = tuple(dict.fromkeys(name for names in lacking.values() for name in names))
        yield Finding(f"The following events are consumed but never produced: {_names(lacking)}", users)


def _never_consumed(steps: Configs, start: type[StartEvent]) -> Iterator[Finding]:
    to_outside = (InputRequiredEvent, HumanResponseEvent, StopEvent)
    lost: dict[Any, list[str]] = {}
    for name, kinds in [("", [start]), *((name, c.return_types) for name, c in steps.items())]:
        for kind in kinds:
            if kind is type(None) or is_subclass(kind, to_outside):
                continue
            if not any(_takes(config, kind) for config in steps.values()):
                lost.setdefault(kind, []).append(name)
    if lost:
        makers = tuple(dict.fromkeys(name for names in lost.values() for name in names))
        yield Finding(f"The following events are produced but never consumed: {_names(lost)}", makers)


# -- error handlers ------------------------------------------------------------------------------------------
def _handler_faults(steps: Configs) -> Iterator[Finding]:
    handlers = {name: config for name, config in steps.items() if config.role == "catch_error"}
    wildcards = sorted(name for name, config in handlers.items() if config.catch_error_for_steps is None)
    if len(wildcards) > 1:
        yield Finding(
            f"Only one wildcard @catch_error handler is allowed per workflow, found {len(wildcards)}: "
            f"{', '.join(wildcards)}",
            tuple(wildcards),
        )
    owner: dict[str, str] = {}
    for name, config in handlers.items():
        for target in config.catch_error_for_steps or ():
            if target not in steps:
                yield Finding(
                    f"@catch_error handler '{name}' lists unknown step '{target}' in for_steps.", (name,)
                )
            elif target in handlers:
                yield Finding(
                    f"@catch_error handler '{name}' cannot cover another handler step '{target}'.", (name,)
                )
            elif target in owner:
                yield Finding(
                    f"Step '{target}' is claimed by two @catch_error handlers: '{owner[target]}' and "
                    f"'{name}'.",
                    (owner[target], name),
                )
            else:
                owner[target] = name


# -- the graph -----------------------------------------------------------------------------------------------
def _graph_faults(steps: Configs, start: type[StartEvent], skip: set[str]) -> Iterator[Finding]:
    kinds = {start} | {t for c in steps.values() for t in (*c.return_types, *c.accepted_events)}
    kinds.discard(type(None))
    edges = _edges(steps, kinds)
    if "reachability" not in skip:
        yield from _unreachable(steps, start, kinds, edges)
    if "terminal_event" not in skip:
        dangling = [
            kind
            for kind in kinds
            if not edges.get(kind) and not is_subclass(kind, (StopEvent, InputRequiredEvent))
        ]
        if dangling:
            yield Finding(
                f"[terminal_event] Events produced but never consumed: {_names(dangling)}\n"
                "    Only StopEvent and InputRequiredEvent may be terminal."
            )
    if "dead_end" not in skip:
        yield from _dead_ends(steps, kinds, edges)


def _edges(steps: Configs, kinds: Iterable[Any]) -> dict[Node, list[Node]]:
    edges: dict[Node, list[Node]] = {
        name: [t for t in config.return_types if t is not type(None)] for name, config in steps.items()
    }
    for kind in kinds:
        edges[kind] = [
            name
            for name, config in steps.items()
            if step_accepts_type(
                kind,
                config.accepted_events,
                allow_subclasses=config.accept_event_subclasses and not is_subclass(kind, StopEvent),
            )
        ]
    return edges


def _unreachable(
    steps: Configs, start: type[StartEvent], kinds: Iterable[Any], edges: Mapping[Node, list[Node]]
) -> Iterator[Finding]:
    seeds: list[Node] = [start, *(k for k in kinds if is_subclass(k, HumanResponseEvent))]
    seeds += [name for name, config in steps.items() if config.role == "catch_error"]
    reached = _reach(seeds, edges)
    lost = sorted(
        n for n, c in steps.items() if n not in reached and "reachability" not in c.skip_graph_checks
    )
    if lost:
        yield Finding(
            f"[reachability] Unreachable steps: {', '.join(lost)}\n"
            "    Steps must be reachable from StartEvent or HumanResponseEvent.",
            tuple(lost),
        )


def _dead_ends(steps: Configs, kinds: Iterable[Any], edges: Mapping[Node, list[Node]]) -> Iterator[Finding]:
    incoming: dict[Node, list[Node]] = {}
    for source, targets in edges.items():
        for target in targets:
            incoming.setdefault(target, []).append(source)
    ends: list[Node] = [kind for kind in kinds if is_subclass(kind, (StopEvent, InputRequiredEvent))]
    leading_out = _reach(ends, incoming)
    lost = sorted(
        name
        for name, config in steps.items()
        if name not in leading_out and edges[name] and "dead_end" not in config.skip_graph_checks
    )
    if lost:
        yield Finding(
            f"[dead_end] Dead-end steps: {', '.join(lost)}\n"
            "    Steps must have a path to StopEvent or InputRequiredEvent.",
            tuple(lost),
        )


def _reach(seeds: Iterable[Node], edges: Mapping[Node, list[Node]]) -> set[Node]:
    seen: set[Node] = set()
    frontier = list(seeds)
    while frontier:
        node = frontier.pop()
        if node not in seen:
            seen.add(node)
            frontier.extend(edges.get(node, ()))
    return seen


def event_classes(steps: Configs) -> list[type[Event]]:
    """Every event class that the steps accept or return."""
    kinds = (t for config in steps.values() for t in (*config.return_types, *config.accepted_events))
    return list(dict.fromkeys(t for t in kinds if is_subclass(t, Event)))
