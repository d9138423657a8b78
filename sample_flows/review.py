"""Document review between a machine and a person: the machine flags, the person decides, the machine applies.

Shows
    Several open questions at once. `check` (three workers) reads invoices and contracts; every finding
    that is severe enough waits in `decide` with `wait_for_event`, each with its own id and a
    requirement on the item, so answers may come in any order and each finds its own question. Small
    findings are settled by the machine. The join `apply` fires when the last answer is in.

Try
    `wf-tui sample_flows/review.py`, `r`. Eight questions come up: `h` opens them one after the other,
    each for its own item. Answer some with "accept", one with "waive". `w` on `apply` tells for whom it
    waits. Leave with `q` while questions are open: `wf-tui open` shows the recording as it was.

Headless
    wf-tui run sample_flows/review.py -i ask_from=never
    wf-tui run sample_flows/review.py -i document=INV-2042 \
        --respond '{"item": "INV-2042/1", "action": "accept"}'
"""

import asyncio
import json
import logging
import random
import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from wf_core import Context, Workflow, step
from wf_core.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent

log = logging.getLogger("review")
log.setLevel(logging.INFO)

DATA = Path(__file__).parent / "data"
SEVERITY = {"low": 0, "medium": 1, "high": 2, "never": 3}
CLAUSES: list[tuple[str, Literal["low", "medium", "high"], str, str]] = [
    (r"renews by itself for 12 months", "medium", "renews by itself for a year", "ask for renewal by month"),
    (
        r"prices at any time",
        "high",
        "prices may change at any time",
        "limit to the consumer price index, once a year",
    ),
    (r"liability is unlimited", "high", "our liability is unlimited", "limit to the value of the contract"),
    (
        r"confidential for five years",
        "low",
        "five years of confidentiality",
        "accept: house standard is five",
    ),
]


class ReviewStart(StartEvent):
    """Which documents to review, and when to ask."""

    document: str = Field(default="all", description="A number such as INV-2042 or C-318, or all")
    ask_from: Literal["low", "medium", "high", "never"] = Field(
        default="medium", description="Findings from this severity on are put to you"
    )
    seed: int = Field(default=7, description="The same seed gives the same delays")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class DocumentLoaded(Event):
    """One document to be checked."""

    number: str
    content: dict[str, Any]


class Finding(BaseModel):
    """One thing the machine does not like."""

    item: str = Field(description="Document and position, e.g. INV-2042/1")
    severity: Literal["low", "medium", "high"]
    what: str
    proposal: str


class DocumentChecked(Event):
    """A document with its findings."""

    number: str
    findings: list[Finding]


class FindingOpen(Event):
    """A finding on its way to a decision."""

    finding: Finding
    ask: bool


class DecisionNeeded(InputRequiredEvent):
    """Puts one finding to a person."""

    item: str
    severity: str
    prompt: str
    proposal: str


class DecisionMade(HumanResponseEvent):
    """What the person wants done about it."""

    item: str = Field(description="Which finding")
    action: Literal["accept", "amend", "waive"] = Field(
        description="Accept the proposal, word your own, or let it be"
    )
    text: str = Field(default="", description="With amend: what to do instead")


class Decided(Event):
    """A finding that is settled."""

    finding: Finding
    action: str
    text: str
    by: Literal["person", "machine"]


class ReviewReport(StopEvent):
    """The outcome."""

    markdown: str
    settled: dict[str, str] = Field(description="Item -> what was done")
    by_person: int
    by_machine: int


class ReviewState(BaseModel):
    """Settings, and what has been read."""

    ask_from: str = "medium"
    documents: list[str] = Field(default_factory=list)
    clean: list[str] = Field(default_factory=list)
    seed: int = 7
    pace: float = 1.0


# -- the checks ------------------------------------------------------------------------------------
def load_documents() -> dict[str, dict[str, Any]]:
    """All documents by number."""
    paths = sorted((DATA / "documents").glob("*.json"))
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {document["number"]: document for document in documents}


def invoice_findings(invoice: dict[str, Any], others: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(severity, what, proposal) of everything odd about an invoice."""
    found = []
    net = sum(line["quantity"] * line["price"] for line in invoice["lines"])
    gross = round(net * (1 + invoice["vat_rate"]), 2)
    if abs(gross - invoice["total"]) > 0.01:
        what = f"total is {invoice['total']:.2f}, the lines add up to {gross:.2f}"
        found.append(("high", what, f"pay {gross:.2f} and tell the supplier"))
    if date.fromisoformat(invoice["due"]) < date.fromisoformat(invoice["date"]):
        found.append(("medium", "due before it was written", "pay 30 days after the invoice date"))
    if not invoice["purchase_order"]:
        found.append(("medium", "no purchase order", "send back and ask for the order number"))
    if invoice["currency"] != "EUR":
        found.append(("low", f"in {invoice['currency']}", "convert at the rate of the invoice date"))
    twins = [o["number"] for o in others if o["number"] < invoice["number"] and same_but_number(o, invoice)]
    if twins:
        found.append(("high", f"the same as {twins[0]} but for its number", "do not pay: it is a duplicate"))
    return found


def same_but_number(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two documents differ in nothing but their number."""
    return {**one, "number": ""} == {**other, "number": ""}


def contract_findings(contract: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(severity, what, proposal) of every clause that the house rules know."""
    found: list[tuple[str, str, str]] = [
        (severity, f"clause {place}: {what}", proposal)
        for place, clause in enumerate(contract["clauses"], 1)
        for pattern, severity, what, proposal in CLAUSES
        if re.search(pattern, clause)
    ]
    if not any("terminat" in clause for clause in contract["clauses"]):
        found.append(
            ("medium", "nothing is said about termination", "add: three months to the end of a quarter")
        )
    return found


# -- the workflow ----------------------------------------------------------------------------------
class Review(Workflow):
    """Reviews documents with a person where it matters."""

    @step
    async def collect(self, ctx: Context[ReviewState], ev: ReviewStart) -> list[DocumentLoaded]:
        """Take the documents from the inbox."""
        documents = load_documents()
        chosen = (
            documents if ev.document == "all" else {k: v for k, v in documents.items() if k == ev.document}
        )
        if not chosen:
            raise LookupError(f"no document {ev.document!r}; there is: {', '.join(documents)}")
        async with ctx.store.edit_state() as state:
            state.ask_from, state.seed, state.pace = ev.ask_from, ev.seed, ev.pace
            state.documents = list(chosen)
        await asyncio.sleep(0.5 * ev.pace)
        print(f"{len(chosen)} document(s): {', '.join(chosen)}")
        return [DocumentLoaded(number=number, content=content) for number, content in chosen.items()]

    @step(num_workers=3)
    async def check(self, ctx: Context[ReviewState], ev: DocumentLoaded) -> DocumentChecked:
        """Read one document against the rules of the house."""
        state = await ctx.store.get_state()
        await asyncio.sleep(random.Random(f"{state.seed}/{ev.number}").uniform(0.4, 1.2) * state.pace)
        if ev.content["kind"] == "invoice":
            rows = invoice_findings(ev.content, list(load_documents().values()))
        else:
            rows = contract_findings(ev.content)
        findings = [
            Finding.model_validate({"item": f"{ev.number}/{n}", "severity": s, "what": w, "proposal": p})
            for n, (s, w, p) in enumerate(rows, 1)
        ]
        for finding in findings:
            log.warning("%s %s: %s", finding.severity, finding.item, finding.what)
        return DocumentChecked(number=ev.number, findings=findings)

    @step
    async def triage(self, ctx: Context[ReviewState], checked: list[DocumentChecked]) -> list[FindingOpen]:
        """Decide who decides."""
        async with ctx.store.edit_state() as state:
            state.clean = sorted(document.number for document in checked if not document.findings)
        threshold = SEVERITY[state.ask_from]
        findings = [finding for document in checked for finding in document.findings]
        return [
            FindingOpen(finding=finding, ask=SEVERITY[finding.severity] >= threshold)
            for finding in sorted(findings, key=lambda finding: finding.item)
        ]

    @step(num_workers=3)
    async def decide(self, ctx: Context[ReviewState], ev: FindingOpen) -> Decided:
        """Ask the person about this one, or settle it."""
        finding = ev.finding
        if not ev.ask:
            await asyncio.sleep(0.2 * await ctx.store.get("pace"))
            return Decided(finding=finding, action="accept", text=finding.proposal, by="machine")
        answer = await ctx.wait_for_event(
            DecisionMade,
            waiter_event=DecisionNeeded(
                prompt=f"{finding.item}, {finding.severity}: {finding.what}. Proposal: {finding.proposal}.",
                item=finding.item,
                severity=finding.severity,
                proposal=finding.proposal,
            ),
            waiter_id=f"decision {finding.item}",
            requirements={"item": finding.item},
            timeout=None,
        )
        if answer.action == "amend" and not answer.text:
            log.warning("%s: amend without a text, the proposal stands", finding.item)
        text = {
            "accept": finding.proposal,
            "amend": answer.text or finding.proposal,
            "waive": "left as it is",
        }
        return Decided(finding=finding, action=answer.action, text=text[answer.action], by="person")

    @step
    async def apply(self, ctx: Context[ReviewState], decided: list[Decided]) -> ReviewReport:
        """Carry out what was decided and write the report."""
        state = await ctx.store.get_state()
        await asyncio.sleep(0.8 * state.pace)
        in_order = sorted(decided, key=lambda item: item.finding.item)
        lines = [
            f"| {d.finding.item} | {d.finding.severity} | {d.finding.what} | {d.text} | {d.by} |"
            for d in in_order
        ]
        head = "| item | severity | finding | done | by |\n|---|---|---|---|---|"
        passed = f"Nothing found in: {', '.join(state.clean) or 'none of them'}."
        markdown = "\n".join(
            [f"# Review of {len(state.documents)} document(s)", "", head, *lines, "", passed]
        )
        print(markdown)
        return ReviewReport(
            markdown=markdown,
            settled={d.finding.item: d.text for d in in_order},
            by_person=sum(d.by == "person" for d in decided),
            by_machine=sum(d.by == "machine" for d in decided),
        )


workflow = Review(timeout=None)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    handler = workflow.run()
    async for event in handler.stream_events():
        if isinstance(event, DecisionNeeded):
            action = await asyncio.to_thread(input, f"{event.prompt} accept, amend or waive? ")
            handler.ctx.send_event(
                DecisionMade.model_validate({"item": event.item, "action": action.strip()})
            )
    await handler


if __name__ == "__main__":
    asyncio.run(main())
