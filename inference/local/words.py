"""The words of the local engine: what to generate, how tokens are chosen, what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from inference.words import EngineError


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How one model is run; what is zero is chosen by the engine."""

    context: int = 0
    """Tokens that one sequence may hold; zero: what the model was trained for, if it fits."""
    slots: int = 0
    """Sequences that are decoded together; zero: eight, or fewer that each hold a decent text."""
    waiting: int = 32
    """Jobs that may wait for a slot; one more is refused."""
    threads: int = 0
    """Zero: as many as have lately been quickest, up to the number of cores."""
    chunk: int = 256
    """Prompt tokens that one step may read beside the sequences that are writing."""
    gpu_layers: int = 0
    mmap: bool = True
    repack: bool = True

    @property
    def label(self) -> str:
        """What differs from the usual; empty when nothing does."""
        usual = Settings()
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return " ".join(f"{k}={v}" for k, v in named.items() if v != getattr(usual, k))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """A neutral zero or one leaves a filter out; temperature 0 takes the best token."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    grammar: str = ""
    """GBNF; nothing else can be written than what it allows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One sequence to be written."""

    tokens: tuple[int, ...]
    max_tokens: int
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    logprobs: int | None = None
    """How many alternatives to report beside each token; None reports nothing."""
    priority: int = 0
    """The higher goes first."""
    deadline: float = math.inf
    """On the clock of `time.monotonic()`."""
    domain: str = ""
    """Whose text it is: what was read for one domain is never reused for another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """One token as it was chosen: its bytes, its log probability, and the best alternatives."""

    token: bytes
    logprob: float
    top: tuple[tuple[bytes, float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Text that is sure to stay: whole characters, and no beginning of a stop string."""

    text: str
    scored: tuple[Scored, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The end of one job. `finish` is OpenAI's `stop` or `length`; `compute_s` are the seconds of
    processor time that its share of every step took."""

    finish: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    compute_s: float


Told = Piece | Ended | EngineError
Tell = Callable[[list[tuple[object, Told]]], None]
"""Called on the engine's thread once a step, with (the ticket's `name`, what happened) of every
job that this listener submitted; it must return at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauges:
    """How busy one model is; the router reads this."""

    model: str
    state: str
    """`loading`, `ready`, `taken-out` (it crashed twice while loading), `failed`, `closed`, or
    `not loaded` (others needed the room)."""
    message: str = ""
    slots: int = 0
    running: int = 0
    waiting: int = 0
    bound: int = 0
    prefill_tps: float = 0.0
    decode_tps: float = 0.0
    wait_s: float = 0.0
    """How long a job that came now would wait for a slot."""
    threads: int = 1
    """Cores that compute together: a second on the clock is so many of processor time."""
    context: int = 0
    setting: str = ""
    """Under which options: `Settings.label`."""
