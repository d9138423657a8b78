"""How this engine's workflows are recognised and checked."""

from __future__ import annotations

from workflows import Workflow
from workflows.errors import WorkflowConfigurationError, WorkflowValidationError

from wf_debug.backends.llamaindex.graph import graph_of, steps_of
from wf_debug.backends.offers import Dialect

DIALECT = Dialect(
    "llamaindex",
    Workflow,
    (WorkflowConfigurationError, WorkflowValidationError),
    graph_of,
    lambda cls: bool(steps_of(cls)),
)
