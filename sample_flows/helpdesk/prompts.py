"""How the help desk words its answers. Change something here while the flow runs."""

from typing import Literal

Tone = Literal["friendly", "brief"]

SIGNATURE = "Have a nice day!"
TEMPLATES: dict[Tone, str] = {
    "friendly": "You asked: {question} Well, {fact} {signature}",
    "brief": "{fact}",
}
UNKNOWN = "that is something I have to ask a colleague."


def answer(tone: Tone, question: str, fact: str) -> str:
    """The answer in the tone that was asked for."""
    return TEMPLATES[tone].format(question=question, fact=fact or UNKNOWN, signature=SIGNATURE)
