"""People in the loop: a run that asks, waits, and takes more than one answer.

Shows
    Two ways to wait. `ask` *returns* an `ApprovalRequested` (an InputRequiredEvent): no step runs while
    the answer is out, and `decide` starts when an `ApprovalGiven` (a HumanResponseEvent) comes in;
    "change" leads back, as often as you like. `sign` *waits inside a step* with `wait_for_event`. After
    a restart from a snapshot, and on LlamaIndex's own engine, such a step runs again from its first
    line when the answer comes: nothing before the wait may have an effect. Expensive requests need that
    second signature.

Try
    `wf-tui sample_flows/approval.py`, `r`. When the run asks, `h` opens the form for the answer:
    "change" with a new amount, then "approve". Instead of the form, `i` injects any event by hand. `w`
    on `sign` says whom it waits for.

Headless
    wf-tui run sample_flows/approval.py -i amount=480 --respond '{"decision": "approve"}'
    wf-tui run sample_flows/approval.py -i amount=2400 --respond '{"decision": "change", "amount": 1900}' \
        --respond '{"decision": "approve"}' --respond '{"request": "PR-1007", "name": "M. Ferrer"}'
"""

import asyncio
import logging
from typing import Literal

from pydantic import BaseModel, Field

from wf_core import Context, Workflow, step
from wf_core.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent

log = logging.getLogger("purchasing")
log.setLevel(logging.INFO)

SECOND_SIGNATURE_FROM = 1000


class PurchaseStart(StartEvent):
    """A purchase somebody wants to make."""

    item: str = Field(default="Standing desk, oak, 160 cm", min_length=3, description="What is to be bought")
    amount: float = Field(default=1450.0, gt=0, le=50_000, description="Price in euro")
    requester: str = Field(default="Noor", description="Who asks")
    seed: int = Field(default=7, description="Numbers the request")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class RequestDrafted(Event):
    """The request as it stands, ready to be shown to somebody."""

    text: str
    amount: float
    turn: int


class ApprovalRequested(InputRequiredEvent):
    """Asks a person for a decision."""

    prompt: str
    amount: float
    turn: int


class ApprovalGiven(HumanResponseEvent):
    """The person's decision."""

    decision: Literal["approve", "change", "reject"] = Field(description="What is to happen")
    amount: float | None = Field(default=None, gt=0, description="With change: the new amount")
    comment: str = Field(default="", description="Shown to the requester")


class Approved(Event):
    """The budget owner agrees."""

    amount: float


class SignatureNeeded(InputRequiredEvent):
    """Asks a second person to sign."""

    prompt: str
    request: str


class SignatureGiven(HumanResponseEvent):
    """The second signature."""

    request: str = Field(description="Number of the request that is signed")
    name: str = Field(min_length=2, description="Who signs")


class PurchaseState(BaseModel):
    """The request and all that was said about it."""

    request: str = ""
    item: str = ""
    requester: str = ""
    amount: float = 0
    turn: int = 0
    comments: list[str] = Field(default_factory=list)
    pace: float = 1.0


class Approval(Workflow):
    """Takes a purchase through one or two people."""

    @step
    async def draft(self, ctx: Context[PurchaseState], ev: PurchaseStart) -> RequestDrafted:
        """Number the request and write it down."""
        await asyncio.sleep(0.5 * ev.pace)
        async with ctx.store.edit_state() as state:
            state.request = f"PR-{1000 + ev.seed}"
            state.item, state.requester, state.amount, state.pace = ev.item, ev.requester, ev.amount, ev.pace
        text = f"{state.request}: {ev.requester} asks for {ev.item} at {ev.amount:,.2f} euro"
        print(text)
        return RequestDrafted(text=text, amount=ev.amount, turn=1)

    @step
    async def ask(self, ctx: Context[PurchaseState], ev: RequestDrafted) -> ApprovalRequested:
        """Show it to the budget owner; the run goes on when the answer comes."""
        await ctx.store.set("turn", ev.turn)
        log.info("asking for a decision, turn %d", ev.turn)
        return ApprovalRequested(
            prompt=f"{ev.text}. Approve, change or reject?", amount=ev.amount, turn=ev.turn
        )

    @step
    async def decide(
        self, ctx: Context[PurchaseState], ev: ApprovalGiven
    ) -> RequestDrafted | Approved | StopEvent:
        """Do what the person said."""
        async with ctx.store.edit_state() as state:
            state.amount = ev.amount or state.amount
            if ev.comment:
                state.comments.append(ev.comment)
        await asyncio.sleep(0.4 * state.pace)
        if ev.decision == "approve":
            return Approved(amount=state.amount)
        if ev.decision == "reject":
            log.warning("%s rejected: %s", state.request, ev.comment or "no reason given")
            return StopEvent(
                result={"request": state.request, "status": "rejected", "comments": state.comments}
            )
        text = f"{state.request}, changed: {state.item} at {state.amount:,.2f} euro"
        return RequestDrafted(text=text, amount=state.amount, turn=state.turn + 1)

    @step
    async def sign(self, ctx: Context[PurchaseState], ev: Approved) -> StopEvent:
        """Get the second signature where one is needed, then order."""
        state = await ctx.store.get_state()
        signatures = ["budget owner"]
        if ev.amount >= SECOND_SIGNATURE_FROM:
            answer = await ctx.wait_for_event(
                SignatureGiven,
                waiter_event=SignatureNeeded(
                    prompt=f"{state.request} costs {ev.amount:,.2f} euro. Who signs as the second person?",
                    request=state.request,
                ),
                requirements={"request": state.request},
                timeout=None,
            )
            signatures.append(answer.name)
        await asyncio.sleep(0.6 * state.pace)
        print(f"{state.request} ordered, signed by {' and '.join(signatures)}")
        return StopEvent(
            result={
                "request": state.request,
                "status": "ordered",
                "amount": ev.amount,
                "turns": state.turn,
                "signatures": signatures,
                "comments": state.comments,
            }
        )


workflow = Approval(timeout=None)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    handler = workflow.run()
    async for event in handler.stream_events():
        match event:
            case ApprovalRequested():
                decision = await asyncio.to_thread(input, f"{event.prompt} ")
                handler.ctx.send_event(ApprovalGiven.model_validate({"decision": decision.strip()}))
            case SignatureNeeded():
                name = await asyncio.to_thread(input, f"{event.prompt} ")
                handler.ctx.send_event(SignatureGiven(request=event.request, name=name))
    print(await handler)


if __name__ == "__main__":
    asyncio.run(main())
