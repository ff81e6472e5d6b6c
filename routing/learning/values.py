"""What is expected of each backend for one request (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The quality expected of one backend, 0 to 1, how sure that is, and what it rests on."""

    quality: float
    deviation: float
    seen: float = 0.0
    """Outcomes behind it, older and less alike ones counting less."""

    def as_json(self) -> dict[str, Any]:
        return {
            "quality": round(self.quality, 4),
            "deviation": round(self.deviation, 4),
            "seen": round(self.seen, 1),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """How many tokens an answer is expected to have: the middle, and where 9 of 10 lie below."""

    tokens: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What learning says before a decision; a backend without an estimate has its prior."""

    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    output: Forecast | None = None
    """Of any backend; `output_of` one."""
    outputs: Mapping[str, Forecast] = field(default_factory=dict)
    version: int = 0
    """Of the learned parameters."""

    def output_of(self, backend: str) -> Forecast | None:
        return self.outputs.get(backend, self.output)


UNTAUGHT = Outlook()
