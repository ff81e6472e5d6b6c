"""The same library that KORA's engine runs on, driven by the shortest loop that batches: no fair
shares, no limits, no cancelling, no text; what an engine in Python can reach at most."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import llama_cpp
import numpy as np

from benchmarks.local.work import Answer

logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)


@dataclass(kw_only=True, eq=False)
class Asked:
    tokens: list[int]
    write: int
    ended: asyncio.Future[Answer]
    began_s: float = field(default_factory=time.perf_counter)
    first_s: float = 0.0
    slot: int = -1
    row: int = 0
    written: list[int] = field(default_factory=list)


class Bare:
    """A prompt is read whole in the step after it came; the best token is taken."""

    address = ""

    def __init__(self, model: str, *, slots: int, threads: int, context: int) -> None:
        asked = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(model.encode(), asked)
        self.words = llama_cpp.llama_model_get_vocab(self.model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(self.words)
        self.context = self._opened(slots, threads, context)
        self.batch = llama_cpp.llama_batch_init(slots * context, 0, 1)
        self.free, self.running = list(range(slots)), list[Asked]()
        self.arrivals: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self.computed = 0
        self.thread = threading.Thread(target=self._work, name="bare", daemon=True)
        self.thread.start()

    def _opened(self, slots: int, threads: int, context: int) -> Any:
        asked = llama_cpp.llama_context_default_params()
        asked.n_ctx, asked.n_batch, asked.n_seq_max = slots * context, slots * context, slots
        asked.n_threads = asked.n_threads_batch = threads
        asked.kv_unified = True
        return llama_cpp.llama_init_from_model(self.model, asked)

    async def ask(self, prompt: str, write: int) -> Answer:
        ended = asyncio.get_running_loop().create_future()
        self.arrivals.put(Asked(tokens=self._tokens(prompt), write=write, ended=ended))
        answer: Answer = await ended
        return answer

    def _tokens(self, text: str) -> list[int]:
        given = text.encode()
        room = (llama_cpp.llama_token * (len(given) + 8))()
        asked = (self.words, given, len(given), room, len(room), True, False)
        return list(room[: llama_cpp.llama_tokenize(*asked)])

    def _work(self) -> None:
        while self._admitted():
            self._fill()
            if llama_cpp.llama_decode(self.context, self.batch):
                raise RuntimeError("llama_decode failed")
            for asked in tuple(self.running):
                self._take(asked)

    def _admitted(self) -> bool:
        """Waits when there is nothing to do; False at the end."""
        while self.free and (not self.running or not self.arrivals.empty()):
            asked = self.arrivals.get()
            if asked is None:
                return False
            asked.slot = self.free.pop()
            self.running.append(asked)
        return True

    def _fill(self) -> None:
        self.batch.n_tokens = 0
        for asked in self.running:
            start = len(asked.tokens) + len(asked.written) - 1 if asked.written else 0
            fresh = asked.written[-1:] or asked.tokens
            for place, token in enumerate(fresh, start):
                self._add(token, place, asked.slot)
            asked.row = self.batch.n_tokens - 1
            self.batch.logits[asked.row] = True

    def _add(self, token: int, place: int, slot: int) -> None:
        at = self.batch.n_tokens
        self.batch.token[at], self.batch.pos[at] = token, place
        self.batch.n_seq_id[at], self.batch.seq_id[at][0] = 1, slot
        self.batch.logits[at] = False
        self.batch.n_tokens = at + 1

    def _take(self, asked: Asked) -> None:
        scores = llama_cpp.llama_get_logits_ith(self.context, asked.row)
        asked.written.append(int(np.ctypeslib.as_array(scores, (self.vocabulary,)).argmax()))
        now_s = time.perf_counter() - asked.began_s
        asked.first_s = asked.first_s or now_s
        if len(asked.written) == 1:
            self.computed += len(asked.tokens)
        if len(asked.written) < asked.write:
            return
        self._leave(asked)
        answer = Answer(first_s=asked.first_s, took_s=now_s, written=len(asked.written))
        asked.ended.get_loop().call_soon_threadsafe(asked.ended.set_result, answer)

    def _leave(self, asked: Asked) -> None:
        memory = llama_cpp.llama_get_memory(self.context)
        llama_cpp.llama_memory_seq_rm(memory, asked.slot, -1, -1)
        self.running.remove(asked)
        self.free.append(asked.slot)

    def read(self) -> int:
        return self.computed

    async def close(self) -> None:
        self.arrivals.put(None)
        await asyncio.to_thread(self.thread.join)
        llama_cpp.llama_batch_free(self.batch)
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)
