"""How busy a model of our own is, how long a call would wait, how long it may compute (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SLOW_PREFILL_TPS = 20.0
SLOW_DECODE_TPS = 2.0
"""Assumed of a model that has not been measured yet: what a large one does on a few cores."""
SPARE = 4.0
"""A hold is so many times what the speeds of the moment promise: they are those of all calls
together, and one that is alone gets less for its second. What is more is settled all the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What all workers that run one model say of it together."""

    served: bool = True
    """A worker that could run it is alive, and has not given it up."""
    places: int | None = None
    """Calls it could still take, those that would wait included; None: nobody knows."""
    wait_s: float = 0.0
    prefill_tps: float = 0.0
    decode_tps: float = 0.0
    threads: int = 1
    """Cores that compute together."""

    @property
    def full(self) -> bool:
        return self.places is not None and self.places <= 0

    def as_json(self) -> dict[str, Any]:
        return {} if self.places is None else {"places": self.places, "wait_s": self.wait_s}


UNKNOWN = Load()


def first_content_s(load: Load, prompt_tokens: int, seen_s: float | None) -> float | None:
    """Until the first content: waiting and reading, or what was seen lately; None: unmeasured."""
    if load.prefill_tps > 0:
        return load.wait_s + prompt_tokens / load.prefill_tps
    return None if seen_s is None else load.wait_s + seen_s


def computing_s(load: Load, prompt_tokens: int, output_tokens: int) -> float:
    """Processor time of a call of this size at the speeds of the moment."""
    reading_s = prompt_tokens / (load.prefill_tps or SLOW_PREFILL_TPS)
    writing_s = output_tokens / (load.decode_tps or SLOW_DECODE_TPS)
    return (reading_s + writing_s) * load.threads


def likely_compute_s(load: Load, prompt_tokens: int, produced: int, *, took_s: float) -> float:
    """Of a call that ended before its engine could say: no longer than it took, and without the
    time it spent waiting as far as the model's speeds tell that apart."""
    if not (load.prefill_tps > 0 and load.decode_tps > 0):
        return took_s
    return min(took_s * load.threads, computing_s(load, prompt_tokens, produced))
