"""A person in the loop of a LlamaIndex workflow: a contract is summed up, somebody signs or sends it back.

Shows
    `ctx.wait_for_event` on the genuine engine: `review` publishes a `SignatureRequested` and waits for a
    `Decision` on the same document. When it comes, the engine runs the step again *from its first line*
    (the log line before the wait appears twice: that is the engine, not the debugger). "change" leads
    back to `summarise` with the reviewer's remark, as often as it takes.

Try
    `wf-tui sample_flows/llamaindex/approval.py`, `r`. When the run asks, `h` opens the form for the answer:
    "change" with a remark, then "sign". While it waits, `w` on `review` says whom it waits for, and the
    clock of the run goes on: with `p` it stands still, and so does the timeout.

Headless
    wf-tui run sample_flows/llamaindex/approval.py --respond '{"verdict": "change", "remark": "price"}' \
        --respond '{"verdict": "sign", "name": "M. Ferrer"}'

Needs
    pip install 'wf-tui[llamaindex]'
"""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any, Literal

from llama_index.core import PromptTemplate
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.schema import Document
from pydantic import Field
from workflows import Context, Workflow, step
from workflows.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent

log = logging.getLogger("contracts")
log.setLevel(logging.INFO)

DOCUMENTS = Path(__file__).parents[1] / "data" / "documents"
SUMMARY = PromptTemplate("Sum up this contract in one line. Mind: {remark}\n\n{text}\n\nSummary:")


class Summariser(CustomLLM):
    """Stands for a model: the first clause, and every clause that has a word of the remark."""

    model: str = "summariser-1"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, context_window=4096, num_output=128)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        head, _, body = prompt.partition("\n\n")
        words = [word for word in head.partition("Mind:")[2].lower().split() if len(word) > 3]
        clauses = body.rpartition("\n\n")[0].splitlines()
        fitting = [c for c in clauses[1:] if any(word.strip(".,;!") in c.lower() for word in words)]
        text = " ".join([*clauses[:1], *fitting])
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        return CompletionResponse(text=text, raw={"model": self.model, "usage": usage})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield self.complete(prompt, formatted, **kwargs)


class ContractStart(StartEvent):
    """Which contract is to be signed."""

    number: Literal["C-318", "C-319"] = Field(default="C-318", description="Number of the contract")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class Drafting(Event):
    """The contract needs a summary that minds the remark."""

    document: Document
    remark: str
    turn: int


class Summarised(Event):
    """The contract and its summary, ready for somebody's eyes."""

    document: Document
    summary: str
    turn: int


class SignatureRequested(InputRequiredEvent):
    """Asks a person to sign."""

    prompt: str
    turn: int


class Decision(HumanResponseEvent):
    """What the person decides."""

    turn: int = Field(default=1, description="Which draft the decision is on")
    verdict: Literal["sign", "change", "refuse"] = Field(description="What is to happen")
    remark: str = Field(default="", description="With change: what the summary has to mind")
    name: str = Field(default="", description="With sign: whose signature it is")


class Done(StopEvent):
    """How it ended."""

    number: str
    outcome: str
    turns: int


class Approval(Workflow):
    """Has a contract signed."""

    llm = Summariser()

    @step
    async def read(self, ctx: Context, ev: ContractStart) -> Drafting:
        await ctx.store.set("pace", ev.pace)
        contract = json.loads((DOCUMENTS / f"{ev.number.lower()}.json").read_text(encoding="utf-8"))
        text = "\n".join(contract.pop("clauses"))
        return Drafting(document=Document(text=text, metadata=contract), remark="the term", turn=1)

    @step
    async def summarise(self, ctx: Context, ev: Drafting) -> Summarised:
        await asyncio.sleep(0.5 * await ctx.store.get("pace"))
        summary = await self.llm.apredict(SUMMARY, remark=ev.remark, text=ev.document.text)
        return Summarised(document=ev.document, summary=summary, turn=ev.turn)

    @step
    async def review(self, ctx: Context, ev: Summarised) -> Drafting | Done:
        number, party = ev.document.metadata["number"], ev.document.metadata["party"]
        log.info("draft %d of %s is out for a signature", ev.turn, number)
        decision = await ctx.wait_for_event(
            Decision,
            waiter_event=SignatureRequested(
                prompt=f"Contract {number} with {party}: {ev.summary} Sign it?", turn=ev.turn
            ),
            waiter_id=f"draft {ev.turn}",
            requirements={"turn": ev.turn},
            timeout=3600,
        )
        if decision.verdict == "change":
            return Drafting(document=ev.document, remark=decision.remark, turn=ev.turn + 1)
        outcome = f"signed by {decision.name or 'nobody named'}" if decision.verdict == "sign" else "refused"
        return Done(number=number, outcome=outcome, turns=ev.turn)


workflow = Approval(timeout=None)


async def main() -> None:
    handler = workflow.run(pace=0)
    async for event in handler.stream_events():
        if isinstance(event, SignatureRequested):
            print(event.prompt)
            verdict = "change" if event.turn == 1 else "sign"
            answer = Decision(turn=event.turn, verdict=verdict, remark="price notice", name="M. Ferrer")
            handler.ctx.send_event(answer)
    done = await handler
    print(f"{done.number}: {done.outcome}")


if __name__ == "__main__":
    asyncio.run(main())
