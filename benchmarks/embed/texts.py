"""What is embedded: sentences of a known length, and labelled pairs where they are at hand."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.processes import ROOT
from inference.embeddings.wordpiece import WordPiece

DATA = Path(os.environ.get("KORA_BENCH_DATA") or ROOT.parent / "shared" / "data")
PAIRS = DATA / "pairs" / "pairs_a.jsonl.gz"
SEED = 20_260_101
WORDS = (
    "account", "password", "invoice", "refund", "order", "address", "delivery", "error", "login",
    "payment", "card", "email", "phone", "update", "cancel", "change", "missing", "late", "broken",
    "price", "discount", "return", "store", "manager", "report", "weekly", "summary", "table",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Question `2n` and question `2n + 1` of `texts` mean the same where `same[n]`."""

    texts: tuple[str, ...]
    same: npt.NDArray[np.bool_]


def sentences(pieces: WordPiece, *, tokens: int, number: int) -> list[list[int]]:
    """Different ones, each of exactly so many tokens with the marks at both ends."""
    dice = random.Random(SEED + tokens)
    found: list[list[int]] = []
    while len(found) < number:
        ids = list(pieces.read(" ".join(dice.choices(WORDS, k=tokens))).ids)
        if len(ids) >= tokens:
            found.append([*ids[: tokens - 1], ids[-1]])
    return found


def questions(number: int, *, of_words: int = 10) -> list[str]:
    """Different texts that nobody has asked before."""
    dice = random.Random(SEED)
    return [f"{' '.join(dice.choices(WORDS, k=of_words - 1))} {each}" for each in range(number)]


def pairs(number: int) -> Pairs | None:
    """A sample that is the same every time; None where the data is not here."""
    if not PAIRS.exists():
        return None
    with gzip.open(PAIRS, "rt", encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    chosen = random.Random(SEED).sample(every, min(number, len(every)))
    return Pairs(
        texts=tuple(text for pair in chosen for text in (pair["a"], pair["b"])),
        same=np.array([bool(pair["same"]) for pair in chosen]),
    )


def auc(vectors: npt.NDArray[np.floating], same: npt.NDArray[np.bool_]) -> float:
    """How often a pair of one meaning lies nearer than a pair of two; ties count half."""
    cosines = (vectors[0::2] * vectors[1::2]).sum(axis=1)
    alike, other = cosines[same], np.sort(cosines[~same])
    below = np.searchsorted(other, alike, "left") + np.searchsorted(other, alike, "right")
    return float(below.mean() / 2 / len(other))


def same_neighbour(vectors: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> float:
    """The share of texts whose nearest other text is the same in both forms."""
    return float((_nearest(vectors) == _nearest(others)).mean())


def _nearest(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return np.asarray(cosines.argmax(axis=1))


def middle(values: Sequence[float], share: float) -> float:
    return float(np.quantile(np.array(values), share))
