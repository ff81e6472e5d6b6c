"""Is the chance of being late right, and what does choosing by it bring? In virtual time.

The trace of a code assistant meets four simulated backends (`simulated.PLANT` states how they are;
the router is told only prices, and what a worker of its own says of its queue). KORA's own choice
(`policy.deciding`), what it remembers of speeds, and its calibration run as they do live. The first
half of the trace warms up; only the second is reported, and nothing is tuned on it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics.promises import reliability
from benchmarks.faults import arrivals
from benchmarks.faults.arrivals import Arrival
from benchmarks.faults.router import Router
from benchmarks.faults.simulated import PLANT, Running, World
from benchmarks.overhead import Bar

if TYPE_CHECKING:
    from benchmarks.faults.bench import Given

WORLDS = 2
"""Runs with other chances of the same plant; figures are of all together."""
LAST = 100
"""Answers of a backend that the rule of p95 looks back on."""
GRACE_S = 20_000.0
"""Until the last queue is empty."""
Found = dict[str, Any]
Rule = Callable[[World], str]
"""Whom to ask, by nothing that was learned."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One request of the second half."""

    backend: str
    late: bool
    took_s: float
    usd: float
    predicted: float = 0.0
    raw: float = 0.0
    by_p95: float = 0.0
    by_rate: float = 0.0


def measure(given: Given) -> Found | None:
    trace = arrivals.read()
    if trace is None:
        return None
    seeds = [given.seed + place for place in range(WORLDS)]
    ours = [each for seed in seeds for each in replay(trace, seed)]
    plain = [each for seed in seeds for each in replay(trace, seed, calibrated=False)]
    others = {
        name: [each for seed in seeds for each in replay(trace, seed, rule=rule)]
        for name, rule in RULES.items()
    }
    return {
        "requests": len(ours),
        "worlds": len(seeds),
        "rate": float(np.mean([each.late for each in ours])),
        "brier": _briers(ours),
        "uncalibrated": _brier(plain, lambda each: each.raw),
        "bins": [
            [each.place, each.requests, each.predicted_mean, each.seen]
            for each in reliability.binned((each.predicted, each.late) for each in ours)
        ],
        "rows": [
            _row("KORA", ours),
            _row("KORA, predictions not put right", plain),
            *(_row(name, rows) for name, rows in others.items()),
        ],
    }


def _cheapest(world: World) -> str:
    """By price alone, of those that have room this moment."""
    free = [each for each in world.servers.values() if not each.wait_s]
    return min(free, key=lambda each: each.nature.usd(2000, 30)).nature.name


def _fastest(world: World) -> str:
    """By what they truly are when nothing is the matter."""
    del world
    return min(PLANT, key=lambda nature: nature.first_s + 30 / nature.tps).name


CHEAPEST, FASTEST = "always the cheapest with room", "always the fastest"
RULES: Mapping[str, Rule] = {CHEAPEST: _cheapest, FASTEST: _fastest}


def replay(
    trace: Sequence[Arrival], seed: int, *, rule: Rule | None = None, calibrated: bool = True
) -> list[Outcome]:
    """The second half's outcomes, in the order of arrival."""
    world, router = World(seed), Router(calibrated=calibrated)
    durations: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=LAST))
    asked: list[_Asked] = []
    for arrival in trace:
        world.run(arrival.at_s)
        chosen = router.choose(world, arrival) if rule is None else None
        name = rule(world) if rule is not None else chosen.backend.name if chosen else ""
        past = list(durations[name])
        each = _Asked(
            arrival=arrival,
            call=world.ask(name, arrival.read, arrival.written),
            predicted=chosen.p_miss if chosen else 0.0,
            raw=chosen.raw_miss if chosen else 0.0,
            by_p95=_by_p95(past, arrival.deadline_s),
            by_rate=_by_rate(past, arrival.deadline_s),
        )
        asked.append(each)
        _watch(world, None if rule else router, each, durations[name])
    world.run(trace[-1].at_s + GRACE_S)
    return [each.outcome() for each in asked[len(trace) // 2 :]]


@dataclass(frozen=True, kw_only=True)
class _Asked:
    arrival: Arrival
    call: Running
    predicted: float
    raw: float
    by_p95: float
    by_rate: float

    def outcome(self) -> Outcome:
        call = self.call
        took_s = call.ends_at - call.at
        return Outcome(
            backend=call.nature.name,
            late=took_s > self.arrival.deadline_s,
            took_s=took_s,
            usd=call.nature.usd(call.read, call.written),
            predicted=self.predicted,
            raw=self.raw,
            by_p95=self.by_p95,
            by_rate=self.by_rate,
        )


def _watch(world: World, router: Router | None, each: _Asked, past: deque[float]) -> None:
    """Looks again when it should be over; one that waited in a queue is looked at later."""
    call = each.call

    def look() -> None:
        if call.over:
            took_s = call.ends_at - call.at
            past.append(took_s)
            if router is not None:
                router.observed(call)
                late = took_s > each.arrival.deadline_s
                router.told(call.nature.name, each.raw, late, world.now)
        else:
            world.at(min(call.ends_at, world.now + 0.25), look)

    world.at(min(call.ends_at, world.now + 0.25), look)


def _by_p95(past: Sequence[float], deadline_s: float) -> float:
    """Late for sure if one in twenty of the last was slower than this, else in time for sure."""
    return float(len(past) >= 20 and float(np.quantile(past, 0.95)) > deadline_s)


def _by_rate(past: Sequence[float], deadline_s: float) -> float:
    return (sum(took_s > deadline_s for took_s in past) + 0.5) / (len(past) + 1)


def _briers(rows: Sequence[Outcome]) -> Found:
    late = np.array([each.late for each in rows], dtype=float)
    return {
        "predicted": _brier(rows, lambda each: each.predicted),
        "before it was put right": _brier(rows, lambda each: each.raw),
        "constant": float(late.mean() * (1 - late.mean())),
        "p95 rule": _brier(rows, lambda each: each.by_p95),
        "share of the last 100": _brier(rows, lambda each: each.by_rate),
    }


def _brier(rows: Sequence[Outcome], chance: Callable[[Outcome], float]) -> float:
    return float(np.mean([(chance(each) - each.late) ** 2 for each in rows]))


def _row(name: str, rows: Sequence[Outcome]) -> Found:
    took = np.array([each.took_s for each in rows])
    share = {n.name: float(np.mean([e.backend == n.name for e in rows])) for n in PLANT}
    return {
        "name": name,
        "attainment": float(np.mean([not each.late for each in rows])),
        "usd_per_1000": 1000 * float(np.mean([each.usd for each in rows])),
        "p50_s": float(np.quantile(took, 0.5)),
        "p99_s": float(np.quantile(took, 0.99)),
        "share": share,
    }


def table(found: Found) -> str:
    lines = [
        f"{found['requests']} requests of the trace's second half in {found['worlds']} worlds, "
        f"{found['rate']:.1%} of KORA's choices late\n",
        f"{'Brier score of being late':<34} {'score':>8}",
        *(f"{name:<34} {score:>8.4f}" for name, score in found["brier"].items()),
        "",
        f"{'predicted':<12} {'requests':>9} {'on average':>11} {'came true':>10}",
    ]
    for place, requests, mean, seen in found["bins"]:
        span = f"{place * 10} to {place * 10 + 10} %"
        lines.append(f"{span:<12} {requests:>9} {mean:>11.3f} {seen:>10.3f}")
    head = f"{'who chooses':<34} {'in time':>8} {'$/1000':>8} {'p50 s':>7} {'p99 s':>7}  to whom"
    lines += ["", head, "-" * len(head)]
    for row in found["rows"]:
        whom = ", ".join(f"{name} {share:.0%}" for name, share in row["share"].items() if share)
        lines.append(
            f"{row['name']:<34} {row['attainment']:>8.3f} {row['usd_per_1000']:>8.3f} "
            f"{row['p50_s']:>7.2f} {row['p99_s']:>7.2f}  {whom}"
        )
    return "\n".join(lines)


def bars(found: Found) -> list[Bar]:
    scores, rows = found["brier"], {row["name"]: row for row in found["rows"]}
    ours, cheap, fast = rows["KORA"], rows[CHEAPEST], rows[FASTEST]
    return [
        Bar(text="deadlines: Brier score beside that of the best constant",
            value=scores["predicted"] / scores["constant"], bound=1.0, at_most=True),
        Bar(text="deadlines: Brier score beside that of a p95 rule for each backend",
            value=scores["predicted"] / scores["p95 rule"], bound=1.0, at_most=True),
        Bar(text="deadlines: Brier score beside what it was before it was put right",
            value=scores["predicted"] / scores["before it was put right"], bound=1.0, at_most=True),
        Bar(text=f"deadlines: in time, more than {CHEAPEST}",
            value=ours["attainment"] - cheap["attainment"], bound=0.0, at_most=False),
        Bar(text=f"deadlines: cost, beside that of {FASTEST}",
            value=ours["usd_per_1000"] / fast["usd_per_1000"], bound=1.0, at_most=True),
    ]  # fmt: skip
