"""What a receipt keeps of stored questions near the one asked, in plain words (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GUARDS = {
    "numbers": "the numbers differ",
    "units": "the units differ",
    "dates": "the dates differ",
    "names": "the names differ",
    "negation": "one of them says the opposite",
    "comparison": "they compare differently",
    "quotes": "what they quote differs",
    "code": "the code in them differs",
    "order": "the same words stand in another order",
    "sums": "they tell a sum in other words",
    "letters": "they are in a script of which only the very same words are trusted",
    "signs": "the emoji or signs in them differ",
}
WHY = {
    "bound": "Served: of answers as sure as this one, few enough are wrong.",
    "static": "Served: it is above the static threshold, which stands while there is too little "
    "evidence for more.",
    "pinned": "Served: a person vouches for this answer.",
    "doubted": "Not served: its answer was found wrong of late; one fresh answer that agrees ends "
    "the doubt.",
    "below-bound": "Not served: of answers as sure as this one, too many could be wrong.",
    "below-threshold": "Not served: it is below the static threshold, which stands while there is "
    "too little evidence for more.",
    "other-words": "Not served: it has other words, and too little evidence tells yet what "
    "they change.",
    "caller-similarity": "Not served: the caller asked for a closer likeness.",
    "too-old": "Not served: the caller asked for a fresher answer.",
    "just-gone": "Not served: the stored answer was dropped at that moment.",
    "nothing-near": "No stored question was near.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """A stored question that was looked at; without words where it is another team's."""

    entry: int
    similarity: float
    question: str
    pinned: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Which stored questions were near, and why the nearest was served or not."""

    why: str
    word: str
    """The machine's, which can be looked up."""
    p: float | None
    lower: float | None
    epsilon: float | None
    neighbours: list[Near]

    @property
    def needed(self) -> float | None:
        """What the lower bound has to reach."""
        return None if self.epsilon is None else 1 - self.epsilon


def told(receipt: Mapping[str, Any]) -> Told | None:
    said = _object(receipt.get("meaning"))
    if not said:
        return None
    verdict = _object(said.get("verdict"))
    served = bool(verdict.get("served"))
    word = str((verdict if served else said).get("reason") or "")
    return Told(
        why=in_words(word),
        word=word,
        p=_number(verdict.get("p")),
        lower=_number(verdict.get("lower")),
        epsilon=_number(said.get("epsilon")),
        neighbours=[_near(each) for each in said.get("neighbours") or () if isinstance(each, dict)],
    )


def in_words(word: str) -> str:
    kind, _, guard = word.partition(":")
    if kind == "guard":
        return f"Not served, however near: {GUARDS.get(guard, guard.replace('-', ' '))}."
    return WHY.get(word, word.replace("-", " ").capitalize())


def _near(said: Mapping[str, Any]) -> Near:
    return Near(
        entry=int(said.get("entry") or 0),
        similarity=_number(said.get("similarity")) or 0.0,
        question=str(said.get("question") or ""),
        pinned=bool(said.get("pinned")),
    )


def _object(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, dict) else {}


def _number(said: object) -> float | None:
    return float(said) if isinstance(said, int | float) else None
