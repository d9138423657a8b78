"""The native workflows of a module."""

from __future__ import annotations

from types import ModuleType

from wf_core import Workflow
from wf_core.errors import WorkflowConfigurationError, WorkflowValidationError
from wf_debug.backends import offers
from wf_debug.backends.base import Offer
from wf_debug.backends.native.graph import graph_of
from wf_debug.control.usercode import UserCode


def _has_steps(cls: type[Workflow]) -> bool:
    return bool(cls._get_steps_from_class())


_DIALECT = offers.Dialect(
    "native", Workflow, (WorkflowConfigurationError, WorkflowValidationError), graph_of, _has_steps
)


def find(module: ModuleType, user_code: UserCode) -> list[Offer]:
    """What the module offers of this engine."""
    return offers.find(module, _DIALECT, user_code)
