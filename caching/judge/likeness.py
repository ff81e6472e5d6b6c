"""How alike two questions are as words, for the judge to weigh (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

NAMES = (
    "shared",
    "only-asked",
    "only-stored",
    "exchanged",
    "rarest-difference",
    "nothing-added",
    "nothing-dropped",
    "same-words",
    "order",
    "letters",
    "other-question-word",
    "other-reason-or-way",
    "length-ratio",
    "length",
    "other-digits",
    "same-text",
)
WORD = re.compile(r"[^\W_]+(?:[+#]+)?")
DIGITS = re.compile(r"\d+")
QUESTION_WORDS = frozenset({"what", "how", "why", "when", "where", "who", "which", "whose"})
# fmt: off
SMALL = frozenset({
    "a", "an", "the", "is", "are", "was", "were", "be", "been", "do", "does", "did", "can",
    "could", "should", "would", "will", "i", "my", "me", "you", "your", "it", "its", "of", "in",
    "on", "at", "to", "for", "and", "or", "what", "which", "how", "why", "when", "where", "who",
    "there", "any", "some", "s", "t", "have", "has", "had", "with", "from", "by", "about", "as",
    "this", "that", "if",
})
# fmt: on
ENDINGS = ("ingly", "edly", "ing", "ed", "es", "ly", "s")
MOST_WORDS = 60
"""Of a longer text the first are looked at: the order of words is compared word by word."""


class Words(NamedTuple):
    """One text, taken apart once."""

    every: tuple[str, ...]
    telling: dict[str, str]
    """Stem and word, without the small words."""
    letters: frozenset[str]
    """Three at a time."""
    question: str
    digits: frozenset[str]


@lru_cache(maxsize=8_192)
def words(text: str) -> Words:
    every = tuple(WORD.findall(text.lower())[:MOST_WORDS])
    plain = f" {' '.join(every)} "
    return Words(
        every=every,
        telling={_stem(word): word for word in every if word not in SMALL},
        letters=frozenset(plain[at : at + 3] for at in range(len(plain) - 2)),
        question=next((word for word in every if word in QUESTION_WORDS), ""),
        digits=frozenset(DIGITS.findall(text)),
    )


def of(asked: str, stored: str) -> tuple[float, ...]:
    one, other = words(asked), words(stored)
    added = [word for stem, word in one.telling.items() if stem not in other.telling]
    dropped = [word for stem, word in other.telling.items() if stem not in one.telling]
    shared = _weight([word for stem, word in one.telling.items() if stem in other.telling])
    more, less = _weight(added), _weight(dropped)
    longer, shorter = sorted((len(one.every), len(other.every)), reverse=True)
    return (
        shared / max(1.0, shared + more + less),
        more / 20,
        less / 20,
        min(more, less) / 20,
        max((_rarity(word) for word in (*added, *dropped)), default=0.0) / 10,
        float(not added),
        float(not dropped),
        float(not added and not dropped),
        _in_order(one.every, other.every) / max(1, longer),
        len(one.letters & other.letters) / max(1, len(one.letters | other.letters)),
        float(one.question != other.question),
        float((one.question in {"why", "how"}) != (other.question in {"why", "how"})),
        (longer - shorter) / max(1, longer),
        math.log(max(1, shorter)),
        float(one.digits != other.digits),
        float(one.every == other.every),
    )


def _weight(some: Sequence[str]) -> float:
    return float(sum(_rarity(word) for word in some))


def _rarity(word: str) -> int:
    """Long words and those with digits are rarer; a list of frequencies told hardly more."""
    return min(len(word), 10) + 3 * any(letter.isdigit() for letter in word)


def _stem(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _in_order(one: Sequence[str], other: Sequence[str]) -> int:
    """The longest run of words, gaps allowed, that both have in the same order."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for at, beside in enumerate(other, start=1):
            above = row[at]
            row[at] = before + 1 if word == beside else max(above, row[at - 1])
            before = above
    return row[-1]
