"""One exercise: what is asked, what is right, and whether an answer passes."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

DIFFICULTIES = ("easy", "medium", "hard")
HELD_OUT_OF = 10  # one prompt in ten is never trained on


@dataclass(frozen=True, kw_only=True)
class Sample:
    """`asked` is what the user says; `expected` the answer trained on; `check` names the judge."""

    asked: str
    expected: str
    check: str = "exact"


Maker = Callable[[random.Random, str], Sample]


def same(expected: str, answer: str) -> bool:
    return answer.strip() == expected


def same_json(expected: str, answer: str) -> bool:
    try:
        return bool(json.loads(answer) == json.loads(expected))
    except ValueError:
        return False


CHECKS: dict[str, Callable[[str, str], bool]] = {"exact": same, "json": same_json}


def passes(sample: Sample, answer: str) -> bool:
    return CHECKS[sample.check](sample.expected, answer)


def held_out(asked: str) -> bool:
    """By what is asked without case, spacing and punctuation: a comma more is no new prompt."""
    bare = re.sub(r"[\W_]+", " ", asked.lower()).strip()
    return hashlib.blake2b(bare.encode(), digest_size=8).digest()[0] % HELD_OUT_OF == 0


def draw(maker: Maker, rng: random.Random, difficulty: str, *, unseen: bool) -> Sample:
    """The next sample on the wanted side of the line between training and held-out."""
    while True:
        sample = maker(rng, difficulty)
        if held_out(sample.asked) == unseen:
            return sample
