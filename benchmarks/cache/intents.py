"""Customer-service traffic: intents with one right answer each, some popular, and odd questions."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate

from benchmarks.cache.replay import Asked
from benchmarks.embed.texts import DATA

CLINC = DATA / "intents" / "clinc150_train_val.json.gz"
PARTS = ("train", "val", "oos_train", "oos_val")
OUT_OF_SCOPE = "oos"
ODD_SHARE = 0.1
POPULAR, REPEATED = 1.0, 0.8
"""Exponents of the zipf distributions: of intents, and of an intent's wordings."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    texts: tuple[str, ...]
    stream: tuple[Asked, ...]
    intents: tuple[str, ...]
    """Of each text."""


def read(requests: int, *, seed: int = 1) -> Traffic | None:
    """None where the data is not here. An odd question's answer is right for itself only."""
    if not CLINC.exists():
        return None
    with gzip.open(CLINC, "rt", encoding="utf-8") as file:
        whole = json.load(file)
    rows = [(text, intent) for part in PARTS for text, intent in whole[part]]
    wordings: dict[str, list[int]] = defaultdict(list)
    for number, (_, intent) in enumerate(rows):
        wordings[intent].append(number)
    odd = wordings.pop(OUT_OF_SCOPE)
    dice = random.Random(seed)
    names = sorted(wordings)
    dice.shuffle(names)
    for each in wordings.values():
        dice.shuffle(each)
    rank = {name: number for number, name in enumerate(names)}
    popularity, repetition = _zipf(len(names), POPULAR), _zipf(1000, REPEATED)

    def asked() -> Asked:
        if dice.random() < ODD_SHARE:
            text = dice.choice(odd)
            return Asked(text=text, truth=len(names) + text)
        name = dice.choices(names, cum_weights=popularity)[0]
        some = wordings[name]
        text = dice.choices(some, cum_weights=repetition[: len(some)])[0]
        return Asked(text=text, truth=rank[name])

    return Traffic(
        texts=tuple(text for text, _ in rows),
        stream=tuple(asked() for _ in range(requests)),
        intents=tuple(intent for _, intent in rows),
    )


def _zipf(number: int, exponent: float) -> list[float]:
    return list(accumulate((rank + 1) ** -exponent for rank in range(number)))
