"""Embedders for tests of the semantic tier: vectors of words, and what goes wrong with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

from inference import embedding
from inference.embedding import Embedded

FILLER = frozenset({
    "please", "kindly", "the", "a", "an", "is", "do", "does", "i", "can", "you", "my", "me", "to",
    "of", "in", "for", "and",
})  # fmt: skip
DIMENSIONS = 64


class Words:
    """Texts with the same words, in whatever order, are alike; small words do not count."""

    name, dimensions, longest, wait_s, tokens_per_s = "words:test", DIMENSIONS, 512, 0.0, 1000.0

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.hangs = False
        self.truncates = False
        self.asked: list[tuple[tuple[str, ...], str]] = []

    def warm(self) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to close."""

    def remembers(self, texts: Sequence[str], *, domain: str = "") -> bool:
        return (tuple(texts), domain) in self.asked

    def submit(
        self, texts: Sequence[str], *, domain: str = "", memory: str = embedding.USUAL
    ) -> Future[Embedded]:
        del memory
        self.asked.append((tuple(texts), domain))
        made: Future[Embedded] = Future()
        if self.trouble is not None:
            made.set_exception(self.trouble)
        elif not self.hangs:
            vectors = np.stack([vector(text) for text in texts])
            made.set_result(
                Embedded(vectors=vectors, tokens=len(texts), truncated=int(self.truncates))
            )
        return made


def vector(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    found = np.full(DIMENSIONS, 1e-3, dtype=np.float32)
    for word in set(re.findall(r"\w+", text.casefold())) - FILLER:
        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest())
        found += np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)
    return found / np.float32(np.linalg.norm(found))
