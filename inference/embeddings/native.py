"""llama.cpp as an encoder: the weights once, and a context for each thread that computes."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.embeddings import gguf_text
from inference.words import EngineError, Failure

NO_POOLING = 0
_lock = threading.Lock()
_library: Any = None
_quiet: Any = None


def library() -> Any:
    """Imported when first needed, and told to keep its log to itself."""
    global _library, _quiet
    with _lock:
        if _library is None:
            import llama_cpp

            _quiet = llama_cpp.llama_log_callback(lambda _level, _text, _data: None)
            llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
            llama_cpp.llama_backend_init()
            _library = llama_cpp
        return _library


class Weights:
    """One model's file, mapped: what is not used need not be in memory."""

    def __init__(self, path: Path) -> None:
        self._llama = library()
        params = self._llama.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_extra_bufts = False  # they would be copies of mapped weights
        self.pointer = self._llama.llama_model_load_from_file(str(path).encode(), params)
        if not self.pointer:
            raise EngineError(Failure.SERVER, f"llama.cpp cannot load {path.name}")
        self.dimensions: int = self._llama.llama_model_n_embd(self.pointer)
        self.longest: int = self._llama.llama_model_n_ctx_train(self.pointer)

    def vocabulary(self) -> list[str]:
        """The tokens as BERT writes them, by their numbers."""
        table = self._llama.llama_model_get_vocab(self.pointer)
        count = self._llama.llama_vocab_n_tokens(table)
        written = (self._llama.llama_vocab_get_text(table, number) for number in range(count))
        return [gguf_text.as_known(text.decode("utf-8", "replace")) for text in written]

    def lane(self, *, most_tokens: int, most_texts: int) -> Lane:
        return Lane(self, most_tokens=most_tokens, most_texts=most_texts)

    def close(self) -> None:
        if self.pointer:
            self._llama.llama_model_free(self.pointer)
            self.pointer = None


class Lane:
    """A context of one thread's own. One lane computes on one core: two of them share a queue
    better than one with two threads, which would spin while they wait for each other."""

    def __init__(self, weights: Weights, *, most_tokens: int, most_texts: int) -> None:
        self._llama = library()
        self._weights = weights
        self.most_tokens = max(most_tokens, weights.longest)
        self.most_texts = most_texts
        self._pointer = self._llama.llama_init_from_model(weights.pointer, self._params())
        if not self._pointer:
            raise EngineError(Failure.SERVER, "llama.cpp cannot make a context for embeddings")
        if self._llama.llama_pooling_type(self._pointer) == NO_POOLING:
            raise EngineError(Failure.SERVER, "this model makes no vector of a whole text")
        self._batch = self._llama.llama_batch_init(self.most_tokens, 0, 1)

    def _params(self) -> Any:
        params = self._llama.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self.most_tokens
        params.n_seq_max = self.most_texts
        params.n_threads = params.n_threads_batch = 1
        params.embeddings = True
        return params

    def encode(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """One row of length one for each text; the texts must fit into one batch."""
        self._fill(texts)
        status = self._llama.llama_encode(self._pointer, self._batch)
        if status:
            raise EngineError(Failure.SERVER, f"llama.cpp could not embed (status {status})")
        rows = np.stack([self._row(place) for place in range(len(texts))])
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EngineError(Failure.SERVER, "llama.cpp made a vector that is none")
        unit: npt.NDArray[np.float32] = rows / lengths
        return unit

    def _fill(self, texts: Sequence[Sequence[int]]) -> None:
        """Checked here, because the native code would end the whole process for it."""
        total = sum(map(len, texts))
        if not all(texts) or total > self.most_tokens or len(texts) > self.most_texts:
            raise ValueError(f"{len(texts)} texts of {total} tokens are no batch")
        batch, at = self._batch, 0
        for place, ids in enumerate(texts):
            for position, token in enumerate(ids):
                batch.token[at] = token
                batch.pos[at] = position
                batch.n_seq_id[at] = 1
                batch.seq_id[at][0] = place
                batch.logits[at] = 1
                at += 1
        batch.n_tokens = at

    def _row(self, place: int) -> npt.NDArray[np.float32]:
        found = self._llama.llama_get_embeddings_seq(self._pointer, place)
        if not found:
            raise EngineError(Failure.SERVER, "llama.cpp made no vector")
        return np.ctypeslib.as_array(found, (self._weights.dimensions,)).copy()

    def close(self) -> None:
        if self._pointer:
            self._llama.llama_batch_free(self._batch)
            self._llama.llama_free(self._pointer)
            self._pointer = None
