"""Readable names for intents and patterns, made of their own words (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from caching.patterns import wording
from caching.patterns.traffic import Occurrence

WORDS = 4
LONGEST = 60
WORD = re.compile(r"[^\W\d_]{3,}")
SLOT = re.compile(r"\{[^{}]*\}")


def slug(action: str, text: str) -> str:
    """Of an action and the constant words of what it is about."""
    said = [word for word in _words(SLOT.sub(" ", text)) if word]
    plain = [word for word in said if word.isascii()]
    return "-".join([action, *_first(plain)])[:LONGEST].rstrip("-")


def of(rows: Sequence[Occurrence]) -> str:
    return of_texts([row.question or row.turn for row in rows])


def of_texts(texts: Iterable[str]) -> str:
    """The words that most of the texts have, in the order in which they mostly come."""
    counted, place = Counter[str](), dict[str, int]()
    for text in texts:
        for number, word in enumerate(dict.fromkeys(_words(text))):
            counted[word] += 1
            place.setdefault(word, number)
    common = [word for word, _ in counted.most_common(WORDS)]
    return " ".join(sorted(common, key=lambda word: place[word])) or "questions"


def _first(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))[:WORDS]


def _words(text: str) -> list[str]:
    found = (word.casefold() for word in WORD.findall(text))
    return [word for word in found if word not in wording.STEERING and word not in wording.COMMON]
