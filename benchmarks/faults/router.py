"""KORA's own deciding code in virtual time: what it observes, what it learns, whom it chooses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from benchmarks.faults.arrivals import Arrival
from benchmarks.faults.simulated import PLANT, Nature, Running, Server, World
from routing import paces
from routing.learning.values import Forecast, Outlook
from routing.loads import Load
from routing.paces import Around, Pace
from routing.policy import calibration, deciding, promptness, weights
from routing.policy.calibration import Line, Seen
from routing.policy.terms import Aim, Explore
from routing.policy.values import Backend, Candidate, Decision, Wants
from routing.questions import Constraints

MISS = 2.0
"""Points of quality that a late answer costs: what a burning SLA makes of `auto`."""
LEARNS_EVERY_S = 60.0
MOST_SEEN = 5_000
LEAST_SEEN = 50
QUALITY = 0.7
MOST_OUTPUT = 2_000
LENGTHS = 400.0
"""Answers whose lengths the forecast remembers."""


@dataclass(kw_only=True)
class Lengths:
    """How long answers have been: lognormal, and older ones fade."""

    mean: float = math.log(100)
    variance: float = 1.0
    seen: float = 1.0

    def heard(self, tokens: int) -> None:
        self.seen = min(self.seen + 1, LENGTHS)
        share, off = 1 / self.seen, math.log(tokens) - self.mean
        self.mean += share * off
        self.variance = (1 - share) * (self.variance + share * off * off)

    def forecast(self) -> Forecast:
        high = self.mean + promptness.NINE_OF_TEN * math.sqrt(self.variance)
        return Forecast(tokens=math.exp(self.mean), high=math.exp(high))


@dataclass(kw_only=True)
class Router:
    """What a web process knows, fed with what a client of these backends would see."""

    calibrated: bool = True
    learned_at: float = 0.0
    pace: dict[str, Pace] = field(default_factory=dict)
    first_token_s: dict[str, float] = field(default_factory=dict)
    lengths: Lengths = field(default_factory=Lengths)
    lines: Mapping[str, Line] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    templates: dict[str, Backend] = field(
        default_factory=lambda: {nature.name: _template(nature) for nature in PLANT}
    )

    def choose(self, world: World, asked: Arrival) -> Candidate:
        decision = deciding.decide(
            wants(asked), self.backends(world), self.outlook(), aim=aim(asked.deadline_s)
        )
        if not isinstance(decision, Decision):
            raise SystemExit(f"nobody fits: {decision.why}")
        return decision.order[0]

    def candidates(self, world: World, asked: Arrival) -> tuple[Candidate, ...]:
        """All of them, as they would be decided by now."""
        return deciding.decide(
            wants(asked), self.backends(world), self.outlook(), aim=aim(asked.deadline_s)
        ).candidates

    def outlook(self) -> Outlook:
        return Outlook(output=self.lengths.forecast())

    def backends(self, world: World) -> list[Backend]:
        return [self._alive(server) for server in world.servers.values()]

    def _alive(self, server: Server) -> Backend:
        name = server.nature.name
        return replace(
            self.templates[name],
            pace=self.pace.get(name, paces.UNSEEN),
            first_token_s=self.first_token_s.get(name),
            in_flight=server.crowd,
            load=_load(server) if server.nature.slots else Load(),
            lateness=calibration.of(self.lines, name) if self.calibrated else calibration.PLAIN,
        )

    def observed(self, call: Running) -> None:
        """An answer that came to its end."""
        name, first_s = call.nature.name, call.first_at - call.at
        around = Around(crowd=call.crowd, read=call.read)
        known = self.first_token_s.get(name, first_s)
        self.first_token_s[name] = known + 0.2 * (first_s - known)
        pace = paces.streamed(self.pace.get(name, paces.UNSEEN), first_s, around)
        self.pace[name] = paces.wrote(pace, call.written, call.ends_at - call.first_at, around)
        self.lengths.heard(call.written)

    def silent(self, call: Running, now: float) -> None:
        """A call that was given up before it said anything."""
        name, around = call.nature.name, Around(crowd=call.crowd, read=call.read)
        pace = self.pace.get(name, paces.UNSEEN)
        self.pace[name] = paces.silent(pace, now - call.at, around)

    def told(self, name: str, raw: float, late: float, now: float) -> None:
        """What came of a prediction; once a minute it is learned from, as the background does."""
        if not self.calibrated:
            return
        self.seen.append(Seen(backend=name, chance=raw, late=late))
        if now - self.learned_at >= LEARNS_EVERY_S:
            self.learned_at = now
            self.lines, _ = calibration.learned(self.seen[-MOST_SEEN:], least=LEAST_SEEN)


def aim(deadline_s: float) -> Aim:
    """`auto`, with an SLA's target for its deadline, and nothing tried out."""
    strict = replace(weights.AUTO, miss=MISS, deadline_s=deadline_s)
    return Aim(weights=strict, explore=Explore(mode="bypass"))


def wants(asked: Arrival) -> Wants:
    return Wants(
        model="auto",
        prompt_tokens=asked.read,
        output_tokens=None,
        choices=1,
        needs=frozenset(),
        constraints=Constraints(),
    )


def _template(nature: Nature) -> Backend:
    return Backend(
        backend_id=1,
        name=nature.name,
        kind="local" if nature.slots else "cloud",
        model=nature.name,
        version="1",
        price=nature.price,
        context=32_768,
        max_output=MOST_OUTPUT,
        capabilities=frozenset(),
        max_parallel=10_000,
        weight=1.0,
        quality=QUALITY,
    )


def _load(server: Server) -> Load:
    """What its worker's heartbeat would say: the queue, and the speeds of the moment."""
    nature = server.nature
    times = (1 + (server.running + 1) / nature.crowd) ** nature.by_crowd
    return Load(
        places=nature.slots + QUEUE - server.crowd,
        wait_s=server.wait_s,
        prefill_tps=1000 / (nature.first_s * times),
        decode_tps=nature.tps / times,
    )


QUEUE = 64
"""Calls that may wait for the local model."""
