"""Batches without end: conversations of like length side by side, seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training import chat
from training.sample import DIFFICULTIES, Sample, draw
from training.tasks import TASKS

POOL = 1200
STEP = 16  # lengths are rounded up, so that few shapes occur
PROMPT_SHARE, PROMPT_WEIGHT = 0.2, 0.5  # a fifth of the prompt's tokens count half
SHARES = (0.75, 0.2, 0.05)
OFTEN = {  # a task not named here counts once
    "sums": 3.0,
    "case": 7.0,
    "sort": 8.0,
    "csv": 6.0,
    "lists": 2.0,
    "dedupe": 3.0,
    "reading": 4.0,
    "extract": 2.0,
    "small talk": 0.7,
    "classify": 0.7,
    "limits": 0.4,
    "products": 0.3,
}


@dataclass(frozen=True, kw_only=True)
class Batch:
    tokens: Tensor
    targets: Tensor
    weights: Tensor


class Feed:
    """`easy_only` is set while copying has to be found first."""

    def __init__(self, speech: chat.Speech, *, seed: int, tokens: int, context: int) -> None:
        self.speech, self.tokens, self.context = speech, tokens, context
        self.rng = random.Random(seed)
        self.easy_only = True
        self.weights = [OFTEN.get(name, 1.0) for name in TASKS]

    def sample(self) -> Sample:
        name = self.rng.choices(list(TASKS), self.weights)[0]
        shares = (1, 0, 0) if self.easy_only else SHARES
        difficulty = self.rng.choices(DIFFICULTIES, shares)[0]
        return draw(TASKS[name], self.rng, difficulty, unseen=False)

    def talk(self) -> chat.Talk:
        turns = 1 if self.rng.random() < 0.9 else self.rng.randint(2, 6)
        talk = self.speech.talk([self.sample() for _ in range(turns)], chat.system(self.rng))
        return talk if len(talk.tokens) <= self.context else self.talk()

    def batches(self) -> Iterator[Batch]:
        while True:
            pool = sorted((self.talk() for _ in range(POOL)), key=lambda talk: len(talk.tokens))
            cut = list(self.cut(pool))
            self.rng.shuffle(cut)
            yield from map(packed, cut)

    def cut(self, pool: list[chat.Talk]) -> Iterator[list[chat.Talk]]:
        rows: list[chat.Talk] = []
        for talk in pool:
            if rows and (len(rows) + 1) * rounded(len(talk.tokens)) > self.tokens:
                yield rows
                rows = []
            rows.append(talk)
        yield rows


def rounded(length: int) -> int:
    return -(-length // STEP) * STEP


def packed(rows: list[chat.Talk]) -> Batch:
    width = rounded(max(len(row.tokens) for row in rows))
    tokens = torch.zeros((len(rows), width + 1), dtype=torch.long)
    weights = torch.zeros((len(rows), width + 1))
    for at, row in enumerate(rows):
        length = len(row.tokens)
        tokens[at, :length] = torch.tensor(row.tokens)
        said = torch.tensor(row.said)
        heard = (torch.rand(length) < PROMPT_SHARE) * PROMPT_WEIGHT
        weights[at, :length] = torch.where(said, 1.0, heard)
    return Batch(tokens=tokens[:, :-1], targets=tokens[:, 1:], weights=weights[:, 1:])
