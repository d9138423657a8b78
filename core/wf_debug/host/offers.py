"""What an imported file offers to run, and what to say when it offers nothing."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from wf_debug.backends.base import Backend, Offer
from wf_debug.backends.refusal import Refused
from wf_debug.graph import SourceRef
from wf_debug.host.load import FlowModule
from wf_debug.host.source import imported_packages

_IMPORTED_BY = {
    "native": frozenset({"workflows", "llama_index", "llama_agents"}),
    "llamaindex": frozenset({"wf_core"}),
}
"""For each engine, the packages that flows of another one import."""


def find_offers(flow: FlowModule, backends: Sequence[Backend], engine: str) -> dict[str, Offer]:
    """The workflows of the file by name, in definition order.

    Raises:
        Refused: no_workflow, saying what was found instead.
    """
    asked = [b for b in backends if engine in ("auto", b.name)]
    offers = [offer for backend in asked for offer in backend.find(flow.module)]
    if not offers:
        raise _nothing_offered(flow, engine)
    return {offer.info.name: offer for offer in offers}


def _nothing_offered(flow: FlowModule, engine: str) -> Refused:
    where = SourceRef(file=str(flow.path), line=1)
    others = imported_packages(flow.tree) & _IMPORTED_BY.get(engine, frozenset())
    if others:
        message = f"{flow.path.name} defines no workflow for the engine {engine!r}"
        hint = f"it imports from {min(others)!r}; leave --engine out, and each workflow's base class decides"
        return Refused("no_workflow", message, where=where, hint=hint)
    wanted = (
        "a flow has a class that derives from Workflow (of wf_core or workflows), with methods marked @step"
    )
    message = f"{flow.path.name} defines no workflow"
    return Refused("no_workflow", message, where=where, hint=f"{_what_is_there(flow)}; {wanted}")


def _what_is_there(flow: FlowModule) -> str:
    members = vars(flow.module).items()
    own = [(n, m) for n, m in members if getattr(m, "__module__", None) == flow.name]
    classes = [n for n, m in own if inspect.isclass(m)]
    functions = [n for n, m in own if inspect.isfunction(m)]
    parts = [f"classes {', '.join(classes[:6])}"] if classes else []
    parts += [f"functions {', '.join(functions[:6])}"] if functions else []
    return "it defines " + " and ".join(parts) if parts else "it defines no class and no function"
