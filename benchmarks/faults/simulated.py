"""A plant of four backends in virtual time: what they take depends on load, chance and bad days."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from analytics.values import PriceTag

BURST_TIMES = 5.0
STUCK_TIMES = 8.0


@dataclass(frozen=True, kw_only=True)
class Nature:
    """How one backend truly is; nobody tells the router. Times are lognormal around a middle that
    grows with what is read and with how many calls run there."""

    name: str
    first_s: float
    """The middle for a thousand tokens, alone."""
    first_spread: float
    by_read: float
    """The power of thousands of tokens read."""
    tps: float
    tps_spread: float
    crowd: float
    """Calls that double what alone takes a power of `by_crowd` longer."""
    by_crowd: float
    usd_in: str
    usd_out: str
    """Per million tokens."""
    stuck: float = 0.0
    """The share of calls whose first content comes `STUCK_TIMES` later."""
    calm_s: float = 0.0
    burst_s: float = 0.0
    """Mean lengths of good times, and of bursts that slow it `BURST_TIMES` down; 0: no bursts."""
    slots: int = 0
    """Calls at once, others queue; 0: as many as come."""

    @property
    def price(self) -> PriceTag:
        usd_in, usd_out = Decimal(self.usd_in), Decimal(self.usd_out)
        return PriceTag(price_id=None, price_in=usd_in, price_out=usd_out, price_cached_in=usd_in)

    def usd(self, read: int, written: int) -> float:
        return (read * float(self.usd_in) + written * float(self.usd_out)) / 1e6


PLANT = (
    Nature(name="local", first_s=0.45, first_spread=0.15, by_read=0.9, tps=45, tps_spread=0.1,
           crowd=4, by_crowd=0.8, usd_in="0.05", usd_out="0.05", slots=6),
    Nature(name="fast-dear", first_s=0.35, first_spread=0.25, by_read=0.25, tps=120,
           tps_spread=0.2, crowd=40, by_crowd=0.6, usd_in="3", usd_out="15", stuck=0.005),
    Nature(name="slow-cheap", first_s=1.1, first_spread=0.4, by_read=0.35, tps=30, tps_spread=0.3,
           crowd=10, by_crowd=0.7, usd_in="0.15", usd_out="0.6", stuck=0.01),
    Nature(name="bursty", first_s=0.5, first_spread=0.3, by_read=0.3, tps=70, tps_spread=0.25,
           crowd=20, by_crowd=0.6, usd_in="0.5", usd_out="1.5", stuck=0.01, calm_s=150,
           burst_s=30),
)  # fmt: skip


@dataclass(kw_only=True)
class Running:
    """One call from its arrival at a backend to its end."""

    nature: Nature
    read: int
    written: int
    at: float
    crowd: int
    first_at: float = math.inf
    ends_at: float = math.inf
    cancelled: bool = False
    came: bool = False
    over: bool = False


@dataclass(kw_only=True)
class Server:
    """A backend as it is now."""

    nature: Nature
    running: int = 0
    queue: deque[Running] = field(default_factory=deque)
    slow: bool = False
    took: float = 1.0
    """Seconds that calls have taken of late, for the guess how long a queue lasts."""

    @property
    def crowd(self) -> int:
        return self.running + len(self.queue)

    @property
    def wait_s(self) -> float:
        slots = self.nature.slots
        if not slots or self.running < slots:
            return 0.0
        return (len(self.queue) + 1) / slots * self.took


class World:
    """Virtual time: what is due next happens next."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.servers = {nature.name: Server(nature=nature) for nature in PLANT}
        self._chance = {
            nature.name: np.random.default_rng((seed, place)) for place, nature in enumerate(PLANT)
        }
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        for server in self.servers.values():
            if server.nature.burst_s:
                self.at(self._lasts(server.nature, server.nature.calm_s), self._turner(server))

    def at(self, when: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._number), work))

    def run(self, until: float) -> None:
        while self._due and self._due[0][0] <= until:
            when, _, work = heapq.heappop(self._due)
            self.now = max(self.now, when)
            work()
        self.now = max(self.now, until)

    def ask(self, name: str, read: int, written: int) -> Running:
        server = self.servers[name]
        call = Running(
            nature=server.nature, read=read, written=written, at=self.now, crowd=server.crowd
        )
        if server.nature.slots and server.running >= server.nature.slots:
            server.queue.append(call)
        else:
            self._begin(server, call)
        return call

    def cancel(self, call: Running) -> None:
        """Frees its place at once."""
        server = self.servers[call.nature.name]
        if call.cancelled or call.over:
            return
        call.cancelled = True
        if call in server.queue:
            server.queue.remove(call)
        else:
            self._leave(server)

    def _begin(self, server: Server, call: Running) -> None:
        server.running += 1
        nature, chance = server.nature, self._chance[server.nature.name]
        load = (1 + server.running / nature.crowd) ** nature.by_crowd
        times = load * (BURST_TIMES if server.slow else 1.0)
        stuck = STUCK_TIMES if chance.random() < nature.stuck else 1.0
        read = (max(call.read, 50) / 1000) ** nature.by_read
        first_s = nature.first_s * read * times * stuck
        first_s *= math.exp(chance.normal(0, nature.first_spread))
        tps = nature.tps / times * math.exp(chance.normal(0, nature.tps_spread))
        call.first_at = self.now + first_s
        call.ends_at = call.first_at + call.written / tps
        self.at(call.first_at, lambda: self._came(call))
        self.at(call.ends_at, lambda: self._end(server, call))

    def _came(self, call: Running) -> None:
        call.came = not call.cancelled

    def _end(self, server: Server, call: Running) -> None:
        if call.cancelled:
            return
        call.over = True
        server.took += 0.1 * (call.ends_at - call.at - server.took)
        self._leave(server)

    def _leave(self, server: Server) -> None:
        server.running -= 1
        if server.queue:
            self._begin(server, server.queue.popleft())

    def _turner(self, server: Server) -> Callable[[], None]:
        def turn() -> None:
            server.slow = not server.slow
            nature = server.nature
            mean_s = nature.burst_s if server.slow else nature.calm_s
            self.at(self.now + self._lasts(nature, mean_s), turn)

        return turn

    def _lasts(self, nature: Nature, mean_s: float) -> float:
        return float(self._chance[nature.name].exponential(mean_s))
