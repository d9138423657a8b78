"""Retrieval-augmented generation with LlamaIndex: read, split, embed, retrieve, answer.

Shows
    A workflow on the genuine LlamaIndex engine, with LlamaIndex's own parts in its steps:
    `SimpleDirectoryReader`, `SentenceSplitter`, `VectorStoreIndex`, `PromptTemplate`. The retrieved nodes
    travel in an event, so they can be looked at, edited and dropped like any other payload: what the model
    is told is no longer a guess. Each call of the model shows in the logs of the step that made it, with
    its prompt and its tokens. Nothing leaves the machine: the embedding hashes word stems, and the model
    copies the sentences that fit the question best.

Try
    `wf-tui sample_flows/llamaindex/rag.py`. Select `Retrieved` in the graph (1), `b`, then `r`. When it
    is held, `e` shows the nodes with their scores: delete the best one, and read in the result how the
    answer changes. Set a condition on the breakpoint (`B`), such as `ev.nodes[0].score < 0.5`, to stop
    for thin evidence only.

Headless
    wf-tui run sample_flows/llamaindex/rag.py -i question='Do street trees need water?'

Needs
    pip install 'wf-tui[llamaindex]'
"""

import asyncio
import hashlib
import logging
import math
import re
from pathlib import Path
from typing import Any

from llama_index.core import PromptTemplate, SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, NodeWithScore, TextNode
from pydantic import Field
from workflows import Context, Workflow, step
from workflows.events import Event, StartEvent, StopEvent

logging.getLogger("llama_index.core.readers").setLevel(logging.ERROR)  # no reader for office files is needed

LIBRARY = Path(__file__).parents[1] / "data" / "library"
COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by do does for from had has have how in is it its much of on or so than "
        "that the their them they this to was were what when which who why will with would",
    )
)
ANSWER = PromptTemplate(
    "Answer the question from the notes alone. Name the note of every sentence.\n\n"
    "{notes}\n\nQuestion: {question}\nAnswer:"
)


def stems(text: str) -> list[str]:
    """The words that carry meaning, cut to five letters so that `roofs` meets `roof`."""
    words = re.findall(r"[a-z]{3,}", text.lower())
    return [word.rstrip("s")[:5] for word in words if word not in COMMON]


class StemEmbedding(BaseEmbedding):
    """Hashes every stem to one of the dimensions: the same text gives the same vector, anywhere."""

    dimensions: int = 256

    def _embed(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        for stem in stems(text):
            digest = hashlib.blake2b(stem.encode(), digest_size=4).digest()
            vector[int.from_bytes(digest, "big") % self.dimensions] += 1.0
        length = math.sqrt(sum(value * value for value in vector)) or 1.0
        return [value / length for value in vector]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)


class Excerpter(CustomLLM):
    """Stands for a model: answers with the sentences of the prompt's notes that fit the question best."""

    model: str = "excerpter-1"
    sentences: int = 2

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, context_window=8192, num_output=256)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        text = self._answer(prompt)
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        return CompletionResponse(text=text, raw={"model": self.model, "usage": usage})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield self.complete(prompt, formatted, **kwargs)

    def _answer(self, prompt: str) -> str:
        notes, _, question = prompt.partition("\n\nQuestion: ")
        wanted = set(stems(question))
        found = []
        for name, body in re.findall(r"^\[(.+?)\] (.+)$", notes, re.MULTILINE):
            for sentence in re.split(r"(?<=[.!?]) ", body):
                fit = len(wanted & set(stems(sentence)))
                found.append((-fit, len(found), f"{sentence} [{name}]"))
        best = [text for fit, _, text in sorted(found)[: self.sentences] if fit]
        return " ".join(best) or "The notes do not say."


class Question(StartEvent):
    """What somebody wants to know about keeping a city cool."""

    question: str = Field(default="How much cooler do cool roofs make the flats below?", min_length=5)
    top_k: int = Field(default=3, ge=1, le=10, description="How many pieces of text the model is given")
    chunk_size: int = Field(default=80, ge=60, le=400, description="Tokens of one piece of text")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class Read(Event):
    """The library's documents."""

    documents: list[Document]


class Split(Event):
    """The documents in pieces small enough to be compared."""

    nodes: list[TextNode]


class Indexed(Event):
    """Every piece has its vector."""

    pieces: int
    dimensions: int


class Retrieved(Event):
    """The pieces nearest to the question, best first: all that the model will know."""

    nodes: list[NodeWithScore]


class Answer(StopEvent):
    """The answer and what it stands on."""

    answer: str
    sources: list[str]


class RAG(Workflow):
    """Answers a question from a small library."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.embedding = StemEmbedding()
        self.llm = Excerpter()
        self.indexes: dict[int, VectorStoreIndex] = {}
        """By chunk size. An index has no JSON form: it lives beside the runs, not in their state."""

    @step
    async def read(self, ctx: Context, ev: Question) -> Read | Indexed:
        """Skipped when an earlier run has built the index."""
        await ctx.store.set("question", ev.question)
        await ctx.store.set("top_k", ev.top_k)
        await ctx.store.set("chunk_size", ev.chunk_size)
        await ctx.store.set("pace", ev.pace)
        if ev.chunk_size in self.indexes:
            return Indexed(pieces=0, dimensions=self.embedding.dimensions)
        documents = SimpleDirectoryReader(str(LIBRARY), required_exts=[".md"]).load_data()
        for document in documents:
            document.metadata = {"name": Path(document.metadata["file_name"]).stem}
            document.excluded_embed_metadata_keys = ["name"]
        print(f"read {len(documents)} documents")
        await asyncio.sleep(0.4 * ev.pace)
        return Read(documents=documents)

    @step
    async def split(self, ctx: Context, ev: Read) -> Split:
        size = await ctx.store.get("chunk_size")
        splitter = SentenceSplitter(chunk_size=size, chunk_overlap=0)
        nodes = splitter.get_nodes_from_documents(ev.documents)
        return Split(nodes=[node for node in nodes if isinstance(node, TextNode)])

    @step
    async def index(self, ctx: Context, ev: Split) -> Indexed:
        index = VectorStoreIndex(ev.nodes, embed_model=self.embedding)
        self.indexes[await ctx.store.get("chunk_size")] = index
        await asyncio.sleep(0.4 * await ctx.store.get("pace"))
        return Indexed(pieces=len(ev.nodes), dimensions=self.embedding.dimensions)

    @step
    async def retrieve(self, ctx: Context, ev: Indexed) -> Retrieved:
        index = self.indexes[await ctx.store.get("chunk_size")]
        retriever = index.as_retriever(similarity_top_k=await ctx.store.get("top_k"))
        found = await retriever.aretrieve(await ctx.store.get("question"))
        for node in found:
            print(f"{node.score:.2f} {node.metadata['name']}")
        return Retrieved(nodes=found)

    @step
    async def answer(self, ctx: Context, ev: Retrieved) -> Answer:
        lines = [f"[{node.metadata['name']}] {' '.join(node.text.split())}" for node in ev.nodes]
        await asyncio.sleep(0.6 * await ctx.store.get("pace"))
        text = await self.llm.apredict(
            ANSWER, notes="\n".join(lines), question=await ctx.store.get("question")
        )
        sources = dict.fromkeys(re.findall(r"\[([\w-]+)\]", text))
        return Answer(answer=text, sources=list(sources))


workflow = RAG(timeout=60)


async def main() -> None:
    answer = await workflow.run(pace=0)
    print(answer.answer)


if __name__ == "__main__":
    asyncio.run(main())
