"""Off-policy estimates against the truth: how often the interval holds it, and how wide it is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.embed import texts
from benchmarks.overhead import Bar
from routing.policy import exploring
from routing.simulating import estimators
from routing.simulating.estimators import Logged, Reading

if TYPE_CHECKING:
    from benchmarks.routing.bench import Given

Floats = npt.NDArray[np.float64]
Found = dict[str, Any]

POLICIES = 100
SEEDS = 5
REQUESTS = 2_000
"""Of each log that one policy is told from."""
QUESTIONS, ARMS, FEATURES = 4_000, 6, 8
"""Of the synthetic table."""
SHARE = 0.2
SHARPNESS = 4.0
DEVIATION = 0.25
TOKENS_OUT, CHARACTERS_A_TOKEN = 300, 4
"""The shared table counts no tokens."""
HELD = 93
"""Of 100 intervals of 95 %, at the least, have the truth in them."""
HOW: dict[str, Callable[[Logged], Reading]] = {
    "IPS": estimators.inverse_propensity,
    "SNIPS": estimators.self_normalised,
    "DR": estimators.doubly_robust,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What every arm would be worth on every question, and what it would cost."""

    name: str
    means: Floats
    costs: Floats
    """In points of quality."""
    noisy: bool
    """Rewards are drawn 0 or 1 with these means; else they are the means."""


def synthetic(seed: int) -> Table:
    chance = np.random.default_rng(seed)
    seen = chance.normal(size=(QUESTIONS, FEATURES))
    taste = chance.normal(size=(FEATURES, ARMS)) * 0.6
    level = chance.normal(size=ARMS) * 0.5
    means = 1.0 / (1.0 + np.exp(-(seen @ taste + level)))
    costs = np.tile(chance.uniform(0.0, 0.2, size=ARMS), (QUESTIONS, 1))
    return Table(name="synthetic, rewards 0 or 1", means=means, costs=costs, noisy=True)


def shared() -> Table | None:
    place = texts.DATA / "llmrouter"
    if not place.is_dir():
        return None
    with gzip.open(place / "scores.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    prices = json.loads((place / "prices.json").read_text())
    arms = sorted(rows[0]["scores"])
    means = np.array([[float(row["scores"][arm]) for arm in arms] for row in rows])
    read = np.array([len(row["question"]) / CHARACTERS_A_TOKEN for row in rows])
    into = np.array([prices[arm]["input_price"] for arm in arms])
    out = np.array([prices[arm]["output_price"] for arm in arms])
    usd = (read[:, None] * into + TOKENS_OUT * out) / 1e6
    return Table(name="nine models' scores", means=means, costs=usd * 200, noisy=False)


def logging(scores: Floats) -> Floats:
    """How KORA explores, question by question."""
    deviations = [DEVIATION] * scores.shape[1]
    return np.array(
        [
            exploring.chances(row, deviations, sharpness=SHARPNESS, share=SHARE)
            for row in scores.tolist()
        ]
    )


def targets(table: Table, guess: Floats, seed: int) -> Iterator[Floats]:
    """Policies of the kinds that people simulate: other weights, a rule for a part of the traffic,
    another opinion of the arms, one arm for all; some surer of themselves than others."""
    chance = np.random.default_rng(seed)
    questions, arms = table.means.shape
    for number in range(POLICIES):
        kind = number % 4
        scores = guess - chance.uniform(0.0, 3.0) * table.costs
        if kind == 1:
            part = chance.random(questions) < chance.uniform(0.1, 0.6)
            scores[part, chance.integers(arms)] += 5.0
        elif kind == 2:
            scores = scores + chance.normal(size=scores.shape) * 0.3
        elif kind == 3:
            scores[:, chance.integers(arms)] += chance.uniform(0.05, 0.5)
        sharpness = float(chance.choice([5.0, 20.0, 200.0]))
        yield _soft(scores, sharpness)


def _soft(scores: Floats, sharpness: float) -> Floats:
    powers = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_of(table: Table, propensities: Floats, guess: Floats, target: Floats, seed: int) -> Logged:
    """Questions drawn from the table, each decided and rewarded once."""
    chance = np.random.default_rng(seed)
    asked = chance.integers(0, len(table.means), size=REQUESTS)
    reached = propensities[asked].cumsum(axis=1)
    done = (reached < chance.random((REQUESTS, 1)) * reached[:, -1:]).sum(axis=1)
    place = (asked, done)
    mean = table.means[place]
    reward = (chance.random(REQUESTS) < mean).astype(float) if table.noisy else mean
    return Logged(
        reward=reward,
        propensity=propensities[place],
        target=target[place],
        expected=guess[place],
        expected_target=(target * guess)[asked].sum(axis=1),
        supported=(target * (propensities > 0))[asked].sum(axis=1),
        doubt=DEVIATION * (target * (propensities <= 0))[asked].sum(axis=1),
    )


def one(table: Table, seed: int) -> dict[str, list[tuple[bool, float, float, str]]]:
    """For each estimator: held the truth, width, error, warning; a log of its own a policy."""
    chance = np.random.default_rng(seed)
    opinion = chance.normal(size=table.means.shape) * 0.25
    lean = chance.normal(size=table.means.shape[1]) * 0.1
    guess = np.clip(table.means * 0.7 + 0.15 + opinion + lean, 0.0, 1.0)
    propensities = logging(guess - table.costs)
    found: dict[str, list[tuple[bool, float, float, str]]] = {name: [] for name in HOW}
    for number, target in enumerate(targets(table, guess, seed)):
        truth = float((target * table.means).sum(axis=1).mean())
        logged = log_of(table, propensities, guess, target, seed * 1_000 + number)
        for name, how in HOW.items():
            told = how(logged)
            found[name].append(
                (
                    told.low <= truth <= told.high,
                    told.high - told.low,
                    abs(told.value - truth),
                    told.warning,
                )
            )
    return found


def measure(given: Given) -> Found:
    rows: list[Found] = []
    known = shared()
    for seed in range(given.seed, given.seed + SEEDS):
        for table in (synthetic(seed), *([known] if known else ())):
            for name, told in one(table, seed).items():
                rows.append(
                    {
                        "table": table.name,
                        "seed": seed,
                        "estimator": name,
                        "held": sum(held for held, *_ in told),
                        "of": len(told),
                        "clean": sum(not warning for *_, warning in told),
                        "clean_held": sum(held for held, *_, warning in told if not warning),
                        "width": float(np.mean([width for _, width, *_ in told])),
                        "error": float(np.mean([error for _, _, error, _ in told])),
                    }
                )
    return {"rows": rows, "requests": REQUESTS, "share": SHARE, "absent": known is None}


def table(found: Found) -> str:
    head = f"{'table':<28} {'seed':>4} {'estimator':<9} {'held':>8} {'width':>8} {'error':>8}"
    head += "  held without a warning"
    lines = [
        f"{row['table']:<28} {row['seed']:>4} {row['estimator']:<9} {row['held']:>4}/{row['of']} "
        f"{row['width']:>8.4f} {row['error']:>8.4f}"
        f"  {row['clean_held']:>3}/{row['clean']}"
        for row in found["rows"]
    ]
    if found["absent"]:
        lines.append("nine models' scores: not measured, the evaluation data is not here")
    return "\n".join((head, "-" * len(head), *lines))


def bars(found: Found) -> list[Bar]:
    """The worst seed of each table, for the estimator that simulations use."""
    names = dict.fromkeys(row["table"] for row in found["rows"])
    return [
        Bar(
            text=f"off-policy: true value inside the 95 % interval, of 100 policies, {name}",
            value=min(
                row["held"]
                for row in found["rows"]
                if row["table"] == name and row["estimator"] == "DR"
            ),
            bound=HELD,
            at_most=False,
        )
        for name in names
    ]
