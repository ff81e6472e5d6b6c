"""How fast a model runs on this machine: tokens read and written a second, alone and together."""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from inference.local.words import Ended, Job, Sampling, Settings, Tell, Told
from inference.store.errors import ModelError
from inference.store.models import ModelFile
from inference.words import EngineError

PATIENCE_S = 900.0
SHORT = 8
"""Tokens of a prompt where only writing is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What is run: so many at once, prompts so long to read, so many tokens to write."""

    sequences: int = 4
    prompt: int = 256
    tokens: int = 64

    @property
    def longest(self) -> int:
        return max(self.prompt + 1, SHORT + self.tokens)


class Facts(Protocol):
    @property
    def eos(self) -> int: ...


class Engine(Protocol):
    """What of `inference.local.engine.Engine` is needed here."""

    @property
    def facts(self) -> Facts: ...

    def submit(self, job: Job, name: object, tell: Tell) -> object: ...

    def close(self) -> None: ...


def measure(model: ModelFile, load: Load) -> dict[str, Any]:
    """Loads the model in this process; nothing else should be busy meanwhile."""
    if model.facts.embeds:
        raise ModelError(f"{model.reference} makes vectors and writes no text.")
    if min(load.sequences, load.prompt, load.tokens) < 1:
        raise ModelError("Sequences and tokens are counted from one.")
    if load.longest > model.facts.context:
        raise ModelError(f"{model.reference} holds {model.facts.context} tokens at once.")
    began = time.perf_counter()
    try:
        return _measured(model, load, began)
    except EngineError as error:
        raise ModelError(f"{model.reference} cannot be run: {error.message}") from error


def _measured(model: ModelFile, load: Load, began: float) -> dict[str, Any]:
    engine = _open(model, Settings(context=load.longest, slots=load.sequences))
    try:
        load_s = time.perf_counter() - began
        return {"load_s": round(load_s, 3), **_speeds(engine, model, load)}
    finally:
        engine.close()


def _open(model: ModelFile, settings: Settings) -> Engine:
    from inference.local import engine

    opened: Engine = engine.Engine(Path(model.path), settings, name=model.reference)
    return opened


def _speeds(engine: Engine, model: ModelFile, load: Load) -> dict[str, Any]:
    source = random.Random(0)  # noqa: S311 any tokens will do, the same ones each time

    def run(count: int, length: int, more: int) -> tuple[list[Ended], float]:
        words = range(min(model.facts.vocabulary, 32_000) or 256)
        prompts = [tuple(source.choices(words, k=length)) for _ in range(count)]
        return _Round(prompts, more).run(engine)

    run(1, SHORT, 2)  # what the first call alone pays for
    read, read_s = run(1, load.prompt, 1)
    alone, alone_s = run(1, SHORT, load.tokens)
    found = {
        "prefill_tps": _rate(read[0].prompt_tokens, read_s),
        "decode_tps": _rate(alone[0].completion_tokens, alone_s),
    }
    if load.sequences > 1:
        together, together_s = run(load.sequences, SHORT, load.tokens)
        written = sum(ended.completion_tokens for ended in together)
        found |= {"sequences": load.sequences, "decode_tps_together": _rate(written, together_s)}
    return {**found, "cores": os.cpu_count(), "measured_at": datetime.now(UTC).isoformat()}


def _rate(tokens: int, seconds: float) -> float:
    return round(tokens / max(seconds, 1e-9), 1)


class _Round:
    """Jobs that begin together; the time until the last has ended."""

    def __init__(self, prompts: list[tuple[int, ...]], tokens: int) -> None:
        self._prompts = prompts
        self._tokens = tokens
        self._ended: list[Ended] = []
        self._trouble: EngineError | None = None
        self._over = threading.Event()

    def run(self, engine: Engine) -> tuple[list[Ended], float]:
        endless = {engine.facts.eos: -100.0} if engine.facts.eos >= 0 else {}
        began = time.perf_counter()
        for number, tokens in enumerate(self._prompts):
            # Texts of different owners: nothing read for one helps another.
            job = Job(
                tokens=tokens,
                max_tokens=self._tokens,
                sampling=Sampling(temperature=1.0, seed=number, logit_bias=endless),
                domain=f"bench {number} {self._tokens}",
            )
            engine.submit(job, number, self._tell)
        if not self._over.wait(PATIENCE_S):
            raise ModelError("The model did not come to an end in time.")
        if self._trouble is not None:
            raise ModelError(f"The model could not run: {self._trouble.message}")
        return self._ended, time.perf_counter() - began

    def _tell(self, told: list[tuple[object, Told]]) -> None:
        for _, what in told:
            if isinstance(what, Ended):
                self._ended.append(what)
            elif isinstance(what, EngineError):
                self._trouble = what
        if self._trouble or len(self._ended) == len(self._prompts):
            self._over.set()
