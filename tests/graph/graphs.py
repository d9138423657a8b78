"""Graphs to draw, written as short wire lists."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from wf_debug.graph import HUMAN, START, STOP, Edge, EdgeOrigin, EventRole, EventType, FlowGraph, Step

Triple = tuple[str, str, str]
ROLES: dict[str, EventRole] = {
    "StartEvent": "start",
    "AgentWorkflowStartEvent": "start",
    "StopEvent": "stop",
    "InputRequiredEvent": "input_required",
    "HumanResponseEvent": "human_response",
    "StepFailedEvent": "step_failed",
}


def flow(name: str, wires: Sequence[Triple], extra: Sequence[str] = (), **origins: EdgeOrigin) -> FlowGraph:
    """A graph whose steps appear in the order of the wires; `origins` sets an event type's edge origin."""
    names = dict.fromkeys(end for a, b, _ in wires for end in (a, b) if end not in (START, STOP, HUMAN))
    steps = [
        Step(
            name=step,
            accepts=tuple(dict.fromkeys(e for _, b, e in wires if b == step)),
            emits=tuple(dict.fromkeys(e for a, _, e in wires if a == step)),
        )
        for step in (*names, *extra)
    ]
    events = [EventType(name=e, role=ROLES.get(e, "event")) for e in dict.fromkeys(e for *_, e in wires)]
    edges = [Edge(source=a, target=b, event=e, origin=origins.get(e, "declared")) for a, b, e in wires]
    return FlowGraph(name=name, steps=tuple(steps), events=tuple(events), edges=tuple(edges))


def linear() -> FlowGraph:
    return flow(
        "linear",
        [
            (START, "ingest", "StartEvent"),
            ("ingest", "clean", "DocsLoaded"),
            ("clean", "embed", "DocsClean"),
            ("embed", "index", "DocsEmbedded"),
            ("index", "report", "IndexReady"),
            ("report", STOP, "StopEvent"),
        ],
    )


def branch_loop() -> FlowGraph:
    return flow(
        "branch_loop",
        [
            (START, "plan", "StartEvent"),
            ("plan", "search_web", "WebQuery"),
            ("plan", "search_db", "DbQuery"),
            ("search_web", "merge", "WebHits"),
            ("search_db", "merge", "DbHits"),
            ("merge", "judge", "Draft"),
            ("judge", "plan", "NeedsMore"),
            ("judge", STOP, "StopEvent"),
        ],
    )


def fan_out() -> FlowGraph:
    """Pages and images leave in lists; `collect` runs once for all."""
    graph = flow(
        "fan_out",
        [
            (START, "dispatch", "StartEvent"),
            ("dispatch", "ocr_page", "PageJob"),
            ("dispatch", "caption_image", "ImageJob"),
            ("dispatch", "transcribe_audio", "AudioJob"),
            ("ocr_page", "collect", "PageDone"),
            ("caption_image", "collect", "ImageDone"),
            ("transcribe_audio", "collect", "AudioDone"),
            ("collect", STOP, "StopEvent"),
        ],
    )
    more = {"dispatch": {"lists": ("PageJob", "ImageJob")}, "collect": {"joins": True}}
    return graph.model_copy(
        update={"steps": tuple(s.model_copy(update=more.get(s.name, {})) for s in graph.steps)}
    )


def react() -> FlowGraph:
    return flow(
        "react",
        [
            (START, "init_run", "AgentWorkflowStartEvent"),
            ("init_run", "setup_agent", "AgentInput"),
            ("setup_agent", "run_agent_step", "AgentSetup"),
            ("run_agent_step", "parse_agent_output", "AgentOutput"),
            ("parse_agent_output", "call_tool", "ToolCall"),
            ("call_tool", "aggregate_tool_results", "ToolCallResult"),
            ("aggregate_tool_results", "setup_agent", "AgentInput"),
            ("parse_agent_output", "setup_agent", "AgentInput"),
            ("parse_agent_output", STOP, "StopEvent"),
            ("aggregate_tool_results", STOP, "StopEvent"),
        ],
    )


def human() -> FlowGraph:
    return flow(
        "human",
        [
            (START, "draft", "StartEvent"),
            ("draft", "ask_human", "DraftReady"),
            ("ask_human", HUMAN, "InputRequiredEvent"),
            (HUMAN, "revise", "HumanResponseEvent"),
            ("revise", "draft", "Rework"),
            ("revise", "revise", "RetrySelf"),
            ("revise", "publish", "Approved"),
            ("publish", STOP, "StopEvent"),
        ],
    )


def mixed() -> FlowGraph:
    """A broadcast event, a two-step cycle, a step with loops in and out, long names."""
    classify = "classify_incoming_customer_request_v2"
    return flow(
        "mixed",
        [
            (START, classify, "StartEvent"),
            (classify, "retrieve", "QueryEvent"),
            (classify, "web_lookup", "QueryEvent"),
            ("retrieve", "grade", "RetrievedDocumentsWithScoresEvent"),
            ("web_lookup", "grade", "WebResults"),
            ("grade", "rewrite_query", "Irrelevant"),
            ("rewrite_query", classify, "QueryRetry"),
            ("grade", "answer", "Relevant"),
            ("answer", HUMAN, "InputRequiredEvent"),
            (HUMAN, "answer", "HumanResponseEvent"),
            ("answer", STOP, "StopEvent"),
            ("rewrite_query", STOP, "StopEvent"),
            ("answer", "grade", "NeedMoreContext"),
        ],
    )


def odd() -> FlowGraph:
    """Unreachable and isolated steps, one without output, a double edge, an error handler."""
    return flow(
        "odd",
        [
            (START, "fetch", "StartEvent"),
            ("fetch", "parse", "Page"),
            ("fetch", "parse", "CachedPage"),
            ("fetch", "audit", "Page"),
            ("parse", STOP, "StopEvent"),
            ("cleanup", "parse", "Swept"),
            ("parse", "on_error", "StepFailedEvent"),
            ("on_error", STOP, "StopEvent"),
            (HUMAN, "parse", "Consent"),
            ("parse", "audit", "Seen"),
        ],
        extra=["lonely"],
        Consent="waited",
        Seen="observed",
    )


def handler_of_all() -> FlowGraph:
    """One handler for every step's failure."""
    steps = ["load", "split", "embed", "store"]
    chain = [(a, b, f"{a.title()}Done") for a, b in pairwise(steps)]
    caught = [(step, "recover", "StepFailedEvent") for step in steps]
    ends = [
        (START, "load", "StartEvent"),
        *chain,
        ("store", STOP, "StopEvent"),
        ("recover", STOP, "StopEvent"),
    ]
    return flow("handler_of_all", [*ends, *caught])


_NAMES = [
    "fetch",
    "parse",
    "rank",
    "score",
    "filter",
    "merge",
    "split",
    "embed",
    "store",
    "notify",
    "check",
    "route",
]


def tangle(size: int, seed: int, loops: int) -> FlowGraph:
    """A random graph of `size` steps with `loops` wires back up."""
    chance = random.Random(seed)
    names = [f"{_NAMES[i % len(_NAMES)]}_{i // len(_NAMES) + 1}" for i in range(size)]
    wires: dict[tuple[int, int], str] = {}
    for i in range(1, size):
        for _ in range(1 if chance.random() < 0.72 else 2):
            wires.setdefault((chance.randrange(max(0, i - 5), i), i), f"Ev{i}")
    while loops:
        i = chance.randrange(6, size)
        j = i - chance.randrange(3, 9)
        if j >= 0 and (i, j) not in wires:
            wires[i, j] = f"Retry{i}"
            loops -= 1
    emitting = {a for a, _ in wires}
    triples = [(START, names[0], "StartEvent")] + [(names[a], names[b], e) for (a, b), e in wires.items()]
    triples += [(name, STOP, "StopEvent") for i, name in enumerate(names) if i not in emitting]
    return flow(f"tangle{size}", triples)


def thicket(seed: int) -> FlowGraph:
    """Many wires between few steps, in any direction."""
    chance = random.Random(seed)
    names = [f"st{i}" for i in range(chance.randrange(8, 20))]
    count = chance.randrange(len(names), 3 * len(names))
    wires = [(chance.choice(names), chance.choice(names), f"Ev{chance.randrange(12)}") for _ in range(count)]
    ends = [(name, STOP, "StopEvent") for name in chance.sample(names, chance.randrange(5))]
    return flow("thicket", [(START, "st0", "StartEvent"), *wires, *ends], extra=names)


SAMPLES: dict[str, Callable[[], FlowGraph]] = {
    "linear": linear,
    "branch_loop": branch_loop,
    "fan_out": fan_out,
    "react": react,
    "human": human,
    "mixed": mixed,
    "odd": odd,
    "handler_of_all": handler_of_all,
    "tangle30": lambda: tangle(30, 7, 3),
}
