"""The errors a workflow author may meet; each derives from `Exception` alone, so none catches another."""

from __future__ import annotations


class WorkflowValidationError(Exception):
    """A workflow or one of its steps is put together wrongly; raised when decorated, validated or started."""


class WorkflowConfigurationError(Exception):
    """A workflow class has no, or more than one, kind of start or stop event."""


class WorkflowRuntimeError(Exception):
    """Something went wrong while a workflow ran that is not the step's own exception."""


class WorkflowTimeoutError(Exception):
    """A run took longer than its timeout."""


class WorkflowCancelledByUser(Exception):
    """A run was cancelled on request."""


class WorkflowStepDoesNotExistError(Exception):
    """A step was named that the workflow does not have."""


class ContextSerdeError(Exception):
    """A context can't be written as, or read back from, a snapshot."""


class ContextStateError(Exception):
    """A context was used in a way its present state (before, inside or outside a run) does not allow."""
