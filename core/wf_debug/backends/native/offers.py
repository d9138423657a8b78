"""The native workflows of a module."""

from __future__ import annotations

from types import ModuleType

from wf_core import Workflow
from wf_core.errors import Finding, WorkflowConfigurationError, WorkflowValidationError
from wf_debug.backends import offers
from wf_debug.backends.base import Offer
from wf_debug.backends.native.graph import graph_of
from wf_debug.control.usercode import UserCode
from wf_debug.graph import FlowGraph, SourceRef
from wf_debug.wire import Problem


def _has_steps(cls: type[Workflow]) -> bool:
    return bool(cls._get_steps())


def _problems_in(error: Exception, graph: FlowGraph, cls: type) -> list[Problem]:
    """The findings that the error carries; one without a step is the workflow's."""
    assert isinstance(error, _FAULTS)
    return [_problem(finding, cls) for finding in error.findings]


def _problem(finding: Finding, cls: type) -> Problem:
    refs = [SourceRef(file=place.file, line=place.line) for place in finding.places]
    further = list(zip(finding.steps, refs, strict=False))[1:]
    also = "".join(f"\n  also step {step} at {ref}" for step, ref in further)
    return Problem(
        message=finding.message + also,
        step=next(iter(finding.steps), None),
        where=refs[0] if refs else offers.source_of(cls),
    )


_FAULTS = (WorkflowConfigurationError, WorkflowValidationError)
_DIALECT = offers.Dialect("native", Workflow, _FAULTS, graph_of, _has_steps, _problems_in)


def find(module: ModuleType, user_code: UserCode) -> list[Offer]:
    """What the module offers of this engine."""
    return offers.find(module, _DIALECT, user_code)


def describe(flow: Workflow, user_code: UserCode) -> Offer:
    """A workflow that user code runs."""
    return offers.describe(flow, _DIALECT, user_code)
