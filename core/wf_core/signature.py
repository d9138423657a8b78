"""Reads a step's signature: which parameters are events, context, resources, and what it may return."""

from __future__ import annotations

import collections.abc
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from wf_core.collect import All, Collect, Take
from wf_core.errors import Finding, Place, WorkflowValidationError
from wf_core.events import Event
from wf_core.matching import is_subclass
from wf_core.resource import ResourceDefinition, ResourceDescriptor

_ASYNC_ITERATORS = (
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator,
)


@dataclass
class StepSignature:
    """What a step's parameters and return annotation say."""

    accepted_events: dict[str, list[Any]] = field(default_factory=dict)
    """Per event parameter the types it takes."""
    return_types: list[Any] = field(default_factory=list)
    context_parameter: str | None = None
    context_state_type: Any = None
    resources: list[ResourceDefinition] = field(default_factory=list)
    collection_param: tuple[str, tuple[Any, ...]] | None = None
    """The `list[E]` parameter and its element types."""
    collection_policy: Collect | None = None
    is_fan_out: bool = False
    bare_return_types: list[Any] = field(default_factory=list)
    """Return types declared outside a list."""


def line_of(function: Callable[..., Any]) -> Place | None:
    """Where a function is defined, its decorators included; None if it has no source."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Place(code.co_filename, code.co_firstlineno) if code else None


def place_of(function: Callable[..., Any]) -> str:
    """`name (file:line)` of a function, for messages."""
    name = getattr(inspect.unwrap(function), "__qualname__", repr(function))
    place = line_of(function)
    return f"{name} ({place})" if place else name


def refused(function: Callable[..., Any], message: str) -> WorkflowValidationError:
    """The error for a function that can't be a step as it stands."""
    place = line_of(function)
    finding = Finding(message, (function.__name__,), (place,) if place else ())
    return WorkflowValidationError(f"{message}\n  in step {place_of(function)}", findings=(finding,))


def read_signature(function: Callable[..., Any], localns: dict[str, Any] | None = None) -> StepSignature:
    """The signature of a step.

    Raises WorkflowValidationError, naming the step and its place, if it can't be one.
    """
    try:
        signature = inspect_signature(function, localns)
        validate_step_signature(signature)
    except WorkflowValidationError as error:
        raise refused(function, str(error)) from error.__cause__
    return signature


def inspect_signature(fn: Callable[..., Any], localns: dict[str, Any] | None = None) -> StepSignature:
    """What the signature says, whether or not a step may have it.

    Raises TypeError for what can't be called, WorkflowValidationError for what can't be read.
    """
    if not callable(fn):
        raise TypeError(f"Expected a callable object, got {type(fn).__name__}")
    hints = _type_hints(fn, localns)
    returned = hints.get("return")
    _refuse_async_iterator(fn, returned)
    signature = StepSignature(
        return_types=_produced(returned),
        is_fan_out=_is_fan_out(returned),
        bare_return_types=list(dict.fromkeys(_bare(returned))),
    )
    for name, parameter in inspect.signature(fn).parameters.items():
        if name not in ("self", "cls"):
            _read_parameter(signature, name, hints.get(name, parameter.annotation), localns)
    return signature


def _read_parameter(
    signature: StepSignature, name: str, annotation: Any, localns: dict[str, Any] | None
) -> None:
    marker: Collect | None = None
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
        resource = next((m for m in metadata if isinstance(m, ResourceDescriptor)), None)
        if resource is not None:
            resource.set_localns(localns)
            signature.resources.append(
                ResourceDefinition(name=name, resource=resource, type_annotation=annotation)
            )
            return
        marker = next((m for m in metadata if isinstance(m, Collect)), None)
        if marker is None:
            return
    if _is_context(annotation):
        signature.context_parameter = name
        signature.context_state_type = next(iter(get_args(annotation)), signature.context_state_type)
        return
    if (elements := _list_elements(annotation)) is not None:
        _add_collection(signature, name, elements, marker or Collect())
        return
    if marker is not None:
        raise WorkflowValidationError(
            f"Parameter {name!r} carries a Collect marker but is not annotated as list[E] of an Event "
            "subclass. Collect markers apply only to collection fan-in (list[Event]) parameters."
        )
    types = [t for t in _members(annotation) if t is not type(None)]
    if types and all(is_subclass(t, Event) for t in types):
        signature.accepted_events[name] = types


def _add_collection(signature: StepSignature, name: str, elements: tuple[Any, ...], marker: Collect) -> None:
    if not isinstance(marker.cardinality, (All, Take)):
        raise WorkflowValidationError(
            f"Collect cardinality on {name!r} must be All() or Take(n). Other cardinalities are not "
            "supported."
        )
    if signature.collection_param is not None:
        raise WorkflowValidationError(
            "A step may declare at most one list[E] collection parameter, but found both "
            f"{signature.collection_param[0]!r} and {name!r}. Multi-slot collects are not supported."
        )
    signature.collection_param = (name, elements)
    signature.collection_policy = marker
    signature.accepted_events[name] = list(elements)


def validate_step_signature(spec: StepSignature) -> None:
    """WorkflowValidationError if this can't be a step's signature."""
    slots = spec.accepted_events
    if not slots:
        raise WorkflowValidationError(
            "Step signature must have at least one parameter annotated as type Event"
        )
    if len(slots) > 1 and spec.collection_param is not None:
        raise WorkflowValidationError(
            "A list[E] collection parameter cannot be combined with other event parameters. Use a single "
            "list[E] parameter, or multiple single-event parameters for a multi-slot join."
        )
    for name, types in slots.items():
        if len(slots) > 1 and len(types) != 1:
            raise WorkflowValidationError(
                "Collect-mode steps (more than one event parameter) require each event parameter to declare "
                "a "
                f"single event type, but parameter {name!r} declares {len(types)}. Union-typed collect "
                "parameters are not supported."
            )
    if not spec.return_types:
        raise WorkflowValidationError(
            "Return types of workflows step functions must be annotated with their type."
        )


StepSignatureSpec = StepSignature
"""The familiar name."""


def get_steps_from_class(_class: type) -> dict[str, Callable[..., Any]]:
    """The methods that are steps, by name in alphabetical order."""
    return {n: f for n, f in inspect.getmembers(_class, inspect.isfunction) if hasattr(f, "_step_config")}


def get_steps_from_instance(workflow: object) -> dict[str, Callable[..., Any]]:
    """The bound methods that are steps, by name in alphabetical order."""
    return {n: f for n, f in inspect.getmembers(workflow, inspect.ismethod) if hasattr(f, "_step_config")}


def is_free_function(qualname: str) -> bool:
    """Whether a qualified name is that of a function outside a class; ValueError for an empty one."""
    if not qualname:
        raise ValueError("The qualified name cannot be empty")
    *scope, _ = qualname.split(".")
    return not scope or scope[-1] == "<locals>"


def _is_context(annotation: Any) -> bool:
    named = get_origin(annotation) or annotation
    return getattr(named, "__name__", None) == "Context"


def _members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, else the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _list_elements(annotation: Any) -> tuple[Any, ...] | None:
    """Element types of `list[E]`, `list[A | B]` or `list[E] | None`; None for anything else."""
    members = [m for m in _members(annotation) if m is not type(None)]
    if len(members) != 1 or get_origin(members[0]) is not list:
        return None
    elements = [t for t in _members(get_args(members[0])[0]) if t is not type(None)]
    return (
        tuple(dict.fromkeys(elements)) if elements and all(is_subclass(t, Event) for t in elements) else None
    )


def _produced(returned: Any) -> list[Any]:
    """All types a return annotation names, lists and unions opened; [NoneType] for `-> None`, [] for no
    annotation."""
    if returned is None:
        return []
    return list(dict.fromkeys(_flat(returned))) or [type(None)]


def _flat(annotation: Any) -> Iterator[Any]:
    for member in _members(annotation):
        if get_origin(member) is list:
            yield from _flat(get_args(member)[0])
        elif member is not type(None):
            yield member


def _bare(annotation: Any) -> Iterator[Any]:
    for member in _members(annotation):
        if get_origin(member) is not list and member not in (None, type(None)):
            yield member


def _is_fan_out(annotation: Any) -> bool:
    return any(get_origin(member) is list for member in _members(annotation))


def _refuse_async_iterator(function: Callable[..., Any], returned: Any) -> None:
    if inspect.isasyncgenfunction(function) or get_origin(returned) in _ASYNC_ITERATORS:
        raise WorkflowValidationError(
            "Async-iterator fan-out (AsyncIterator[E] / AsyncGenerator[E, None] / async generator steps) is "
            "not "
            "supported. Return list[E] for a static collection, or emit incrementally with ctx.send_event."
        )


def _type_hints(function: Callable[..., Any], localns: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True, localns=localns)
    except NameError as error:
        missing = f" Missing name: {error.name}." if error.name else ""
        raise WorkflowValidationError(
            f"Failed to resolve type annotations for {getattr(function, '__qualname__', function)}.{missing} "
            "If you are using 'from __future__ import annotations' or string annotations, ensure referenced "
            "names are available in module scope or in the scope where the @step decorator is applied."
        ) from error
