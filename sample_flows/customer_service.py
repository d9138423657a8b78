"""Customer service: intent and mood in parallel, retrieval, an answer, and a customer who judges it.

Shows
    One event to two steps (`CustomerMessage` goes to `detect_intent` and `detect_mood`), a step with
    two event parameters that waits for both (`retrieve`), retrieval by TF-IDF over data/help_centre,
    and a conversation: the answer is an InputRequiredEvent, the customer's `Feedback` leads back into
    the loop until the case is solved, or until it is handed to a person. No model, no network: the
    intent comes from naive Bayes over data/tickets.json.

Try
    `wf-tui sample_flows/customer_service.py`, `r`, and play the customer: `h` answers, "no" with
    another message a few times. Put a breakpoint on ArticlesFound with `b` and drop it with `x`: `w`
    then says what `answer` still waits for. `i` sends another CustomerMessage into the running
    conversation.

Headless
    wf-tui run sample_flows/customer_service.py -i ticket=T-107 --respond '{"solved": "yes"}'
    wf-tui run sample_flows/customer_service.py -i message="my boards are empty" \
        --respond '{"solved": "no", "message": "the phone shows old cards"}' --respond '{"solved": "yes"}'
"""

import asyncio
import json
import logging
import math
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from wf_core import Context, Workflow, step
from wf_core.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent

log = logging.getLogger("service")
log.setLevel(logging.INFO)

DATA = Path(__file__).parent / "data"
ANGRY = {"terrible", "never", "again", "immediately", "unacceptable", "today", "worst", "ridiculous"}
GREETINGS = ["Thank you for writing to us", "Thanks for getting in touch", "Good to hear from you"]


class ServiceStart(StartEvent):
    """A ticket from the queue, or a message of your own."""

    ticket: str = Field(
        default="T-107", pattern=r"^T-\d{3}$", description="T-101 to T-112, see data/tickets.json"
    )
    message: str = Field(default="", max_length=500, description="Instead of the ticket's text")
    max_turns: int = Field(default=3, ge=1, le=10, description="Answers before a person takes over")
    seed: int = Field(default=7, description="The same seed gives the same wording")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class CustomerMessage(Event):
    """What the customer wrote."""

    text: str = Field(description="The customer's words")
    turn: int = Field(default=1, ge=1)


class IntentFound(Event):
    """What the message is about."""

    intent: str
    confidence: float
    text: str


class MoodFound(Event):
    """How the customer feels."""

    mood: Literal["calm", "annoyed", "angry"]
    signs: list[str]


class Article(BaseModel):
    """A help-centre article that fits."""

    name: str
    title: str
    score: float


class ArticlesFound(Event):
    """The articles to answer from, best first."""

    articles: list[Article]
    intent: str
    mood: str


class AnswerGiven(InputRequiredEvent):
    """The answer, and the question whether it helped."""

    prompt: str
    article: str


class Feedback(HumanResponseEvent):
    """The customer's word on the answer."""

    solved: Literal["yes", "no"] = Field(description="Did the answer help?")
    message: str = Field(default="", description="With no: what is still missing")


class CaseSolved(Event):
    """The customer is satisfied."""

    comment: str


class CaseEscalated(Event):
    """A person has to take over."""

    reason: str


class CaseState(BaseModel):
    """The conversation so far."""

    customer: str = ""
    turn: int = 0
    max_turns: int = 3
    intent: str = ""
    shown: list[str] = Field(default_factory=list)
    transcript: list[str] = Field(default_factory=list)
    seed: int = 7
    pace: float = 1.0


# -- what the machine knows ------------------------------------------------------------------------
def words_of(text: str) -> list[str]:
    """Words of three letters and more; a plural s is cut."""
    return [word.rstrip("s") for word in re.findall(r"[a-zà-ÿ-]{3,}", text.lower())]


@cache
def tickets() -> dict[str, dict[str, str]]:
    """Past tickets with their intent: the queue, and what the classifier learns from."""
    return {row["id"]: row for row in json.loads((DATA / "tickets.json").read_text(encoding="utf-8"))}


@cache
def articles() -> dict[str, tuple[str, str]]:
    """Title and body of every help-centre article, by file name."""
    found = {}
    for path in sorted((DATA / "help_centre").glob("*.md")):
        title, body = path.read_text(encoding="utf-8").split("\n\n", 1)
        found[path.stem] = (title.removeprefix("# "), body.strip())
    return found


@cache
def vectors() -> dict[str, dict[str, float]]:
    """TF-IDF weights of every article, titles counted three times, of length one."""
    counts = {name: Counter(words_of(f"{title} " * 3 + body)) for name, (title, body) in articles().items()}
    spread = Counter(word for count in counts.values() for word in count)
    weighted = {
        name: {word: n * math.log(1 + len(counts) / spread[word]) for word, n in count.items()}
        for name, count in counts.items()
    }
    return {
        name: {word: w / math.hypot(*weights.values()) for word, w in weights.items()}
        for name, weights in weighted.items()
    }


def similar_articles(text: str, without: list[str], limit: int = 3) -> list[Article]:
    """The articles nearest to the text."""
    asked = set(words_of(text))
    scores = {
        name: sum(w for word, w in vector.items() if word in asked) for name, vector in vectors().items()
    }
    best = sorted((name for name in scores if name not in without), key=lambda name: (-scores[name], name))
    return [
        Article(name=name, title=articles()[name][0], score=round(scores[name], 3))
        for name in best[:limit]
        if scores[name] > 0.05
    ]


def intent_of(text: str) -> tuple[str, float]:
    """Naive Bayes over the labelled tickets: intent and its probability."""
    by_intent: dict[str, Counter[str]] = {}
    for ticket in tickets().values():
        by_intent.setdefault(ticket["intent"], Counter()).update(words_of(ticket["message"]))
    vocabulary = len({word for count in by_intent.values() for word in count})
    logs = {
        intent: sum(
            math.log((count[word] + 0.3) / (count.total() + 0.3 * vocabulary)) for word in words_of(text)
        )
        for intent, count in by_intent.items()
    }
    top = max(logs.values())
    odds = {intent: math.exp(value - top) for intent, value in logs.items()}
    best = max(sorted(odds), key=lambda intent: odds[intent])
    return best, round(odds[best] / sum(odds.values()), 2)


# -- the workflow ----------------------------------------------------------------------------------
class CustomerService(Workflow):
    """Answers a customer from the help centre and knows when to stop."""

    @step
    async def receive(self, ctx: Context[CaseState], ev: ServiceStart) -> CustomerMessage | CaseEscalated:
        """Open the case."""
        ticket = tickets().get(ev.ticket)
        async with ctx.store.edit_state() as state:
            state.customer = ticket["customer"] if ticket else "customer"
            state.max_turns, state.seed, state.pace = ev.max_turns, ev.seed, ev.pace
        await asyncio.sleep(0.4 * ev.pace)
        if ev.message:
            return CustomerMessage(text=ev.message)
        if ticket is None:
            return CaseEscalated(reason=f"there is no ticket {ev.ticket}")
        return CustomerMessage(text=ticket["message"])

    @step
    async def detect_intent(self, ctx: Context[CaseState], ev: CustomerMessage) -> IntentFound:
        """What is it about?"""
        await asyncio.sleep(0.9 * await ctx.store.get("pace"))
        intent, confidence = intent_of(ev.text)
        log.log(
            logging.INFO if confidence > 0.5 else logging.WARNING,
            "intent %s, confidence %.2f",
            intent,
            confidence,
        )
        return IntentFound(intent=intent, confidence=confidence, text=ev.text)

    @step
    async def detect_mood(self, ctx: Context[CaseState], ev: CustomerMessage) -> MoodFound:
        """In what temper was it written?"""
        await asyncio.sleep(0.5 * await ctx.store.get("pace"))
        signs = sorted(ANGRY & set(re.findall(r"[a-z]+", ev.text.lower()))) + ["!"] * ev.text.count("!")
        mood = "angry" if len(signs) > 2 else "annoyed" if signs else "calm"
        return MoodFound(mood=mood, signs=signs)

    @step
    async def retrieve(self, ctx: Context[CaseState], intent: IntentFound, mood: MoodFound) -> ArticlesFound:
        """Find what has not been shown yet; runs when both findings are there."""
        async with ctx.store.edit_state() as state:
            state.turn += 1
            state.intent = intent.intent
            state.transcript.append(f"{state.customer}: {intent.text}")
        await asyncio.sleep(0.7 * state.pace)
        found = similar_articles(intent.text, without=state.shown)
        for article in found:
            print(f"{article.score:6.3f}  {article.title}")
        return ArticlesFound(articles=found, intent=intent.intent, mood=mood.mood)

    @step
    async def answer(self, ctx: Context[CaseState], ev: ArticlesFound) -> AnswerGiven | CaseEscalated:
        """Write the answer from the best article, in a tone that fits."""
        if not ev.articles:
            return CaseEscalated(reason="no article fits")
        best = ev.articles[0]
        async with ctx.store.edit_state() as state:
            state.shown.append(best.name)
            greeting = random.Random(state.seed + state.turn).choice(GREETINGS)
            sorry = {"angry": " We are sorry for the trouble.", "annoyed": " Sorry about that."}.get(
                ev.mood, ""
            )
            text = f"{greeting}, {state.customer.split()[0]}.{sorry} {articles()[best.name][1]}"
            state.transcript.append(f"Service: {text}")
        await asyncio.sleep(0.8 * state.pace)
        print(text)
        return AnswerGiven(prompt=f"{text}\n\nDid this help?", article=best.name)

    @step
    async def judge(
        self, ctx: Context[CaseState], ev: Feedback
    ) -> CustomerMessage | CaseSolved | CaseEscalated:
        """Solved, another round, or somebody else's turn."""
        state = await ctx.store.get_state()
        if ev.solved == "yes":
            return CaseSolved(comment=ev.message)
        if state.turn >= state.max_turns:
            return CaseEscalated(reason=f"not solved after {state.turn} answers")
        if not ev.message.strip():
            log.warning("the customer did not say what is missing")
        return CustomerMessage(
            text=ev.message.strip() or state.transcript[0].partition(": ")[2], turn=state.turn + 1
        )

    @step
    async def close(self, ctx: Context[CaseState], ev: CaseSolved) -> StopEvent:
        """File the solved case."""
        state = await ctx.store.get_state()
        print(f"solved in {state.turn} turn(s)")
        return StopEvent(result=summary(state, "solved", ev.comment))

    @step
    async def hand_over(self, ctx: Context[CaseState], ev: CaseEscalated) -> StopEvent:
        """Give the case to a person."""
        state = await ctx.store.get_state()
        log.warning("handed over: %s", ev.reason)
        return StopEvent(result=summary(state, "handed over", ev.reason))


def summary(state: CaseState, status: str, note: str) -> dict[str, object]:
    """What is filed."""
    return {
        "status": status,
        "note": note,
        **state.model_dump(include={"intent", "turn", "shown", "transcript"}),
    }


workflow = CustomerService(timeout=None)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    handler = workflow.run()
    async for event in handler.stream_events():
        if isinstance(event, AnswerGiven):
            said = await asyncio.to_thread(input, "yes, or what is missing: ")
            solved = said.strip().lower() == "yes"
            handler.ctx.send_event(Feedback(solved="yes" if solved else "no", message="" if solved else said))
    print(json.dumps(await handler, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(main())
