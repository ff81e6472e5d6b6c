"""llama.cpp's own server inside this process, by the wheel `xllamacpp`; run by its own Python."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from typing import Any

import xllamacpp

from benchmarks.local.work import Answer


class Asked:
    def __init__(self) -> None:
        self.began_s = time.perf_counter()
        self.first_s = self.last_s = 0.0
        self.end: dict[str, Any] = {}

    def hear(self, chunk: dict[str, Any]) -> bool:
        """Called by the server's thread; True would stop the answer."""
        if "error" in chunk or "choices" not in chunk:
            self.end = {"error": chunk.get("error", chunk)}
            return True
        self.first_s = self.first_s or time.perf_counter() - self.began_s
        self.last_s = time.perf_counter() - self.began_s
        if "usage" in chunk:
            self.end = chunk
        return False


class Xllama:
    """With the server's own batch sizes and caches; `context` is for each sequence, as ours is."""

    def __init__(self, model: str, *, slots: int, threads: int, context: int) -> None:
        asked = xllamacpp.CommonParams()
        asked.model.path = model
        asked.n_parallel, asked.n_ctx = slots, slots * context
        asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = threads
        asked.verbosity = -1
        self.server = xllamacpp.Server(asked)
        self.address = str(self.server.listening_address)
        self.computed, self.lock = 0, threading.Lock()
        self.hands = concurrent.futures.ThreadPoolExecutor(2 * slots)

    async def ask(self, prompt: str, write: int) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.hands, self._ask, prompt, write)

    def _ask(self, prompt: str, write: int) -> Answer:
        asked = Asked()
        body = {"prompt": prompt, "n_predict": write, "temperature": 0, "stream": True}
        self.server.handle_completions(body, asked.hear)
        if "usage" not in asked.end:
            raise RuntimeError(str(asked.end.get("error", "the answer has no end")))
        with self.lock:
            self.computed += asked.end["timings"]["prompt_n"]
        written = asked.end["usage"]["completion_tokens"]
        return Answer(first_s=asked.first_s, took_s=asked.last_s, written=written)

    def read(self) -> int:
        return self.computed

    async def close(self) -> None:
        self.hands.shutdown(cancel_futures=True)
        del self.server
