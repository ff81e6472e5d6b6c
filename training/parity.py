"""Holds a GGUF to its checkpoint: `python -m training.parity --run FOLDER --gguf FILE`.

Tokens, logits and the likeliest next token in llama.cpp against torch. Runs in an environment that
has both; KORA itself has llama.cpp only.
"""

from __future__ import annotations

import argparse
import ctypes
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt
import torch

from training import chat, export
from training.sample import DIFFICULTIES, draw
from training.tasks import TASKS

ODD = (
    "",
    "  two  spaces ",
    "Zoë — 日本 😀\n\n\ttab",
    "ANNA anna 12345 #$%",
    'a"b{}[]\\',
    "<|user|>",
)
LEAST_TOKENS = 200


class Loaded:
    """One file in llama.cpp, with a context that gives the logits of every token."""

    def __init__(self, path: Path, context: int) -> None:
        llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
        settings = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), settings)
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = context
        options.n_threads = options.n_threads_batch = 1
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        self.words = llama_cpp.llama_model_get_vocab(self.model)

    def spell(self, text: str) -> list[int]:
        raw, room = text.encode(), (llama_cpp.llama_token * (4 * len(text) + 8))()
        count = llama_cpp.llama_tokenize(self.words, raw, len(raw), room, len(room), False, False)
        return list(room[:count])

    def logits(self, tokens: list[int]) -> npt.NDArray[np.float32]:
        """The model's vocabulary wide, a row for each token."""
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for at, token in enumerate(tokens):
            batch.token[at], batch.pos[at], batch.logits[at] = token, at, 1
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, 0
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        if llama_cpp.llama_decode(self.context, batch):
            raise SystemExit("llama.cpp did not decode")
        wide = llama_cpp.llama_vocab_n_tokens(self.words)
        found = llama_cpp.llama_get_logits(self.context)
        rows = np.ctypeslib.as_array(found, shape=(len(tokens), wide)).copy()
        llama_cpp.llama_batch_free(batch)
        return rows


@llama_cpp.llama_log_callback
def _quiet(_level: int, _text: bytes, _user: Any) -> None:
    return None


def texts(seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for maker in TASKS.values():
        for difficulty in DIFFICULTIES:
            sample = draw(maker, rng, difficulty, unseen=True)
            yield sample.asked
            yield sample.expected
    yield from ODD


def compare(run: Path, path: Path, seed: int) -> dict[str, float]:
    model, tokenizer = export.trained(run)
    speech = chat.Speech(tokenizer=tokenizer)
    loaded = Loaded(path, model.shape.context)
    rng = random.Random(seed)
    plain = [text for text in texts(seed) if not any(mark in text for mark in chat.MARKS)]
    spelled = sum(loaded.spell(text) == speech.spell(text) for text in plain)
    gaps, agreed, count = [], 0, 0
    for maker in TASKS.values():
        tokens = list(speech.talk([draw(maker, rng, "medium", unseen=True)]).tokens)
        with torch.no_grad():
            own = model(torch.tensor([tokens]))[0].numpy()
        theirs = loaded.logits(tokens)
        gaps.append(float(np.abs(own - theirs).max()))
        agreed += int((own.argmax(-1) == theirs.argmax(-1)).sum())
        count += len(tokens)
    return {
        "texts": len(plain),
        "texts_spelled_alike": spelled,
        "tokens": count,
        "likeliest_alike": agreed,
        "largest_logit_gap": round(max(gaps), 4),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    found = compare(given.run, given.gguf, given.seed)
    print(found)
    fine = found["texts"] == found["texts_spelled_alike"] and found["tokens"] >= LEAST_TOKENS
    return 0 if fine and found["likeliest_alike"] >= 0.99 * found["tokens"] else 1


if __name__ == "__main__":
    sys.exit(main())
