"""What the stage's benchmark stores and asks: real questions, and the same in other words."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.cache import pairs
from benchmarks.cache.vectors import Vectors
from benchmarks.embed import texts
from caching import guards
from caching.question import questions
from caching.values import Question

WORDS = range(7, 12)
"""Of a text: about 12 tokens."""
THRESHOLD = 0.9
"""What the team accepts while nothing is learned: the figures are of time, not of judgement."""
SURELY = THRESHOLD + 0.005
SEED = 11
MANNERS = ("please tell me: {}", "{} please", "hello, {}", "hi! {}", "{} thanks")
BODY = {"model": "mock", "temperature": 0, "max_tokens": 200}
Made = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is stored, and what is asked: each text once, and by nobody before."""

    stored: tuple[str, ...]
    vectors: Vectors
    served: tuple[str, ...]
    """Worded anew, and surely near enough."""
    others: tuple[str, ...]
    """Other questions: most have something near, few are served."""


def planned(stored: int, others: int, reworded: int, made: Made) -> Plan:
    """Real questions where they are at hand, sentences of common words where not."""
    data = pairs.read()
    known = data.texts if data else tuple(texts.questions(2 * stored + others, of_words=9))
    vectors = made(known)
    fit = [at for at, text in enumerate(known) if len(text.split()) in WORDS]
    random.Random(SEED).shuffle(fit)
    chosen = fit[:stored]
    return Plan(
        stored=tuple(known[at] for at in chosen),
        vectors=vectors[chosen],
        served=_reworded([known[at] for at in chosen], vectors[chosen], reworded, made),
        others=tuple(known[at] for at in fit[stored : stored + others]),
    )


def _reworded(stored: Sequence[str], vectors: Vectors, most: int, made: Made) -> tuple[str, ...]:
    """Only what lies nearest to its own, as near as the terms ask for, with no guard against it."""
    dice = random.Random(SEED)
    tried = [
        (at, dice.choice(MANNERS).format(stored[at].lower()))
        for at in itertools.islice(itertools.cycle(range(len(stored))), min(len(stored), 2 * most))
    ]
    near = made([text for _, text in tried]) @ vectors.T
    usual = surroundings("Anything?")
    kept = [
        text
        for (at, text), cosines in zip(tried, near, strict=True)
        if cosines.argmax() == at and cosines[at] >= SURELY
        if not guards.disagreement(text, stored[at]) and surroundings(text) == usual
    ]
    if len(kept) < most:
        raise SystemExit(f"{len(stored)} stored questions are too few for {most} to be asked.")
    return tuple(kept[:most])


def surroundings(text: str) -> str:
    """Where KORA looks: some ways to begin make the rest of a turn a part of them."""
    read = questions.read(body(text), form="chat", model=str(BODY["model"]))
    return read.surroundings if isinstance(read, Question) else ""


def body(text: str) -> dict[str, Any]:
    return {**BODY, "messages": [{"role": "user", "content": text}]}
