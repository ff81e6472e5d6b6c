"""Answers that change: how many wrong ones are served before the old ones are left alone."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cache.intents import OUT_OF_SCOPE, Traffic
from benchmarks.cache.replay import Asked, Replay, Rule
from benchmarks.cache.vectors import Vectors

INTENTS = 40
WORDINGS = 60
"""Of each intent before the change, and as many others after it: no text is asked twice."""


@dataclass(frozen=True, kw_only=True)
class Drifted:
    before: int
    """Answers served by meaning before the change, and how many of them were wrong."""
    before_wrong: int
    after: int
    after_wrong: int
    until_quiet: float
    """Wrong answers an intent served after its change, in the mean."""
    worst: int
    shadows: int


def streams(traffic: Traffic, *, seed: int = 1) -> tuple[list[Asked], list[Asked]]:
    dice = random.Random(seed)
    wordings: dict[str, list[int]] = defaultdict(list)
    for number, intent in enumerate(traffic.intents):
        if intent != OUT_OF_SCOPE:
            wordings[intent].append(number)
    old: list[Asked] = []
    new: list[Asked] = []
    for number, intent in enumerate(dice.sample(sorted(wordings), INTENTS)):
        texts = dice.sample(wordings[intent], 2 * WORDINGS)
        old += [Asked(text=text, truth=number) for text in texts[:WORDINGS]]
        new += [Asked(text=text, truth=INTENTS + number) for text in texts[WORDINGS:]]
    dice.shuffle(old)
    dice.shuffle(new)
    return old, new


def measure(rule: Rule, traffic: Traffic, vectors: Vectors, *, seed: int = 1) -> Drifted:
    replay = Replay(rule, traffic.texts, vectors, seed=seed)
    old, new = streams(traffic, seed=seed)
    _ask(replay, old)
    before, before_wrong = replay.tally.hits, replay.tally.wrong
    wrongs = _ask(replay, new)
    return Drifted(
        before=before,
        before_wrong=before_wrong,
        after=replay.tally.hits - before,
        after_wrong=replay.tally.wrong - before_wrong,
        until_quiet=sum(wrongs.values()) / INTENTS,
        worst=max(wrongs.values(), default=0),
        shadows=replay.tally.shadows,
    )


def _ask(replay: Replay, stream: Sequence[Asked]) -> Counter[int]:
    """Wrong answers by what would have been right."""
    wrongs: Counter[int] = Counter()
    for asked in stream:
        was = replay.tally.wrong
        replay.ask(asked)
        wrongs[asked.truth] += replay.tally.wrong - was
    return wrongs
