"""What a second backend for a silent call brings at the slow end, and what it costs.

The plant, the trace and the choice of `deadlines`. While a call is silent, KORA's own decision says
when it is likely late (`hedging.moment_s` over `promptness.p_late`), whom to ask beside it
(`hedging.who`) and whether there is room for that (`hedging.has_room`); the first to give content
wins, the other is cancelled and paid for what it had read. How likely is likely enough is tuned on
the first half of the trace; the second half is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.faults import arrivals
from benchmarks.faults.arrivals import Arrival
from benchmarks.faults.deadlines import GRACE_S, WORLDS
from benchmarks.faults.router import Router
from benchmarks.faults.simulated import Running, World
from benchmarks.overhead import Bar
from routing.failover import hedging
from routing.failover.hedges import Hedge
from routing.failover.hedging import Rival, Standing
from routing.policy import promptness
from routing.policy.values import Candidate

if TYPE_CHECKING:
    from benchmarks.faults.bench import Given

WHEN = (0.3, 0.5, 0.7)
"""Chances of being late that are tried on the first half."""
SHARES = (0.05, 0.1)
MOST_EXTRA = 0.2
"""Of the money, that a setting may cost more on the first half to be considered."""
MINUTE_S = 60.0
LOOK_S = 0.25
Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    took_s: float
    late: bool
    usd: float
    hedged: bool
    won: bool


@dataclass(kw_only=True)
class Book:
    """What hedging's bounds are held against."""

    spent_usd: float = 0.0
    lost_usd: float = 0.0
    asked: list[float] = field(default_factory=list)
    hedged: list[float] = field(default_factory=list)

    def standing(self, now: float) -> Standing:
        since = now - MINUTE_S
        return Standing(
            spent_usd=self.spent_usd,
            lost_usd=self.lost_usd,
            requests=sum(at > since for at in self.asked[-2000:]),
            hedged=sum(at > since for at in self.hedged[-2000:]),
        )


@dataclass(kw_only=True)
class Asked:
    """One request: its first call, and a second one if it came to that."""

    arrival: Arrival
    first: Running
    chosen: Candidate
    second: Running | None = None
    late_then: float = 0.0
    """How likely late the first was when the second was asked."""
    usd: float = 0.0

    @property
    def winner(self) -> Running:
        second = self.second
        return second if second is not None and not second.cancelled else self.first

    def outcome(self) -> Outcome:
        took_s = self.winner.ends_at - self.first.at
        return Outcome(
            took_s=took_s,
            late=took_s > self.arrival.deadline_s,
            usd=self.usd,
            hedged=self.second is not None,
            won=self.winner is self.second,
        )


class Desk:
    """Asks, watches, and hedges, in virtual time."""

    def __init__(self, seed: int, terms: Hedge) -> None:
        self.world, self.router, self.terms, self.book = World(seed), Router(), terms, Book()
        self.asked: list[Asked] = []

    def replay(self, trace: Sequence[Arrival]) -> list[Outcome]:
        for arrival in trace:
            self.world.run(arrival.at_s)
            chosen = self.router.choose(self.world, arrival)
            call = self.world.ask(chosen.backend.name, arrival.read, arrival.written)
            each = Asked(arrival=arrival, first=call, chosen=chosen)
            self.asked.append(each)
            self.book.asked.append(self.world.now)
            self._plan(each)
            self._watch(each)
        self.world.run(trace[-1].at_s + GRACE_S)
        return [each.outcome() for each in self.asked]

    def _plan(self, each: Asked) -> None:
        """When it would be likely late if it stayed silent."""
        if not self.terms.enabled:
            return
        moment_s = hedging.moment_s(
            lambda silent_s: self._p_late(each.chosen, each.arrival.deadline_s, silent_s),
            self.terms,
            from_s=0.0,
            until_s=each.arrival.deadline_s,
        )
        if moment_s is not None:
            self.world.at(self.world.now + moment_s, lambda: self._consider(each))

    def _p_late(self, candidate: Candidate, deadline_s: float, silent_s: float) -> float:
        return promptness.p_late(
            candidate.backend,
            candidate.fit.read,
            self.router.lengths.forecast(),
            most_output=candidate.fit.longest,
            deadline_s=deadline_s,
            silent_s=silent_s,
        )

    def _consider(self, each: Asked) -> None:
        now, call = self.world.now, each.first
        if call.came or call.over:
            return
        left_s = each.arrival.deadline_s - (now - call.at)
        late = self._p_late(each.chosen, each.arrival.deadline_s, now - call.at)
        rival = hedging.who(self._rivals(each, left_s), late, self.terms)
        if rival is None or not hedging.has_room(
            self.book.standing(now), rival.extra_usd, self.terms
        ):
            return
        self.book.hedged.append(now)
        each.late_then = late
        name = rival.candidate.backend.name
        each.second = self.world.ask(name, each.arrival.read, each.arrival.written)
        self._race(each, each.second)

    def _rivals(self, each: Asked, left_s: float) -> list[Rival]:
        candidates = self.router.candidates(self.world, each.arrival)
        return [
            Rival(
                candidate=candidate,
                p_late=self._p_late(candidate, left_s, 0.0),
                extra_usd=float(candidate.worst_case),
            )
            for candidate in candidates
            if candidate.backend.name != each.first.nature.name and not candidate.excluded
        ]

    def _race(self, each: Asked, second: Running) -> None:
        """The first to give content wins; the other is let go at that moment."""
        first = each.first
        if first.came or second.came:
            loser = second if first.came else first
            self.world.cancel(loser)
            self.router.silent(loser, self.world.now)
            usd = loser.nature.usd(loser.read, 0)
            each.usd += usd
            self.book.lost_usd += usd
            return
        ends = min(first.first_at, second.first_at, self.world.now + LOOK_S)
        self.world.at(ends, lambda: self._race(each, second))

    def _watch(self, each: Asked) -> None:
        call = each.winner
        if call.over:
            usd = call.nature.usd(call.read, call.written)
            each.usd += usd
            self.book.spent_usd += usd
            self.router.observed(call)
            self._learn(each)
            return
        self.world.at(min(call.ends_at, self.world.now + LOOK_S), lambda: self._watch(each))

    def _learn(self, each: Asked) -> None:
        """Of a call that was overtaken, what was expected of it then stands for what became."""
        first = each.first
        late = each.late_then
        if each.winner is first:
            late = float(first.ends_at - first.at > each.arrival.deadline_s)
        self.router.told(first.nature.name, each.chosen.raw_miss, late, self.world.now)


def measure(given: Given) -> Found | None:
    trace = arrivals.read()
    if trace is None:
        return None
    half, seeds = len(trace) // 2, range(given.seed, given.seed + WORLDS)
    first = Desk(given.seed, Hedge(enabled=False)).replay(trace[:half])
    terms, tried = _tuned(trace[:half], given.seed, first)
    without = [e for s in seeds for e in Desk(s, Hedge(enabled=False)).replay(trace)[half:]]
    hedged = [e for s in seeds for e in Desk(s, terms).replay(trace)[half:]]
    return {
        "when": terms.when,
        "share": terms.share,
        "tried": tried,
        "worlds": len(seeds),
        "rows": [_row("without", without), _row("with hedging", hedged)],
    }


def _tuned(
    trace: Sequence[Arrival], seed: int, before: Sequence[Outcome]
) -> tuple[Hedge, list[Found]]:
    """The setting with the shortest p99 of the first half, of those that do not cost too much."""
    spent = sum(each.usd for each in before)
    tried = []
    for when in WHEN:
        for share in SHARES:
            rows = Desk(seed, _terms(when, share)).replay(trace)
            dearer = sum(each.usd for each in rows) / spent - 1
            tried.append({"when": when, "share": share, "dearer": dearer, **_row("", rows)})
    able = [each for each in tried if each["dearer"] <= MOST_EXTRA] or tried
    best = min(able, key=lambda each: float(each["p99_s"]))
    return _terms(best["when"], best["share"]), tried


def _terms(when: float, share: float) -> Hedge:
    return Hedge(enabled=True, when=when, share=share, max_extra_share=share)


def _row(name: str, rows: Sequence[Outcome]) -> Found:
    took = np.array([each.took_s for each in rows])
    hedged = [each for each in rows if each.hedged]
    return {
        "name": name,
        "attainment": float(np.mean([not each.late for each in rows])),
        "usd_per_1000": 1000 * float(np.mean([each.usd for each in rows])),
        "p50_s": float(np.quantile(took, 0.5)),
        "p99_s": float(np.quantile(took, 0.99)),
        "p999_s": float(np.quantile(took, 0.999)),
        "hedged": len(hedged) / len(rows),
        "won": sum(each.won for each in hedged) / len(hedged) if hedged else 0.0,
    }


def table(found: Found) -> str:
    head = f"{'':<14} {'in time':>8} {'$/1000':>8} {'p50 s':>7} {'p99 s':>7} {'p99.9 s':>8} "
    head += f"{'hedged':>7} {'won':>6}"
    lines = [
        f"hedged when late with a chance above {found['when']:g}, at most {found['share']:.0%} of "
        f"requests and of the money: tuned on the first half; the second half of "
        f"{found['worlds']} worlds\n",
        head,
        "-" * len(head),
    ]
    for row in found["rows"]:
        lines.append(
            f"{row['name']:<14} {row['attainment']:>8.3f} {row['usd_per_1000']:>8.3f} "
            f"{row['p50_s']:>7.2f} {row['p99_s']:>7.2f} {row['p999_s']:>8.2f} "
            f"{row['hedged']:>7.1%} {row['won']:>6.1%}"
        )
    return "\n".join(lines)


def bars(found: Found) -> list[Bar]:
    without, hedged = found["rows"]
    return [
        Bar(text="hedging: p99 beside that without", value=hedged["p99_s"] / without["p99_s"],
            bound=1.0, at_most=True),
        Bar(text="hedging: what it adds to the cost, as a share",
            value=hedged["usd_per_1000"] / without["usd_per_1000"] - 1, bound=MOST_EXTRA,
            at_most=True),
    ]  # fmt: skip
