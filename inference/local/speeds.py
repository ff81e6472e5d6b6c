"""How fast one model reads and writes just now: averages in which the last seconds weigh most."""

from __future__ import annotations

import math
from dataclasses import dataclass

MEMORY_S = 10.0
MEMORY_JOBS = 20.0


@dataclass(slots=True)
class Average:
    """The first value is taken as it is."""

    memory: float
    value: float = 0.0
    seen: bool = False

    def add(self, value: float, weight: float) -> None:
        share = 1 - math.exp(-weight / self.memory) if self.seen else 1.0
        self.value += share * (value - self.value)
        self.seen = True


class Speeds:
    def __init__(self) -> None:
        self._prefill = Average(MEMORY_S)
        self._decode = Average(MEMORY_S)
        self._write_s = Average(MEMORY_S)
        self._length = Average(MEMORY_JOBS)

    @property
    def prefill_tps(self) -> float:
        """Prompt tokens a second while it reads."""
        return self._prefill.value

    @property
    def decode_tps(self) -> float:
        """Tokens a second that all sequences together write."""
        return self._decode.value

    def step(self, read: int, wrote: int, wall_s: float) -> None:
        """One step. Of a mixed one, reading took what is beyond a step that only writes."""
        if wall_s <= 0:
            return
        if not read:
            self._decode.add(wrote / wall_s, wall_s)
            self._write_s.add(wall_s, wall_s)
            return
        writing_s = min(self._write_s.value, 0.9 * wall_s) if wrote else 0.0
        self._prefill.add(read / (wall_s - writing_s), wall_s)

    def ended(self, written: int) -> None:
        self._length.add(written, 1)

    def forget_lengths(self) -> None:
        self._length = Average(MEMORY_JOBS)

    def still_to_write(self, written: int, limit: int) -> float:
        """By the length of recent answers; one that is longer already is half way."""
        usual = self._length.value if self._length.seen else limit
        return min(limit - written, max(usual - written, written))
