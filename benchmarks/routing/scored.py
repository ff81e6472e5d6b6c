"""A table of questions and what each of some models scored and would have cost at them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.embed.texts import DATA

LLMROUTER = DATA / "llmrouter"
CHARACTERS_A_TOKEN = 4
TOKENS_OUT = 300
"""No token was counted in the data: these two are assumed, of every model alike."""
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Table:
    models: tuple[str, ...]
    texts: tuple[str, ...]
    topics: npt.NDArray[np.str_]
    scores: Floats
    """A row for each question, a column for each model."""
    costs: Floats
    """In US dollars."""

    def part(self, which: npt.NDArray[np.bool_]) -> Table:
        kept = np.flatnonzero(which)
        return Table(
            models=self.models,
            texts=tuple(self.texts[place] for place in kept),
            topics=self.topics[kept],
            scores=self.scores[kept],
            costs=self.costs[kept],
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.topics.tolist())))


@cache
def read(folder: Path = LLMROUTER) -> Table | None:
    """None where the data is not here."""
    if not (folder / "scores.jsonl.gz").exists():
        return None
    with gzip.open(folder / "scores.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    prices = json.loads((folder / "prices.json").read_text(encoding="utf-8"))
    models = tuple(sorted(rows[0]["scores"]))
    read_in = np.array([len(row["question"]) / CHARACTERS_A_TOKEN for row in rows])
    costs = [
        (read_in * prices[name]["input_price"] + TOKENS_OUT * prices[name]["output_price"]) / 1e6
        for name in models
    ]
    return Table(
        models=models,
        texts=tuple(row["question"] for row in rows),
        topics=np.array([row["task"] for row in rows]),
        scores=np.array([[row["scores"][name] for name in models] for row in rows]),
        costs=np.stack(costs, axis=1),
    )
