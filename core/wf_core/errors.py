"""The errors a workflow author may meet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the author's source; 1-based."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a workflow."""

    message: str
    steps: tuple[str, ...] = ()
    """The steps to look at."""
    places: tuple[Place, ...] = ()
    """Where those steps are defined, in the same order, or where the workflow is."""


class _WithFindings(Exception):
    """An error that tells everything it was raised for."""

    def __init__(self, *args: object, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(*args)
        self._findings = findings

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Each thing that is wrong, with its steps and their places; one at least."""
        return self._findings or (Finding(str(self)),)


class WorkflowValidationError(_WithFindings):
    """A workflow or one of its steps is put together wrongly; raised when decorated, validated or started."""


class WorkflowConfigurationError(_WithFindings):
    """A workflow class has no, or more than one, kind of start or stop event."""


class WorkflowRuntimeError(Exception):
    """Something went wrong while a workflow ran that is not the step's own exception."""


class WorkflowTimeoutError(Exception):
    """A run took longer than its timeout."""


class StepTimeoutError(TimeoutError):
    """An attempt of a step took longer than the step's own timeout."""


class WorkflowCancelledByUser(Exception):
    """A run was cancelled on request."""


class WorkflowStepDoesNotExistError(Exception):
    """A step was named that the workflow does not have."""


class WorkflowDone(Exception):
    """Never raised; here for code that names it."""


class ContextSerdeError(Exception):
    """A context can't be written as, or read back from, a snapshot."""


class UnserializableError(ContextSerdeError, ValueError):
    """A value in a context has no serialized form."""


class ContextStateError(Exception):
    """A context was used in a way its present state (before, inside or outside a run) does not allow."""
