"""What an imported file offers to run, and what to say when it offers nothing."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from wf_debug.backends.base import Backend, Offer
from wf_debug.backends.refusal import Refused
from wf_debug.graph import SourceRef
from wf_debug.host.load import FlowModule
from wf_debug.host.source import imported_packages

_OTHER_ENGINES = {"workflows", "llama_index", "llama_agents"}


def find_offers(flow: FlowModule, backends: Sequence[Backend], engine: str) -> dict[str, Offer]:
    """The workflows of the file by name, in definition order.

    Raises:
        Refused: no_workflow, saying what was found instead.
    """
    asked = [b for b in backends if engine in ("auto", b.name)]
    offers = [offer for backend in asked for offer in backend.find(flow.module)]
    if not offers:
        raise _nothing_offered(flow, [b.name for b in asked], engine)
    return {offer.info.name: offer for offer in offers}


def _nothing_offered(flow: FlowModule, engines: Sequence[str], engine: str) -> Refused:
    where = SourceRef(file=str(flow.path), line=1)
    message = f"{flow.path.name} defines no workflow"
    foreign = sorted(imported_packages(flow.tree) & _OTHER_ENGINES)
    if engine not in ("auto", *engines):
        hint = f"this version runs flows of: {', '.join(engines) or 'no engine'}; {engine!r} not yet"
    elif foreign:
        hint = (
            f"it imports from {foreign[0]!r}, an engine that this version does not run yet; "
            f"flows written with `from wf_core import Workflow, step` run"
        )
    else:
        wanted = "a flow has a class that derives from wf_core.Workflow, with methods marked @step"
        hint = f"{_what_is_there(flow)}; {wanted}"
    return Refused("no_workflow", message, where=where, hint=hint)


def _what_is_there(flow: FlowModule) -> str:
    members = vars(flow.module).items()
    own = [(n, m) for n, m in members if getattr(m, "__module__", None) == flow.name]
    classes = [n for n, m in own if inspect.isclass(m)]
    functions = [n for n, m in own if inspect.isfunction(m)]
    parts = [f"classes {', '.join(classes[:6])}"] if classes else []
    parts += [f"functions {', '.join(functions[:6])}"] if functions else []
    return "it defines " + " and ".join(parts) if parts else "it defines no class and no function"
