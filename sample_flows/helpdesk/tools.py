"""What the help desk can look up, and the questions people come with."""

import random
from collections.abc import Callable

PRICES = {"day ticket": 9.5, "week pass": 39.0, "locker": 2.0, "bicycle": 14.0}
HOURS = {
    "library": "9 to 20 o'clock",
    "pool": "7 to 22 o'clock",
    "museum": "10 to 18 o'clock, closed on Mondays",
}
PLACES = {"station": "two streets to the north", "market": "behind the town hall", "museum": "by the river"}

QUESTIONS = [
    "What does a day ticket cost?",
    "When does the pool open?",
    "Where is the market?",
    "What is the price of a locker?",
    "How do I get to the museum?",
    "Is the library open on Sunday evening?",
    "What do you take for a bicycle?",
    "Where is the cathedral?",
]


def price(thing: str) -> str:
    return f"a {thing} costs {PRICES[thing]:.2f} euro." if thing in PRICES else ""


def hours(place: str) -> str:
    return f"the {place} is open from {HOURS[place]}." if place in HOURS else ""


def directions(place: str) -> str:
    return f"the {place} is {PLACES[place]}." if place in PLACES else ""


TOOLS: dict[str, Callable[[str], str]] = {"price": price, "hours": hours, "directions": directions}


def question(seed: int, number: int) -> str:
    """The question of visitor `number`; everything is asked once before anything is asked again."""
    order = random.Random(seed).sample(QUESTIONS, len(QUESTIONS))
    return order[(number - 1) % len(order)]


def choose(text: str) -> tuple[str, str]:
    """The tool for a question, and the thing or place that it is about ('' if none is known)."""
    asked = text.lower()
    if any(word in asked for word in ("open", "when")):
        tool, known = "hours", list(HOURS)
    elif any(word in asked for word in ("where", "get to")):
        tool, known = "directions", list(PLACES)
    else:
        tool, known = "price", list(PRICES)
    return tool, next((name for name in known if name in asked), "")
