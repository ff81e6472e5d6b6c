"""How people put a wish: the core said plainly or politely, before or behind what it is about."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from training import lists

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
ENDS = ["", "", "n", "r", "s", "l", "t", "x"]


def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


MANNERS: Sequence[Callable[[str], str]] = (
    lambda wish: f"Please {wish}",
    lambda wish: f"please {wish}",
    lambda wish: f"Can you {wish}?",
    lambda wish: f"Could you {wish}?",
    lambda wish: f"Could you please {wish}?",
    lambda wish: f"I need you to {wish}",
    lambda wish: f"Now {wish}",
    lambda wish: f"I want you to {wish}",
    lambda wish: f"{upper_first(wish)}, please",
    lambda wish: wish,
)
LAYOUTS: Sequence[Callable[[str, str], str]] = (
    lambda wish, about: f"{wish}: {about}",
    lambda wish, about: f"{wish}: {about}",
    lambda wish, about: f"{wish}:\n{about}",
    lambda wish, about: f"{wish}:\n\n{about}",
    lambda wish, about: f"{wish}\n{about}",
    lambda wish, about: f"{wish}\n\n{about}",
    lambda wish, about: f'{wish}: "{about}"',
    lambda wish, about: f"{wish}. {about}",
    lambda wish, about: f"{about}\n\n{wish}",
    lambda wish, about: f"{about}\n{wish}.",
)


def manner(rng: random.Random, wish: str) -> str:
    """A wish such as `sort these words` as one of many would say it."""
    if rng.random() < 0.5:
        return upper_first(wish)
    return rng.choice(MANNERS)(wish)


def ask(rng: random.Random, wishes: Sequence[str], about: str) -> str:
    wish = manner(rng, rng.choice(wishes))
    layout = rng.choice(LAYOUTS)
    if wish.endswith("?"):
        return f"{wish}\n{about}" if rng.random() < 0.5 else f"{wish} {about}"
    return layout(wish, about)


def listed(rng: random.Random, items: Sequence[str]) -> str:
    """Items as people write a list: commas, lines, or commas and a last `and`."""
    style = rng.random()
    if style < 0.5:
        return ", ".join(items)
    if style < 0.75:
        return "\n".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def invented(rng: random.Random) -> str:
    """A word that stands in no list, so that copying cannot be learned by heart."""
    return "".join(rng.choices(SYLLABLES, k=rng.randint(2, 3))) + rng.choice(ENDS)


def known(rng: random.Random) -> str:
    return rng.choice(rng.choice((lists.NOUNS, lists.ADJECTIVES, lists.THINGS, lists.GOODS)))


def word(rng: random.Random) -> str:
    return invented(rng) if rng.random() < 0.2 else known(rng)


def different(rng: random.Random, count: int, make: Callable[[random.Random], str]) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[make(rng)] = None
    return list(found)


def clause(rng: random.Random) -> str:
    adjective, noun = rng.choice(lists.ADJECTIVES), rng.choice(lists.NOUNS)
    style = rng.randrange(5)
    if style == 0:
        return f"the {adjective} {noun} {rng.choice(lists.VERBS)}"
    if style == 1:
        return f"the {noun} is {adjective}"
    if style == 2:
        return f"{rng.choice(lists.FIRST)} has a {adjective} {noun}"
    if style == 3:
        return f"{rng.choice(lists.FIRST)} likes the {noun} in {rng.choice(lists.CITIES)}"
    return f"we see {rng.randint(2, 99)} {adjective} {rng.choice(lists.FRUIT)}"


def words(rng: random.Random, count: int) -> str:
    """About so many words, loose or as clauses."""
    if count < 4 or rng.random() < 0.4:
        return " ".join(word(rng) for _ in range(count))
    text: list[str] = []
    while len(text) < count:
        text += [*([rng.choice(("and", "but", "while"))] if text else []), *clause(rng).split()]
    return " ".join(text)
