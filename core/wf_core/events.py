"""Events: the typed messages that steps accept and return.

An event is a pydantic model with an open end: declared fields are validated, any other keyword lands in a
dictionary that is readable as attribute and as mapping.
"""

from __future__ import annotations

import inspect
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic_core import CoreSchema

from wf_core.serializers import JsonSerializer, active_serializer

_PRIVATE: dict[str, Any] = {"_data": None, "_result": None}
"""The private attributes of this module's models."""
_setattr = object.__setattr__


def _set_private(model: BaseModel, context: Any, /) -> None:
    if getattr(model, "__pydantic_private__", None) is None:
        private = dict.fromkeys(model.__private_attributes__)
        private["_data"] = {}
        _setattr(model, "__pydantic_private__", private)


def _is_plain(cls: type[BaseModel]) -> bool:
    """Whether a class has no private attributes and no hook after validation but those of this module."""
    hook = inspect.unwrap(cls.model_post_init)
    known = hook is _set_private or hook.__module__.startswith("pydantic.")
    return known and cls.__private_attributes__.keys() <= _PRIVATE.keys()


class DictLikeModel(BaseModel):
    """A model whose undeclared values live in a dictionary beside its fields.

    Attribute access sees fields and dictionary, item access and the mapping methods see the dictionary alone.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    _data: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes out pydantic's hook that fills private attributes, which costs as much as all else: a class
        that has no more of them and no hook of its own is filled by `__init__`."""
        schema = handler(source)
        if schema["type"] != "model" or not _is_plain(cls):
            return schema
        return cast("CoreSchema", {key: value for key, value in schema.items() if key != "post_init"})

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Replaces that hook, a chain of one per base class, by one for `model_construct`."""
        if _is_plain(cls):
            cls.model_post_init = _set_private  # type: ignore[method-assign]

    def __init__(self, **params: Any) -> None:
        fields = self.__pydantic_fields__
        declared = params
        for name in params:
            if name not in fields:
                declared = {name: value for name, value in params.items() if name in fields}
                break
        self.__pydantic_validator__.validate_python(declared, self_instance=self)
        if self.__pydantic_private__ is None:
            _setattr(self, "__pydantic_private__", {"_data": {}})
        if declared is not params:
            self._keep_undeclared(params)

    def _keep_undeclared(self, params: dict[str, Any]) -> None:
        private = self.__pydantic_private__ or {}
        data = private["_data"]
        for name, value in params.items():
            if name in self.__private_attributes__:
                private[name] = value
            elif name not in self.__pydantic_fields__:
                data[name] = value

    def __getattr__(self, name: str) -> Any:
        private = self.__pydantic_private__
        if private is not None and name in private:
            return private[name]
        cls = type(self)
        if name in cls.__private_attributes__ or name in cls.__pydantic_fields__ or name.startswith("__"):
            return super().__getattr__(name)  # type: ignore[misc]
        data = (private or _PRIVATE)["_data"] or {}
        if name not in data:
            raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")
        return data[name]

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        if name in cls.__private_attributes__ or name in cls.__pydantic_fields__:
            super().__setattr__(name, value)
        else:
            self._data[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self._data)

    def __bool__(self) -> bool:
        return True

    def get(self, key: str, default: Any = None) -> Any:
        """The undeclared value of that name."""
        return self._data.get(key, default)

    def keys(self) -> KeysView[str]:
        """Names of the undeclared values."""
        return self._data.keys()

    def values(self) -> ValuesView[Any]:
        """The undeclared values."""
        return self._data.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and undeclared values."""
        return self._data.items()

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The dictionary of undeclared values itself."""
        return self._data

    @model_serializer(mode="wrap")
    def custom_model_dump(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Declared fields, and under `_data` whatever else there is."""
        dumped: dict[str, Any] = handler(self)
        if self._data:
            dumped["_data"] = self._data
        return dumped


class Event(DictLikeModel):
    """Base of everything that travels between steps."""


class UnreconstructedException(Exception):
    """Stands for an exception that a snapshot could not bring back: same message, its class name in
    `original_type`."""

    def __init__(self, message: str, *, original_type: str | None = None) -> None:
        super().__init__(message)
        self.original_type = original_type

    def __repr__(self) -> str:
        return f"UnreconstructedException(original_type={self.original_type!r}, {self.args[0]!r})"


def _serializer() -> JsonSerializer:
    return active_serializer() or JsonSerializer()


def _dump_event(event: Event) -> Any:
    return _serializer().serialize_value(event)


def _load_event(data: Any) -> Event:
    event = data if isinstance(data, Event) else _serializer().deserialize_value(data)
    if not isinstance(event, Event):
        raise ValueError(f"expected an event, got {type(event).__name__}")
    return event


def dump_exception(error: Exception) -> dict[str, str]:
    """Class and message of an exception."""
    kind = type(error)
    return {"exception_type": f"{kind.__module__}.{kind.__qualname__}", "exception_message": str(error)}


def load_exception(data: Any) -> Exception:
    """The exception that `dump_exception` described; an UnreconstructedException if it can't be made."""
    if isinstance(data, Exception):
        return data
    name, message = data["exception_type"], data["exception_message"]
    try:
        kind = _serializer().resolve_class(name)
        if isinstance(kind, type) and issubclass(kind, Exception):
            return kind(message)
    except Exception:  # whatever keeps the class from being found or made
        return UnreconstructedException(message, original_type=name)
    return UnreconstructedException(message, original_type=name)


def _dump_event_type(kind: type[Event]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _load_event_type(data: Any) -> type[Event]:
    kind = data if isinstance(data, type) else _serializer().resolve_class(data)
    if not issubclass(kind, Event):
        raise ValueError(f"expected an event class, got {kind.__name__}")
    return kind


SerializableEvent = Annotated[Event, PlainSerializer(_dump_event), PlainValidator(_load_event)]
"""A field that keeps the event's own class through a snapshot."""
SerializableOptionalEvent = Annotated[
    Event | None,
    PlainSerializer(lambda event: None if event is None else _dump_event(event)),
    PlainValidator(lambda data: None if data is None else _load_event(data)),
]
SerializableException = Annotated[Exception, PlainSerializer(dump_exception), PlainValidator(load_exception)]
"""A field that keeps class and message of an exception through a snapshot."""
SerializableOptionalException = Annotated[
    Exception | None,
    PlainSerializer(lambda error: None if error is None else dump_exception(error)),
    PlainValidator(lambda data: None if data is None else load_exception(data)),
]
SerializableEventType = Annotated[
    type[Event], PlainSerializer(_dump_event_type), PlainValidator(_load_event_type)
]


class StartEvent(Event):
    """Starts a run; built from the keywords of `Workflow.run()`."""


class StopEvent(Event):
    """Returned by a step, it ends the run; its `result` is what awaiting the run gives."""

    _result: Any = PrivateAttr(default=None)

    def __init__(self, result: Any = None, **kwargs: Any) -> None:
        if "result" in type(self).__pydantic_fields__:
            kwargs["result"] = result
        super().__init__(**kwargs)
        self.__pydantic_private__["_result"] = result  # type: ignore[index]

    def _get_result(self) -> Any:
        """What `result` gives; subclasses may override it."""
        return self._result

    @property
    def result(self) -> Any:
        """The value this event carries."""
        return self._get_result()

    @model_serializer(mode="wrap")
    def custom_model_dump(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As any event, with `result` added when there is one."""
        dumped: dict[str, Any] = handler(self)
        if self._data:
            dumped["_data"] = self._data
        if self._result is not None:
            dumped["result"] = self._result
        return dumped

    def __repr__(self) -> str:
        shown = {**self._data, **{name: getattr(self, name) for name in type(self).__pydantic_fields__}}
        if self._result is not None:
            shown["result"] = self._result
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def __str__(self) -> str:
        return str(self._result)


class InputRequiredEvent(Event):
    """Asks a person: returned by a step it goes to the run's stream, and nobody inside needs to take it."""


class HumanResponseEvent(Event):
    """A person's answer, sent in from outside."""


class StepFailedEvent(Event, defer_build=True):
    """Given to a `@catch_error` handler when a step has used up its attempts."""

    step_name: str
    input_event: SerializableEvent
    exception: SerializableException
    attempts: int
    elapsed_seconds: float
    """Since the first attempt began."""
    failed_at: datetime
    """Aware, UTC."""


class CollectionReleaseEvent(Event, defer_build=True):
    """What a `list[E]` step ran on, where one event must stand for the batch."""

    events: list[SerializableEvent] = Field(default_factory=list)
    stream_id: str = ""
    binding_id: str = ""


class WorkflowTimedOutEvent(StopEvent, defer_build=True):
    """Ends the stream of a run that exceeded its timeout (seconds)."""

    timeout: float
    active_steps: list[str]


class WorkflowCancelledEvent(StopEvent, defer_build=True):
    """Ends the stream of a run that was cancelled."""


class WorkflowFailedEvent(StopEvent, defer_build=True):
    """Ends the stream of a run that failed. `attempts` and `elapsed_seconds` are None when no step attempt
    was to blame."""

    step_name: str
    exception: SerializableException
    attempts: int | None = None
    elapsed_seconds: float | None = None


class IdleReleasedEvent(StopEvent, defer_build=True):
    """Result of a run that was put away while it had nothing to do; never published."""


class InternalDispatchEvent(Event, defer_build=True):
    """Base of what the engine tells about itself; only in `stream_events(expose_internal=True)`."""


class WorkflowIdleEvent(InternalDispatchEvent):
    """Nothing is queued or running: the run waits for something from outside."""


class UnhandledEvent(InternalDispatchEvent):
    """No step and no waiter took an event."""

    event_type: str
    qualified_name: str
    step_name: str | None = None
    """The step it was addressed to, if it was."""
    idle: bool
    """Whether the run has nothing else to do."""


class StepState(Enum):
    """PREPARING: waits for a free worker."""

    PREPARING = "preparing"
    RUNNING = "running"
    NOT_RUNNING = "not_running"


class StepStateChanged(InternalDispatchEvent):
    """An invocation of a step was queued, began, or came to its end."""

    name: str
    step_state: StepState
    worker_id: str
    input_event_name: str
    output_event_name: str | None = None


EventType = type[Event]
