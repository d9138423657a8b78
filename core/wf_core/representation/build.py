"""Reads the graph of a workflow from its steps' signatures and sources. Nothing of the workflow is run."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from wf_core.collect import Take
from wf_core.decorators import StepConfig
from wf_core.events import Event, HumanResponseEvent, InputRequiredEvent, StopEvent
from wf_core.matching import is_subclass
from wf_core.representation.source import ContextUse, context_use, place_of
from wf_core.representation.types import (
    EdgeOrigin,
    WorkflowEventNode,
    WorkflowExternalNode,
    WorkflowGraph,
    WorkflowGraphEdge,
    WorkflowGraphNode,
    WorkflowResourceConfigNode,
    WorkflowResourceNode,
    WorkflowStepNode,
)
from wf_core.resource import Resource, ResourceConfig, ResourceDescriptor
from wf_core.retry_policy import describe

if TYPE_CHECKING:
    from wf_core.workflow import Workflow

EXTERNAL = "external_step"


@dataclass
class _Step:
    name: str
    function: Callable[..., Any]
    config: StepConfig
    use: ContextUse = field(default_factory=ContextUse)

    def returns(self) -> list[Any]:
        return [t for t in self.config.return_types if t is not type(None)]


def get_workflow_representation(workflow: Workflow | type[Workflow]) -> WorkflowGraph:
    """The graph of a workflow, or of a workflow class."""
    cls = workflow if isinstance(workflow, type) else type(workflow)
    steps = _read_steps(cls)
    graph = _Graph(steps)
    for step in steps:
        graph.add_step(step)
    for step in steps:
        graph.connect(step)
    return WorkflowGraph(
        name=cls.__name__, nodes=graph.nodes, edges=list(graph.edges.values()), description=_own_doc(cls)
    )


def workflow_event_types(workflow: Workflow | type[Workflow]) -> dict[str, type[Event]]:
    """Every event class that the workflow's steps accept, return, send, await, ask or collect, by node id."""
    cls = workflow if isinstance(workflow, type) else type(workflow)
    graph = _Graph(_read_steps(cls))
    return {graph.event_id(t): t for t in graph.types if is_subclass(t, Event)}


def _read_steps(cls: type[Workflow]) -> list[_Step]:
    """The steps in order of definition, those of base classes first."""
    functions = cls._get_steps()
    defined = [name for base in reversed(cls.__mro__) for name in vars(base)]
    order = {name: place for place, name in reversed(list(enumerate(defined)))}
    names = sorted(functions, key=lambda name: order.get(name, len(defined)))
    configs = cls._step_configs()
    steps = [_Step(name, functions[name], configs[name]) for name in names]
    known = {
        t.__name__: t
        for step in steps
        for t in (*step.config.accepted_events, *step.config.return_types)
        if is_subclass(t, Event)
    }
    for step in steps:
        step.use = context_use(step.function, step.config.context_parameter, cls, known)
    return steps


class _Graph:
    def __init__(self, steps: list[_Step]) -> None:
        self.nodes: list[WorkflowGraphNode] = []
        self.edges: dict[tuple[str, str, str | None], WorkflowGraphEdge] = {}
        self._ids: dict[Any, str] = {}
        self._resources: dict[object, str] = {}
        self._nodes: set[str] = set()
        self._producers: dict[Any, list[str]] = {}
        self.types: list[Any] = []
        for step in steps:
            self._note_types(step)

    def _note_types(self, step: _Step) -> None:
        for event_type in step.returns():
            producers = self._producers.setdefault(event_type, [])
            producers.append(step.name)
        use = step.use
        for event_type in (
            *step.config.accepted_events, *step.returns(), *use.sent, *use.waited, *use.asked, *use.collected
        ):  # fmt: skip
            if event_type not in self._ids:
                self._ids[event_type] = self._free_id(event_type)
                self.types.append(event_type)

    def _free_id(self, event_type: Any) -> str:
        """The class name; the full name where two classes share one."""
        name = _type_name(event_type)
        if name in self._ids.values():
            return f"{event_type.__module__}.{event_type.__qualname__}"
        return name

    def event_id(self, event_type: Any) -> str:
        return self._ids[event_type]

    def _ids_of(self, event_types: Iterable[Any]) -> list[str]:
        return [self._ids[t] for t in event_types]

    # -- nodes
    def add_step(self, step: _Step) -> None:
        self._add_node(self._step_node(step))
        use = step.use
        for event_type in (
            *step.config.accepted_events, *step.returns(), *use.sent, *use.waited, *use.asked, *use.collected
        ):  # fmt: skip
            self._add_event(event_type)
        if any(is_subclass(t, InputRequiredEvent) for t in (*step.returns(), *use.asked)):
            self._add_node(WorkflowExternalNode(id=EXTERNAL, label=EXTERNAL))
        for definition in step.config.resources:
            self._add_resource(definition.resource, definition.type_annotation)

    def _add_node(self, node: WorkflowGraphNode) -> None:
        if node.id not in self._nodes:
            self._nodes.add(node.id)
            self.nodes.append(node)

    def _step_node(self, step: _Step) -> WorkflowStepNode:
        config, use = step.config, step.use
        policy = config.collection_policy
        file, line = place_of(step.function) or (None, None)
        return WorkflowStepNode(
            id=step.name,
            label=step.name,
            description=inspect.getdoc(step.function),
            role=config.role,
            accepts=self._ids_of(config.accepted_events),
            emits=self._ids_of(step.returns()),
            sends=self._ids_of(use.sent),
            waits_for=self._ids_of(use.waited),
            asks=self._ids_of(use.asked),
            collects=self._ids_of(use.collected),
            joins=config.collection_param is not None or config.collect_params is not None,
            lists=self._ids_of(t for t in step.returns() if t not in config.bare_return_types),
            take=policy.cardinality.n if policy and isinstance(policy.cardinality, Take) else None,
            accepts_subclasses=config.accept_event_subclasses,
            num_workers=config.num_workers,
            retry=describe(config.retry_policy),
            timeout=config.timeout,
            catches=config.catch_error_for_steps,
            source_file=file,
            source_line=line,
        )

    def _add_event(self, event_type: Any) -> None:
        file, line = (place_of(event_type) if isinstance(event_type, type) else None) or (None, None)
        node = WorkflowEventNode(
            id=self._ids[event_type],
            label=self._ids[event_type],
            event_type=_type_name(event_type),
            event_types=_event_chain(event_type),
            event_schema=_schema(event_type),
            produced_by=list(dict.fromkeys(self._producers.get(event_type, ()))),
            description=_own_doc(event_type),
            qualified_name=f"{event_type.__module__}.{event_type.__qualname__}",
            source_file=file,
            source_line=line,
        )
        self._add_node(node)

    def _add_resource(self, resource: ResourceDescriptor, annotation: Any) -> str:
        """The id of the resource's node."""
        key = resource.factory if isinstance(resource, Resource) else resource.name
        if key in self._resources:
            return self._resources[key]
        node: WorkflowResourceConfigNode | WorkflowResourceNode
        if isinstance(resource, ResourceConfig):
            node = _config_node(resource, annotation)
        else:
            node = _factory_node(resource, annotation)
        self._resources[key] = node.id
        self._add_node(node)
        for name, dependency, dependency_type in resource.get_dependencies():
            self._add_edge(node.id, self._add_resource(dependency, dependency_type), label=name)
        return node.id

    # -- edges
    def connect(self, step: _Step) -> None:
        self._connect_outputs(step)
        self._connect_inputs(step)
        for definition in step.config.resources:
            target = self._add_resource(definition.resource, definition.type_annotation)
            self._add_edge(step.name, target, label=definition.name)

    def _add_edge(
        self, source: str, target: str, label: str | None = None, origin: EdgeOrigin = "declared"
    ) -> None:
        edge = WorkflowGraphEdge(source=source, target=target, label=label, origin=origin)
        self.edges.setdefault((source, target, label), edge)

    def _connect_outputs(self, step: _Step) -> None:
        outputs: tuple[tuple[EdgeOrigin, list[Any]], ...] = (
            ("declared", step.returns()),
            ("sent", step.use.sent),
            ("asked", step.use.asked),
        )
        for origin, event_types in outputs:
            for event_type in event_types:
                self._add_edge(step.name, self._ids[event_type], origin=origin)
                if origin != "sent" and is_subclass(event_type, InputRequiredEvent):
                    self._add_edge(self._ids[event_type], EXTERNAL, origin=origin)

    def _connect_inputs(self, step: _Step) -> None:
        inputs: tuple[tuple[EdgeOrigin, list[Any]], ...] = (
            ("declared", self._taken_by(step.config)),
            ("waited", step.use.waited),
        )
        for origin, event_types in inputs:
            for event_type in event_types:
                self._add_edge(self._ids[event_type], step.name, origin=origin)
                if EXTERNAL in self._nodes and is_subclass(event_type, HumanResponseEvent):
                    self._add_edge(EXTERNAL, self._ids[event_type], origin=origin)

    def _taken_by(self, config: StepConfig) -> list[Any]:
        """The accepted types, and if the step takes subclasses, those that occur in the graph."""
        if not config.accept_event_subclasses:
            return config.accepted_events
        subclasses = [
            t
            for t in self.types
            if is_subclass(t, tuple(config.accepted_events)) and not is_subclass(t, StopEvent)
        ]
        return list(dict.fromkeys([*config.accepted_events, *subclasses]))


def _config_node(config: ResourceConfig, annotation: Any) -> WorkflowResourceConfigNode:
    try:
        file, value = config.config_file, config.data()
    except (OSError, ValueError):  # not readable now; the run that needs it will say so
        file, value = config.name, None
    return WorkflowResourceConfigNode(
        id=f"resource_config_{_digest(file, config.path_selector or '')}",
        label=config.label or _type_name_or_none(annotation) or file,
        type_name=_type_name_or_none(annotation),
        config_file=file,
        path_selector=config.path_selector,
        config_schema=_schema(annotation),
        config_value=value,
        description=config.description,
    )


def _factory_node(resource: ResourceDescriptor, annotation: Any) -> WorkflowResourceNode:
    factory = getattr(resource, "factory", resource)
    file, line = place_of(factory) or (None, None)
    return WorkflowResourceNode(
        id=f"resource_{_digest(resource.name, file or 'unknown', str(line or ''))}",
        label=_type_name_or_none(annotation) or resource.name,
        type_name=_type_name_or_none(annotation),
        getter_name=resource.name,
        source_file=file,
        source_line=line,
        description=inspect.getdoc(factory),
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256(":".join(parts).encode()).hexdigest()[:12]


def _type_name(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or str(annotation)


def _type_name_or_none(annotation: Any) -> str | None:
    return None if annotation is None else _type_name(annotation)


def _event_chain(event_type: Any) -> list[str]:
    if not is_subclass(event_type, Event):
        return [_type_name(event_type)]
    parents = [t for t in event_type.__mro__[1:] if t is not Event and is_subclass(t, Event)]
    return [event_type.__name__, *(parent.__name__ for parent in parents)]


class _QuietSchema(GenerateJsonSchema):
    """A default without a JSON form is left out; that is no fault of the author's."""

    ignored_warning_kinds: ClassVar[set[JsonSchemaWarningKind]] = {  # type: ignore[misc]
        "skipped-choice",
        "non-serializable-default",
    }


def _schema(annotation: Any) -> dict[str, Any] | None:
    """The JSON schema of a model; without the fields that have none."""
    if not is_subclass(annotation, BaseModel):
        return None
    try:
        schema: dict[str, Any] = annotation.model_json_schema(schema_generator=_QuietSchema)
    except Exception:  # pydantic's own, and whatever the fields' types raise
        fields = annotation.model_fields.items()
        required = [name for name, info in fields if info.is_required()]
        properties: dict[str, Any] = {name: {"title": name} for name, _ in fields}
        return {
            "type": "object",
            "title": annotation.__name__,
            "properties": properties,
            "required": required,
        }
    return schema


def _own_doc(thing: Any) -> str | None:
    """A class's own docstring, not that of a base."""
    doc = vars(thing).get("__doc__") if isinstance(thing, type) else None
    return inspect.cleandoc(doc) if doc else None
