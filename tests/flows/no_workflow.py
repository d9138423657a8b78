"""A module without a workflow."""

ANSWER = 42
