"""ONNX Runtime as an encoder: one session, which every thread computes with by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.embeddings.onnx import bert, eight_bits, encoder, runtime, sample
from inference.embeddings.onnx.bert import Bert
from inference.embeddings.wordpiece import BEGIN, END
from inference.store import gguf_header
from inference.store.errors import BadModelError
from inference.words import EngineError, Failure


class Weights:
    """The graph in memory; the rows of words stay in the file, mapped."""

    def __init__(self, path: Path) -> None:
        try:
            header = gguf_header.read(path)
        except BadModelError as error:
            raise EngineError(Failure.SERVER, f"{path.name} cannot be read: {error}") from error
        if reason := bert.why_not(header):
            raise EngineError(Failure.SERVER, f"ONNX Runtime cannot compute {path.name}: {reason}")
        self._open(Bert(path, header))

    def _open(self, file: Bert) -> None:
        self._vocabulary = file.vocabulary()
        self._words = file.rows("token_embd.weight")
        places = file.weight("position_embd.weight")[: file.shape.longest]
        self._places = places + file.weight("token_types.weight")[0]
        self.dimensions, self.longest = file.shape.width, len(places)
        self._session: Any = runtime.session(
            encoder.model(file, self._sample(), unsigned=_unsigned())
        )

    def _sample(self) -> list[npt.NDArray[np.float32]]:
        known = self._vocabulary
        marks = (known.index(mark) if mark in known else 0 for mark in (BEGIN, END))
        return [self.rows(ids[: self.longest]) for ids in sample.texts(len(known), *marks)]

    def vocabulary(self) -> list[str]:
        return self._vocabulary

    def rows(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = self._words[np.array(ids)] + self._places[: len(ids)]
        return found

    def lane(self, *, most_tokens: int, most_texts: int) -> Lane:
        return Lane(self, most_tokens=most_tokens, most_texts=most_texts)

    def vector(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        session = self._session
        if session is None:
            raise EngineError(Failure.SERVER, "the embedder was closed")
        made: npt.NDArray[np.float32] = session.run(None, {encoder.ROWS: self.rows(ids)})[0]
        return made

    def close(self) -> None:
        """What is being computed is finished: it holds the session itself."""
        self._session = None


class Lane:
    """One thread's. Texts are computed one by one: together they would share the scale of their
    eight bits, so that a text's vector depended on its neighbours."""

    def __init__(self, weights: Weights, *, most_tokens: int, most_texts: int) -> None:
        self._weights = weights
        self.most_tokens = max(most_tokens, weights.longest)
        self.most_texts = most_texts

    def encode(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """One row of length one for each text; the texts must fit into one batch."""
        self._check(texts)
        rows = np.stack([self._weights.vector(ids) for ids in texts])
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EngineError(Failure.SERVER, "ONNX Runtime made a vector that is none")
        unit: npt.NDArray[np.float32] = rows / lengths
        return unit

    def _check(self, texts: Sequence[Sequence[int]]) -> None:
        total, known = sum(map(len, texts)), len(self._weights.vocabulary())
        if not all(0 < len(ids) <= self._weights.longest for ids in texts) or not texts:
            raise ValueError("a text is empty, or longer than the model reads")
        if total > self.most_tokens or len(texts) > self.most_texts:
            raise ValueError(f"{len(texts)} texts of {total} tokens are no batch")
        if not all(0 <= token < known for ids in texts for token in ids):
            raise ValueError("a token is none of this model's")

    def close(self) -> None:
        """Nothing is its own."""


def _unsigned() -> bool:
    return not eight_bits.sums_are_exact()
