"""Weak or strong, and which of many: KORA's estimates beside plainer ones, on a table of scores.

Each question is answered by what was learned of others: of all topics but its own (`topics`), or of
four fifths of all questions (`random`). What a method is set to was chosen on other topics than
those it is reported on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import suite
from benchmarks.overhead import Bar
from benchmarks.routing import ours, peers, scored
from benchmarks.routing.bench import Found, Given
from benchmarks.routing.ours import Asked
from benchmarks.routing.scored import Floats, Numbers, Table
from routing.learning.quality import Nearness

Whole = npt.NDArray[np.bool_]
Method = Callable[[Numbers, Numbers], Floats]
"""From the questions learned from and those asked about: what is expected of every model there."""

WEAK = 4
"""How many pairs: the best model of all, and the best of those that cost less a token."""
FOLDS = 5
SAMPLES = 400
SHARE = 0.4
OURS, LENGTH = "KORA", "prompt length"
SETTINGS: Mapping[str, Sequence[Any]] = {
    "ridge": (1.0, 10.0, 100.0),
    "kNN": (10, 40, 100),
    OURS: (
        Nearness(),
        Nearness(doubt=0.1),
        Nearness(within=0.25),
        Nearness(within=0.25, doubt=0.1),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    weak: int
    strong: int


def measure(given: Given) -> Found | None:
    table = scored.read()
    if table is None:
        return None
    bench = Bench(table, ours.asked(table.texts, given.made), given.seed)
    found: Found = {"questions": len(table.texts), "pairs": [], "many": []}
    for protocol in ("topics", "random"):
        suite.say(f"tables: {protocol}")
        expected = bench.expected(protocol)
        found["pairs"] += bench.pairs(protocol, expected)
        found["many"] += bench.many(protocol, expected)
    return {**found, "chosen": bench.chosen}


class Bench:
    def __init__(self, table: Table, asked: Asked, seed: int) -> None:
        self.table, self.asked, self.seed = table, asked, seed
        self.topics = np.array([table.names.index(name) for name in table.topics.tolist()])
        self.strong = int(table.scores.mean(axis=0).argmax())
        self.chosen: dict[str, list[str]] = {}

    # What each method expects

    def expected(self, protocol: str) -> dict[str, Floats]:
        """With the level of what was learned from taken away: what a held-out part is worth as a
        whole must not tell, by what is left, which part it is."""
        return {name: self._expected(protocol, name) for name in SETTINGS}

    def _expected(self, protocol: str, name: str) -> Floats:
        expected = np.zeros_like(self.table.scores)
        for asked, setting in self._folds(protocol, name):
            known = np.flatnonzero(~asked)
            level = self.table.scores[known].mean(axis=0)
            expected[asked] = self._method(name, setting)(known, np.flatnonzero(asked)) - level
        found: Floats = expected + self.table.scores.mean(axis=0)
        return found

    def _folds(self, protocol: str, name: str) -> Iterator[tuple[Whole, Any]]:
        if protocol == "random":
            fold = np.random.default_rng(self.seed).integers(0, FOLDS, len(self.topics))
            settled = self._best(name, range(len(self.table.names)))
            for number in range(FOLDS):
                yield fold == number, settled
            return
        halves = self._halves()
        for half, other in (halves, halves[::-1]):
            settled = self._best(name, other)
            self.chosen.setdefault(name, []).append(str(settled))
            for topic in half:
                yield self.topics == topic, settled

    def _halves(self) -> tuple[Sequence[int], Sequence[int]]:
        order = np.random.default_rng(self.seed).permutation(len(self.table.names)).tolist()
        return order[::2], order[1::2]

    def _best(self, name: str, topics: Sequence[int]) -> Any:
        """The setting that does best where each of these topics is held out of them."""
        return max(SETTINGS[name], key=lambda setting: self._worth(name, setting, topics))

    def _worth(self, name: str, setting: Any, topics: Sequence[int]) -> float:
        inside = np.isin(self.topics, list(topics))
        expected = np.zeros_like(self.table.scores)
        for topic in topics:
            known = np.flatnonzero(inside & (self.topics != topic))
            asked = np.flatnonzero(self.topics == topic)
            level = self.table.scores[known].mean(axis=0)
            expected[asked] = self._method(name, setting)(known, asked) - level
        kept = np.flatnonzero(inside)
        return float(np.mean([self._apgr(pair, expected, kept) for pair in self.all_pairs()]))

    def _method(self, name: str, setting: Any) -> Method:
        scores, asked = self.table.scores, self.asked
        if name == OURS:
            return lambda known, wanted: ours.predict(
                asked.part(known), scores[known], asked.part(wanted), nearness=setting
            )
        made = peers.ridge(setting) if name == "ridge" else peers.nearest(setting)
        return lambda known, wanted: made(
            asked.vectors[known], scores[known], asked.vectors[wanted]
        )

    # Weak or strong

    def all_pairs(self) -> list[Pair]:
        mean, cost = self.table.scores.mean(axis=0), self.table.costs.mean(axis=0)
        cheaper = [p for p in np.argsort(-mean).tolist() if cost[p] < cost[self.strong]]
        return [Pair(weak=weak, strong=self.strong) for weak in cheaper[:WEAK]]

    def _apgr(self, pair: Pair, expected: Floats, kept: Numbers) -> float:
        gain = expected[:, pair.strong] - expected[:, pair.weak]
        return self.recovered(pair, gain, kept)

    def recovered(self, pair: Pair, gain: Floats, kept: Numbers) -> float:
        """The area under what of the gap in quality is recovered, over what of the gap in cost is
        paid, as ever more questions go to the strong one, those with the most to gain first."""
        order = kept[np.argsort(-gain[kept], kind="stable")]
        better = self.table.scores[order, pair.strong] - self.table.scores[order, pair.weak]
        dearer = self.table.costs[order, pair.strong] - self.table.costs[order, pair.weak]
        quality = np.concatenate(([0.0], np.cumsum(better))) / better.sum()
        cost = np.concatenate(([0.0], np.cumsum(dearer))) / dearer.sum()
        return float(np.trapezoid(quality, cost))

    def pairs(self, protocol: str, expected: Mapping[str, Floats]) -> list[Found]:
        chance = np.random.default_rng(self.seed)
        whole = np.arange(len(self.topics))
        resampled = [chance.integers(0, len(whole), len(whole)) for _ in range(SAMPLES)]
        rows = []
        for pair in self.all_pairs():
            gains = {
                "random": chance.random(len(whole)),
                LENGTH: np.array([float(len(text)) for text in self.table.texts]),
                **{n: each[:, pair.strong] - each[:, pair.weak] for n, each in expected.items()},
                "oracle": self.table.scores[:, pair.strong] - self.table.scores[:, pair.weak],
            }
            areas = {name: self.recovered(pair, gain, whole) for name, gain in gains.items()}
            draws = {
                name: np.array([self.recovered(pair, gain, each) for each in resampled])
                for name, gain in gains.items()
            }
            apart = draws[OURS] - np.max([draws[n] for n in (LENGTH, "ridge", "kNN")], axis=0)
            rows.append({
                "protocol": protocol,
                "weak": self.table.models[pair.weak],
                "strong": self.table.models[pair.strong],
                "areas": areas,
                "intervals": {name: _interval(each) for name, each in draws.items()},
                "ahead": _interval(apart),
            })  # fmt: skip
        return rows

    # Which of many

    def many(self, protocol: str, expected: Mapping[str, Floats]) -> list[Found]:
        scores, costs = self.table.scores, self.table.costs
        chance = np.random.default_rng(self.seed)
        cheapest = costs.mean(axis=0).argmin()
        lengths = np.array([float(len(text)) for text in self.table.texts])
        budget = SHARE * float(costs[:, self.strong].mean())
        choices = {
            "random": chance.integers(0, scores.shape[1], len(scores)),
            "always cheapest": np.full(len(scores), cheapest),
            "best single": np.full(len(scores), self.strong),
            LENGTH: self._longest(lengths, budget),
            **{name: _within(each, costs, budget) for name, each in expected.items()},
            "oracle": _within(scores, costs, budget),
        }
        rows = np.arange(len(scores))
        single = scores[:, self.strong]
        whole = float(costs[:, self.strong].mean())
        return [
            {
                "protocol": protocol,
                "method": name,
                "quality": float(scores[rows, choice].mean()),
                "interval": _interval(_means(scores[rows, choice], self.seed)),
                "ahead": _interval(_means(scores[rows, choice] - single, self.seed)),
                "cost": float(costs[rows, choice].mean()) / whole,
            }
            for name, choice in choices.items()
        ]

    def _longest(self, lengths: Floats, budget: float) -> Numbers:
        """The longest to the strong one, the others to the best of the cheaper ones."""
        pair = self.all_pairs()[0]
        choice = np.full(len(lengths), pair.weak)
        spent = self.table.costs[:, pair.weak].sum()
        for place in np.argsort(-lengths).tolist():
            spent += self.table.costs[place, pair.strong] - self.table.costs[place, pair.weak]
            if spent > budget * len(lengths):
                break
            choice[place] = pair.strong
        return choice


def _within(expected: Floats, costs: Floats, budget: float) -> Numbers:
    """What is best at the price of a dollar that keeps the mean cost within the budget: what is
    paid is known without any score."""
    low, high = 0.0, 1e7
    for _ in range(60):
        price = (low + high) / 2
        choice = (expected - price * costs).argmax(axis=1)
        over = costs[np.arange(len(costs)), choice].mean() > budget
        low, high = (price, high) if over else (low, price)
    found: Numbers = (expected - high * costs).argmax(axis=1)
    return found


def _means(values: Floats, seed: int) -> Floats:
    chance = np.random.default_rng(seed)
    draws = [values[chance.integers(0, len(values), len(values))].mean() for _ in range(SAMPLES)]
    return np.array(draws)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def table(found: Found) -> str:
    lines = [f"{found['questions']:,} questions; 4 characters a token in, 300 tokens out assumed\n"]
    names = list(found["pairs"][0]["areas"])
    head = f"{'APGR, ' + found['pairs'][0]['strong']:<44}" + "".join(f"{n:>15}" for n in names)
    for protocol in ("topics", "random"):
        lines += ["", f"{protocol}: {head}"]
        for row in (each for each in found["pairs"] if each["protocol"] == protocol):
            low, high = row["intervals"][OURS]
            areas = "".join(f"{row['areas'][name]:>15.3f}" for name in names)
            ahead = "[{:+.3f}, {:+.3f}]".format(*row["ahead"])
            lines.append(f"{'   or ' + row['weak']:<52}{areas}")
            lines.append(f"{'':<10}KORA's interval [{low:.3f}, {high:.3f}]; ahead of the best of "
                         f"length, ridge and kNN by {ahead}")  # fmt: skip
        lines.append(f"\n{protocol}: {'which of nine, cost at most 40 %':<34}{'quality':>9}"
                     f"{'95 %':>18}{'of its cost':>13}{'ahead of best single':>24}")  # fmt: skip
        for row in (each for each in found["many"] if each["protocol"] == protocol):
            low, high = row["interval"]
            ahead = "[{:+.3f}, {:+.3f}]".format(*row["ahead"])
            lines.append(f"   {row['method']:<38}{row['quality']:>9.4f}  [{low:.4f}, {high:.4f}]"
                         f"{row['cost']:>12.1%}{ahead:>24}")  # fmt: skip
    lines += ["", *(f"{name}: set to {' and '.join(how)}" for name, how in found["chosen"].items())]
    return "\n".join(lines)


def bars(found: Found) -> list[Bar]:
    topics = [row for row in found["pairs"] if row["protocol"] == "topics"]
    won = sum(
        row["areas"][OURS] > max(row["areas"][name] for name in (LENGTH, "ridge", "kNN"))
        for row in topics
    )
    many = {(row["protocol"], row["method"]): row for row in found["many"]}
    bars = [
        Bar(text="pairs, topics held out: APGR above length, ridge and kNN, of four",
            value=float(won), bound=3.0, at_most=False),
    ]  # fmt: skip
    for protocol in ("random", "topics"):
        single = many[protocol, "best single"]["quality"]
        mine = many[protocol, OURS]
        bars.append(
            Bar(text=f"which of nine, {protocol}: quality at {mine['cost']:.0%} of the cost of the "
                "best single, less its quality", value=round(mine["quality"] - single, 4),
                bound=0.0, at_most=False)
        )  # fmt: skip
    return bars
