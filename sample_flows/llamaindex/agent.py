"""An agent with tools, LlamaIndex's own `FunctionAgent`: stop before a tool runs, change what it gets.

Shows
    An unmodified agent is a workflow like any other: its loop of model and tools is in the graph
    (`init_run`, `setup_agent`, `run_agent_step`, `parse_agent_output`, `call_tool`,
    `aggregate_tool_results`). A breakpoint on `ToolCall` holds the call *before* the tool runs: its
    arguments can be edited, and a call can be dropped. One on `ToolCallResult` holds what the model is
    about to be told. The model here is a script on LlamaIndex's function-calling interface, so the run
    is the same every time; it reads its tools' results as a real one would, and so a result that you edit
    changes what it does next.

Try
    wf-tui sample_flows/llamaindex/agent.py --break ToolCall -i user_msg='Lamp 1042 arrived broken.'

    Two calls are held at once, as the agent asks both tools in parallel. `a` accepts one, `e` edits the
    other: order 1043 instead of 1042, say. `n` lets the next one through. Before `refund` runs, raise its
    amount and see that the tool refuses what is above the price.

Headless
    wf-tui run sample_flows/llamaindex/agent.py -i user_msg='Lamp 1042 arrived broken.'

Needs
    pip install 'wf-tui[llamaindex]'
"""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool

ORDERS = {
    "1042": {"order": "1042", "item": "Desk lamp, brass", "price": 89.0, "delivered": "2026-11-14"},
    "1043": {"order": "1043", "item": "Desk chair, oak", "price": 349.0, "delivered": "2026-09-02"},
}
POLICIES = {
    "damage": {"topic": "damage", "refund": "full", "days": 30},
    "dislike": {"topic": "dislike", "refund": "none after opening", "days": 14},
}


# -- the tools
async def find_order(order: str) -> str:
    """Look up an order by its number."""
    await asyncio.sleep(0.3)
    found = ORDERS.get(order)
    return json.dumps(found or {"error": f"there is no order {order}"})


async def find_policy(topic: str) -> str:
    """Look up what the shop does in a case of `damage` or `dislike`."""
    await asyncio.sleep(0.2)
    return json.dumps(POLICIES.get(topic, {"error": f"there is no policy on {topic}"}))


async def refund(order: str, amount: float) -> str:
    """Pay money back, at most the price of the order."""
    await asyncio.sleep(0.3)
    price = ORDERS[order]["price"]
    if not 0 < amount <= price:
        return json.dumps({"error": f"{amount:g} is not between 0 and the price {price:g}"})
    return json.dumps({"refunded": amount, "order": order})


# -- the model
class Clerk(FunctionCallingLLM):
    """Stands for a model: decides from the conversation what to call, and what to say in the end."""

    model: str = "clerk-1"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True, is_function_calling_model=True)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._reply(messages)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        await asyncio.sleep(0.2)
        return self._reply(messages)

    def _reply(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        text, calls = decide(messages)
        message = ChatMessage(
            role=MessageRole.ASSISTANT, content=text, additional_kwargs={"tool_calls": calls}
        )
        read = sum(len((m.content or "").split()) for m in messages)
        usage = {"prompt_tokens": read, "completion_tokens": len(text.split()) + 8 * len(calls)}
        return ChatResponse(message=message, raw={"model": self.model, "usage": usage})

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        calls = response.message.additional_kwargs.get("tool_calls", [])
        return [ToolSelection(**call) for call in calls]

    def _prepare_chat_with_tools(
        self, tools: Sequence[BaseTool], user_msg: Any = None, chat_history: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        asked = [ChatMessage(role=MessageRole.USER, content=str(user_msg))] if user_msg else []
        return {"messages": [*(chat_history or []), *asked]}

    # What the agent below does not use.
    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="I only chat.")

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return self.complete(prompt, formatted, **kwargs)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        yield self.chat(messages, **kwargs)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        async def whole() -> ChatResponseAsyncGen:
            yield await self.achat(messages, **kwargs)

        return whole()

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield self.complete(prompt, formatted, **kwargs)

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        async def whole() -> CompletionResponseAsyncGen:
            yield self.complete(prompt, formatted, **kwargs)

        return whole()


def decide(messages: Sequence[ChatMessage]) -> tuple[str, list[dict[str, Any]]]:
    """What to say, and which tools to call: look up the order and the policy, refund, tell."""
    start = max((i for i, m in enumerate(messages) if m.role == MessageRole.USER), default=0)
    asked = messages[start].content or ""
    told = [m.content or "{}" for m in messages[start + 1 :] if m.role == MessageRole.TOOL]
    results = [json.loads(text) for text in told]
    known: dict[str, Any] = {key: value for result in results for key, value in result.items()}
    number = re.search(r"\d{4}", asked)
    if number is None:
        return "Which order is it about? Please give its number of four digits.", []
    if error := known.get("error"):
        return f"I could not do that: {error}.", []
    if "refunded" in known:
        return (
            f"I am sorry about the {known['item'].lower()}. {known['refunded']:.2f} EUR are on their way.",
            [],
        )
    if "price" in known:
        if known.get("refund") != "full":
            return f"I am sorry, there is no refund in this case: {known.get('refund')}.", []
        return "", [call("refund", len(results), order=known["order"], amount=known["price"])]
    topic = "damage" if re.search(r"broken|damage|cracked|scratch", asked) else "dislike"
    return "Let me look that up.", [
        call("find_order", 0, order=number[0]),
        call("find_policy", 1, topic=topic),
    ]


def call(tool: str, number: int, **arguments: Any) -> dict[str, Any]:
    """A tool call as the model writes it."""
    return {"tool_id": f"call-{number + 1}", "tool_name": tool, "tool_kwargs": arguments}


agent = FunctionAgent(
    name="Returns desk",
    description="Handles what customers send back.",
    system_prompt="You are the returns desk of a furniture shop. Look up before you pay.",
    tools=[find_order, find_policy, refund],
    llm=Clerk(),
    streaming=False,
)


async def main() -> None:
    print(await agent.run(user_msg="The lamp of order 1042 arrived broken. I want my money back."))


if __name__ == "__main__":
    asyncio.run(main())
