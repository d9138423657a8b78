"""Research: plan, search and read in parallel, compare, go back when the evidence is thin, then report.

Shows
    Fan-out inside fan-out: `plan` returns one SearchQuery a sub-question, `search` answers each with
    several SearchResults, four `read` workers share them, and two joins (`weigh`, `compare`) bring all
    of it together again. `compare` branches: EvidenceThin goes through `refine` into another round with
    wider words, Evidence into the report. The library is twenty short papers in data/library (invented
    for this sample); ranking and sentence-level summaries are computed here, without a model and
    without a network.

Try
    `wf-tui sample_flows/research.py`, then `r`, and watch the lanes with `2`. Select SearchResult, in
    the graph (`1`, where `z` makes room for the names of events) or in the timeline (`3`), press `b`
    and run again with `R`: each result is held on its way to `read`. `e` edits its score or title, `x`
    drops it, `d` sends it twice, `f` follows what it causes, `a` lets it go, `A` all of them. `w` on
    the final report shows the chain back to the question. Save a change in `summarise_article` below
    while it runs: later readings use the new code.

Headless
    wf-tui run sample_flows/research.py -i question="How do trees and roofs cool streets, and at what cost?"
    wf-tui run sample_flows/research.py --break 'SearchResult@read if ev.score > 3'
"""

import asyncio
import json
import logging
import math
import random
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from wf_core import Context, Workflow, step
from wf_core.events import Event, StartEvent, StopEvent
from wf_core.retry_policy import retry_if_exception_type, retry_policy, stop_after_attempt, wait_fixed

log = logging.getLogger("research")
log.setLevel(logging.INFO)

DATA = Path(__file__).parent / "data"
STOPWORDS = set(
    re.findall(
        r"\w+",
        """a about an and are as at be but by can do does for from get gets had has have how in into is it its
        not of on one only or out over so than that the their them they this to was were what when where
        which while who why will with without""",
    )
)
QUANTITY = re.compile(r"(\d[\d,.]*\d|\d)(?: to (\d[\d.]*))? (°C|percent|euro|million euro)")


# -- events ----------------------------------------------------------------------------------------
class ResearchStart(StartEvent):
    """What is to be found out, and how thoroughly."""

    question: str = Field(
        default="What cools a city in summer, what does it cost, and who gets the benefit?",
        min_length=10,
        description="Sub-questions are separated by commas",
    )
    results_per_query: int = Field(default=4, ge=1, le=10, description="Papers read for each sub-question")
    min_sources: int = Field(default=3, ge=1, le=6, description="Papers that must speak to a sub-question")
    max_rounds: int = Field(default=3, ge=1, le=6, description="Searches before the evidence has to do")
    style: Literal["brief", "full"] = Field(default="full", description="Sentences quoted in the report")
    flaky_index: bool = Field(
        default=True, description="The search index fails now and then and is asked again"
    )
    seed: int = Field(default=7, description="The same seed gives the same delays and failures")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class SearchQuery(Event):
    """One sub-question in words that an index understands."""

    facet: str = Field(description="The sub-question, as asked")
    terms: list[str]
    round: int


class SearchResult(Event):
    """One paper that a search found."""

    paper: str = Field(description="Name of the file in data/library")
    score: float = Field(description="BM25: higher is closer to the query")
    title: str
    facet: str
    terms: list[str]


class Reading(Event):
    """What one paper says to one sub-question."""

    paper: str
    relevance: float
    sentences: list[str] = Field(description="The sentences that answer best, best first")
    title: str
    facet: str


class FacetEvidence(Event):
    """All readings for one sub-question, best first."""

    facet: str
    readings: list[Reading]


class EvidenceThin(Event):
    """Sub-questions that too few papers speak to."""

    facets: list[str]
    round: int


class Evidence(Event):
    """Enough to write from, or all there is."""

    facets: list[str]
    still_thin: list[str]


class Progress(Event):
    """For whoever watches the stream."""

    message: str


class ResearchReport(StopEvent):
    """The finished report."""

    title: str
    markdown: str
    sources: list[str]
    rounds: int
    thin: list[str] = Field(description="Sub-questions that stayed without enough papers")


class Found(BaseModel):
    """A reading as kept in the run's state."""

    paper: str
    title: str
    sentences: list[str]
    relevance: float


class ResearchState(BaseModel):
    """What the run knows so far; watch it grow in the state tab."""

    question: str = ""
    settings: dict[str, int] = Field(default_factory=dict)
    style: str = "full"
    flaky_index: bool = True
    seed: int = 7
    pace: float = 1.0
    round: int = 0
    terms: dict[str, list[str]] = Field(default_factory=dict)
    found: dict[str, list[Found]] = Field(default_factory=dict)


# -- the library and its index ---------------------------------------------------------------------
@dataclass(frozen=True)
class Paper:
    """One paper, cut into sentences."""

    name: str
    title: str
    byline: str
    sentences: tuple[str, ...]
    words: Counter[str]


def words_of(text: str) -> list[str]:
    """Lower-case content words, with the commonest endings taken off."""
    found = re.findall(r"[a-zà-ÿ°]+", text.lower())
    return [re.sub(r"(?<=\w{3})(ing|ed|er|es|s)$", "", word) for word in found if word not in STOPWORDS]


@cache
def library() -> dict[str, Paper]:
    """Every paper in data/library, by name."""
    papers = {}
    for path in sorted((DATA / "library").glob("*.md")):
        title, byline, body = path.read_text(encoding="utf-8").split("\n\n", 2)
        sentences = tuple(re.split(r"(?<=[.!?]) +", body.strip()))
        papers[path.stem] = Paper(
            path.stem, title.removeprefix("# "), byline, sentences, Counter(words_of(title + " " + body))
        )
    return papers


@cache
def thesaurus() -> dict[str, list[str]]:
    """Other words for the same thing, by the word as `words_of` cuts it."""
    entries = json.loads((DATA / "thesaurus.json").read_text(encoding="utf-8"))
    return {words_of(word)[0]: words_of(" ".join(others)) for word, others in entries.items()}


@cache
def rarity(term: str) -> float:
    """Inverse document frequency: a word that few papers use tells more."""
    holders = sum(term in paper.words for paper in library().values())
    return math.log(1 + (len(library()) - holders + 0.5) / (holders + 0.5))


def bm25(paper: Paper, terms: list[str]) -> float:
    """How well the paper matches the terms."""
    length = sum(paper.words.values())
    average = sum(sum(other.words.values()) for other in library().values()) / len(library())
    norm = 1.2 * (0.25 + 0.75 * length / average)
    return sum(rarity(term) * paper.words[term] * 2.2 / (paper.words[term] + norm) for term in terms)


def summarise_article(paper: Paper, terms: list[str], limit: int = 2) -> list[tuple[float, str]]:
    """The sentences that speak most to the terms; numbers and an early place count in their favour."""
    ranked = []
    for place, sentence in enumerate(paper.sentences):
        hits = sum(rarity(term) for term in set(terms) & set(words_of(sentence)))
        if hits:
            weight = 1.15 if QUANTITY.search(sentence) else 1.0
            ranked.append((round(hits * weight + 0.3 / (1 + place), 3), sentence))
    return sorted(ranked, key=lambda pair: (-pair[0], pair[1]))[:limit]


def quantities(readings: list[Found]) -> dict[str, list[tuple[float, str]]]:
    """Every number with a unit that the readings quote: unit -> (value, paper)."""
    by_unit: dict[str, list[tuple[float, str]]] = {}
    for reading in readings:
        for low, high, unit in QUANTITY.findall(" ".join(reading.sentences)):
            by_unit.setdefault(unit, []).append((float((high or low).replace(",", "")), reading.paper))
    return by_unit


# -- the workflow ----------------------------------------------------------------------------------
class Research(Workflow):
    """Answers a question from a small library, with sources."""

    @step
    async def plan(self, ctx: Context[ResearchState], ev: ResearchStart) -> list[SearchQuery]:
        """Cut the question into sub-questions and give each its search terms."""
        parts = [part.strip(" ?.") for part in re.split(r",(?: and)?|;|\?", ev.question) if part.strip(" ?.")]
        facets = [re.sub(r"^and ", "", part) for part in parts]
        async with ctx.store.edit_state() as state:
            state.question, state.style, state.flaky_index = ev.question, ev.style, ev.flaky_index
            state.seed, state.pace, state.round = ev.seed, ev.pace, 1
            state.settings = ev.model_dump(include={"results_per_query", "min_sources", "max_rounds"})
            state.terms = {facet: words_of(facet) for facet in facets}
        print(f"question: {ev.question}")
        for number, facet in enumerate(facets, 1):
            print(f"  {number}. {facet}: {' '.join(state.terms[facet])}")
        await asyncio.sleep(0.8 * ev.pace)
        return [SearchQuery(facet=facet, terms=state.terms[facet], round=1) for facet in facets]

    @step(
        num_workers=2,
        retry_policy=retry_policy(
            retry=retry_if_exception_type(ConnectionError), wait=wait_fixed(0.2), stop=stop_after_attempt(4)
        ),
    )
    async def search(self, ctx: Context[ResearchState], ev: SearchQuery) -> list[SearchResult]:
        """Ask the index; it is not the most reliable one."""
        state = await ctx.store.get_state()
        attempt = ctx.retry_info().retry_number
        dice = random.Random(f"{state.seed}/search/{ev.facet}/{ev.round}/{attempt}")
        await asyncio.sleep(dice.uniform(0.5, 1.2) * state.pace)
        if state.flaky_index and attempt < 3 and dice.random() < 0.35:
            log.warning("index timed out on %r", " ".join(ev.terms))
            raise ConnectionError(f"the index did not answer ({ev.facet})")
        ranked = sorted(
            ((bm25(paper, ev.terms), paper) for paper in library().values()), key=lambda pair: -pair[0]
        )
        hits = [(score, paper) for score, paper in ranked if score > 0][: state.settings["results_per_query"]]
        log.info("%r: %d papers", ev.facet, len(hits))
        return [
            SearchResult(
                facet=ev.facet, paper=paper.name, title=paper.title, score=round(score, 2), terms=ev.terms
            )
            for score, paper in hits
        ]

    @step(num_workers=4)
    async def read(self, ctx: Context[ResearchState], ev: SearchResult) -> Reading | None:
        """Read one paper for one sub-question; a paper that says nothing to it drops out."""
        state = await ctx.store.get_state()
        paper = library().get(ev.paper)
        if paper is None:
            log.error("no paper is called %r", ev.paper)
            return None
        dice = random.Random(f"{state.seed}/read/{ev.paper}/{ev.facet}")
        await asyncio.sleep(dice.uniform(0.3, 0.2 * len(paper.sentences)) * state.pace)
        best = summarise_article(paper, ev.terms)
        if not best or best[0][0] < 1.2:
            log.info("%s says nothing to %r", paper.name, ev.facet)
            return None
        print(f"{paper.name}: {best[0][1]}")
        ctx.write_event_to_stream(Progress(message=f"read {paper.title}"))
        return Reading(
            facet=ev.facet,
            paper=paper.name,
            title=paper.title,
            sentences=[sentence for _, sentence in best],
            relevance=best[0][0],
        )

    @step
    async def weigh(self, ctx: Context[ResearchState], readings: list[Reading]) -> FacetEvidence | None:
        """Put the readings of one sub-question in order."""
        if not readings:
            log.warning("a search brought nothing readable")
            return None
        await asyncio.sleep(0.4 * await ctx.store.get("pace"))
        best_first = sorted(readings, key=lambda reading: (-reading.relevance, reading.paper))
        return FacetEvidence(facet=readings[0].facet, readings=best_first)

    @step
    async def compare(
        self, ctx: Context[ResearchState], evidence: list[FacetEvidence]
    ) -> Evidence | EvidenceThin:
        """Merge this round into what is known and decide whether it is enough."""
        async with ctx.store.edit_state() as state:
            for item in evidence:
                known = {found.paper: found for found in state.found.get(item.facet, [])}
                for reading in item.readings:
                    known[reading.paper] = Found(**reading.model_dump(exclude={"facet"}))
                ordered = sorted(known.values(), key=lambda found: (-found.relevance, found.paper))
                state.found[item.facet] = ordered
        await asyncio.sleep(0.7 * state.pace)
        counts = {facet: len(state.found.get(facet, [])) for facet in state.terms}
        thin = [facet for facet, count in counts.items() if count < state.settings["min_sources"]]
        print(
            f"round {state.round}: "
            + "; ".join(f"{facet}: {count} papers" for facet, count in counts.items())
        )
        if thin and state.round < state.settings["max_rounds"]:
            return EvidenceThin(facets=thin, round=state.round)
        if thin:
            log.warning("evidence stays thin for %s", "; ".join(thin))
        return Evidence(facets=list(counts), still_thin=thin)

    @step
    async def refine(self, ctx: Context[ResearchState], ev: EvidenceThin) -> list[SearchQuery]:
        """Look for the thin sub-questions again, with other words for the same thing."""
        async with ctx.store.edit_state() as state:
            state.round = ev.round + 1
            for facet in ev.facets:
                terms = state.terms[facet]
                wider = [other for term in terms for other in thesaurus().get(term, [])]
                state.terms[facet] = list(dict.fromkeys([*terms, *wider]))
        await asyncio.sleep(0.6 * state.pace)
        for facet in ev.facets:
            log.info("searching %r again as: %s", facet, " ".join(state.terms[facet]))
        return [SearchQuery(facet=facet, terms=state.terms[facet], round=state.round) for facet in ev.facets]

    @step
    async def write_report(self, ctx: Context[ResearchState], ev: Evidence) -> ResearchReport:
        """Quote, compare the numbers, and name the sources."""
        state = await ctx.store.get_state()
        ctx.write_event_to_stream(Progress(message="writing the report"))
        await asyncio.sleep(1.0 * state.pace)
        quoted = 1 if state.style == "brief" else 2
        sections = [section(facet, state.found.get(facet, []), quoted) for facet in ev.facets]
        names = sorted({found.paper for readings in state.found.values() for found in readings})
        sources = [f"[{name}] {library()[name].title}. {library()[name].byline}" for name in names]
        markdown = "\n\n".join([f"# {state.question}", *sections, "## Sources", "\n".join(sources)])
        print(markdown)
        return ResearchReport(
            title=state.question, markdown=markdown, sources=names, rounds=state.round, thin=ev.still_thin
        )


def section(facet: str, readings: list[Found], quoted: int) -> str:
    """One sub-question of the report."""
    if not readings:
        return f"## {facet.capitalize()}\n\nThe library does not say."
    lines = [f"- {' '.join(found.sentences[:quoted])} [{found.paper}]" for found in readings]
    return "\n".join([f"## {facet.capitalize()}", "", *lines, *spread(readings)])


def spread(readings: list[Found]) -> list[str]:
    """Where two papers or more give a number of one unit: how far apart they are."""
    lines = []
    for unit, values in sorted(quantities(readings).items()):
        low, high = min(values), max(values)
        if low[1] != high[1]:
            lines.append(f"- *Compared:* {low[0]:g} {unit} [{low[1]}] to {high[0]:g} {unit} [{high[1]}].")
    return lines


workflow = Research(timeout=600)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    handler = workflow.run()
    async for event in handler.stream_events():
        if isinstance(event, Progress):
            print("..", event.message)
    await handler


if __name__ == "__main__":
    asyncio.run(main())
