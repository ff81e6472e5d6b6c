"""How many threads pay off on a machine that others use too: a thread that must wait slows all."""

from __future__ import annotations

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def busy_s() -> float:
    """Seconds that all cores together have worked since the machine started."""
    user, nice, system = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:4]
    return (int(user) + int(nice) + int(system)) / TICKS


class Neighbours:
    def __init__(self, threads: int) -> None:
        self.most = threads
        self.then = (time.monotonic(), busy_s(), time.process_time())

    def threads(self) -> int:
        """For the next step: a core that others kept busy since the last one is left to them."""
        now = (time.monotonic(), busy_s(), time.process_time())
        wall, busy, own = (new - old for new, old in zip(now, self.then, strict=True))
        self.then = now
        return max(1, self.most - round((busy - own) / max(wall, 0.01)))
