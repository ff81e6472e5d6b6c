"""Learning while serving: only the score of the model that was chosen is shown, once a question.

KORA's estimates and its way of exploring choose; what they learn is taken in after every so many
questions, as web processes see new versions. In the second half of this part the model that gets
most of the traffic goes bad for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np

from benchmarks import suite
from benchmarks.overhead import Bar
from benchmarks.routing import ours, peers, scored
from benchmarks.routing.bench import Found, Given
from benchmarks.routing.ours import EMBEDDER, Asked
from benchmarks.routing.scored import Floats, Numbers, Table
from routing.learning import evidence, features, fitting, projecting, quality, taking_in
from routing.learning.evidence import Evidence, Seen
from routing.learning.quality import Case
from routing.policy import exploring

BATCH = 20
"""Questions between two versions of what was learned."""
SHARPNESS = 100.0
AT_FIRST, FIRST, SHARE = 0.5, 800, 0.05
"""Of the first questions so many may be tried out, later so many: policy settings, as published."""
ORDERS = 5
BROKEN_AT, WELL_AT = 2_000, 3_000
LEFT = 0.1
"""What is left of each score of the model that goes bad."""
WINDOW = 200
FOUND = 0.1
"""Of all traffic: what counts as found again."""
FOLDS = 5
SAMPLES = 400
Shown = Callable[[int, int, float], float]
"""From when, which model and its score in the table: the score that is shown."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What was chosen and shown, in the order in which it was asked."""

    order: Numbers
    chosen: Numbers
    shown: Floats
    explored: int
    changes: int


class Learner:
    """A worker and a web process in one: estimates, choice by chance, learning in batches."""

    def __init__(self, table: Table, asked: Asked, seed: int) -> None:
        self.table, self.asked = table, asked
        self.chance = np.random.default_rng(seed)
        self.known: Evidence = evidence.gathered(
            [], table.models, len(features.NAMES), projecting.NO_PROJECTION
        )
        self.learned = fitting.fit(self.known, {})
        self.waiting: list[Seen] = []
        self.past: list[Seen] = []
        self.places: list[int] = []

    def go(self, shown: Shown) -> Pass:
        order = self.chance.permutation(len(self.table.texts))
        chosen, rewards = np.zeros(len(order), dtype=np.intp), np.zeros(len(order))
        explored = 0
        for at, place in enumerate(order.tolist()):
            case = self._case(place)
            found = quality.expect(self.learned, case)
            chances = exploring.chances(
                found.quality.tolist(),
                found.deviation.tolist(),
                sharpness=SHARPNESS,
                share=AT_FIRST if at < FIRST else SHARE,
            )
            model = exploring.drawn(chances, float(self.chance.random()))
            explored += model != int(found.quality.argmax())
            chosen[at] = model
            rewards[at] = shown(at, model, float(self.table.scores[place, model]))
            self._hear(place, case, model, rewards[at])
        changes = sum(watch.changes for watch in self.known.watches)
        return Pass(order=order, chosen=chosen, shown=rewards, explored=explored, changes=changes)

    def _case(self, place: int) -> Case:
        return Case(
            features=self.asked.signals[place],
            reduced=self.learned.projection.reduce(self.asked.vectors[place], EMBEDDER),
            intent=self.asked.intents[place],
            team_id=ours.TEAM,
        )

    def _hear(self, place: int, case: Case, model: int, reward: float) -> None:
        mark = UUID(int=len(self.places))
        self.places.append(place)
        self.waiting.append(
            Seen(id=mark, case=case, backend=self.table.models[model], reward=reward)
        )
        if len(self.waiting) == BATCH:
            self._learn()

    def _learn(self) -> None:
        """As the worker does; it looks for new directions after certain numbers of vectors."""
        before, now = len(self.past), len(self.past) + len(self.waiting)
        self.past += self.waiting
        if any(before < due <= now for due in taking_in.DIRECTIONS_AT):
            self.known = self._redirected()
        else:
            self.known = evidence.take(self.known, self.waiting, self.learned)
        self.learned = fitting.fit(self.known, {})
        self.waiting = []

    def _redirected(self) -> Evidence:
        vectors = self.asked.vectors[np.array(self.places)]
        projection = projecting.fit(vectors, EMBEDDER)
        self.past = [
            replace(each, case=replace(each.case, reduced=projection.reduce(vector, EMBEDDER)))
            for each, vector in zip(self.past, vectors, strict=True)
        ]
        made = evidence.gathered(self.past, self.table.models, len(features.NAMES), projection)
        return replace(made, watches=self.known.watches)


def measure(given: Given) -> Found | None:
    table = scored.read()
    if table is None:
        return None
    asked = ours.asked(table.texts, given.made)
    suite.say("online: passes")
    passes = [
        Learner(table, asked, given.seed + number).go(lambda _, __, score: score)
        for number in range(ORDERS)
    ]
    suite.say("online: a model goes bad and gets well again")
    shifts = [
        _shift(table, asked, given.seed + number, first) for number, first in enumerate(passes)
    ]
    return {
        "questions": len(table.texts),
        "rows": _rows(table, asked, passes, given.seed),
        "explored": float(np.mean([each.explored / len(each.order) for each in passes])),
        "changes": [each.changes for each in passes],
        "shifts": shifts,
    }


# One pass


def _rows(table: Table, asked: Asked, passes: list[Pass], seed: int) -> list[Found]:
    scores, costs = table.scores, table.costs
    chance = np.random.default_rng(seed)
    rows, best = np.arange(len(scores)), int(scores.mean(axis=0).argmax())
    lengths = np.array([len(text) for text in table.texts])
    cheaper = [
        p for p in np.argsort(-scores.mean(axis=0)) if costs[:, p].mean() < costs[:, best].mean()
    ]
    chosen = {
        "random": chance.integers(0, scores.shape[1], len(scores)),
        "always cheapest": np.full(len(scores), costs.mean(axis=0).argmin()),
        "best single": np.full(len(scores), best),
        "prompt length, longer half to it": np.where(
            lengths > np.median(lengths), best, cheaper[0]
        ),
        "kNN, all scores shown": _offline(table, asked, peers.nearest(20), seed),
        "ridge, all scores shown": _offline(table, asked, peers.ridge(1.0), seed),
        "oracle": scores.argmax(axis=1),
    }
    told = {name: scores[rows, choice] for name, choice in chosen.items()}
    told["KORA online"] = np.mean([_in_place(each, each.shown) for each in passes], axis=0)
    halves = [each.shown[len(each.shown) // 2 :] for each in passes]
    told["KORA online, second half"] = np.mean(halves, axis=0)
    return [_row(name, values, seed) for name, values in told.items()]


def _in_place(each: Pass, values: Floats) -> Floats:
    """By question instead of by time, so that passes in other orders have one mean for each."""
    found = np.zeros_like(values)
    found[each.order] = values
    return found


def _offline(table: Table, asked: Asked, predict: peers.Predict, seed: int) -> Numbers:
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(table.texts))
    expected = np.zeros_like(table.scores)
    for number in range(FOLDS):
        known, wanted = fold != number, fold == number
        expected[wanted] = predict(asked.vectors[known], table.scores[known], asked.vectors[wanted])
    found: Numbers = expected.argmax(axis=1)
    return found


def _row(name: str, values: Floats, seed: int) -> Found:
    chance = np.random.default_rng(seed)
    draws = [values[chance.integers(0, len(values), len(values))].mean() for _ in range(SAMPLES)]
    low, high = np.quantile(draws, (0.025, 0.975))
    return {"method": name, "reward": float(values.mean()), "interval": (float(low), float(high))}


# A model goes bad


def _shift(table: Table, asked: Asked, seed: int, undisturbed: Pass) -> Found:
    """The one that gets most before it goes bad; the same order of questions as undisturbed."""
    before = undisturbed.chosen[BROKEN_AT - 500 : BROKEN_AT]
    bad = int(np.bincount(before, minlength=len(table.models)).argmax())

    def shown(at: int, model: int, score: float) -> float:
        return score * LEFT if model == bad and BROKEN_AT <= at < WELL_AT else score

    done = Learner(table, asked, seed).go(shown)
    usual = float((done.chosen[BROKEN_AT - 500 : BROKEN_AT] == bad).mean())
    after = done.chosen == bad
    left = float(after[BROKEN_AT + WINDOW : BROKEN_AT + 2 * WINDOW].mean())
    return {
        "model": table.models[bad],
        "share_before": usual,
        "moved_after_window": 1.0 - left / max(usual, 1e-9),
        "moved_at": _moved(after, usual),
        "share_while_bad": float(after[BROKEN_AT + WINDOW : WELL_AT].mean()),
        "found_again_after": _found_again(after),
        "share_at_end": float(after[-500:].mean()),
        "share_at_end_undisturbed": float((undisturbed.chosen[-500:] == bad).mean()),
        "changes": done.changes,
    }


def _moved(at_bad: Floats, usual: float) -> int | None:
    """Questions after which a whole window has at most a tenth of what it had."""
    for begin in range(BROKEN_AT, WELL_AT - WINDOW):
        if at_bad[begin : begin + WINDOW].mean() <= LEFT * usual:
            return begin - BROKEN_AT
    return None


def _found_again(at_bad: Floats) -> int | None:
    """Questions after which a whole window has a tenth of all traffic."""
    for begin in range(WELL_AT, len(at_bad) - WINDOW + 1):
        if at_bad[begin : begin + WINDOW].mean() >= FOUND:
            return begin - WELL_AT
    return None


def table(found: Found) -> str:
    lines = [
        f"{found['questions']:,} questions once, mean of {ORDERS} orders; learned after every "
        f"{BATCH}; {found['explored']:.1%} tried out\n",
        f"{'':<38}{'reward':>8}{'95 %':>20}",
    ]
    for row in found["rows"]:
        low, high = row["interval"]
        lines.append(f"{row['method']:<38}{row['reward']:>8.4f}    [{low:.4f}, {high:.4f}]")
    lines.append(
        f"\nthe most used model keeps a tenth of its scores from {BROKEN_AT} to {WELL_AT}:"
    )
    lines += [_told(shift) for shift in found["shifts"]]
    return "\n".join(lines)


def _told(shift: Found) -> str:
    return (
        f"  {shift['model']:<32} had {shift['share_before']:>4.0%}; "
        f"{shift['moved_after_window']:>4.0%} of it moved after {WINDOW}, a tenth left from "
        f"{shift['moved_at']} on, {shift['share_while_bad']:.1%} of all meanwhile; a tenth of all "
        f"{shift['found_again_after']} after it was well, at the end {shift['share_at_end']:.0%} "
        f"(undisturbed {shift['share_at_end_undisturbed']:.0%})"
    )


def bars(found: Found) -> list[Bar]:
    rewards: dict[str, Any] = {row["method"]: row["reward"] for row in found["rows"]}
    mine = rewards["KORA online"]
    moved = [shift["moved_after_window"] for shift in found["shifts"]]
    again = [shift["found_again_after"] is not None for shift in found["shifts"]]
    return [
        Bar(text="online, one pass: reward above the best single",
            value=round(mine - rewards["best single"], 4), bound=0.0, at_most=False),
        Bar(text="online, one pass: reward less than the offline ridge's by",
            value=round(rewards["ridge, all scores shown"] - mine, 4), bound=0.02, at_most=True),
        Bar(text=f"of a bad model's traffic moved after {WINDOW} questions, the least of {ORDERS}",
            value=round(min(moved), 3), bound=0.9, at_most=False),
        Bar(text="of orders, those in which the recovered model was found again",
            value=float(np.mean(again)), bound=1.0, at_most=False),
    ]  # fmt: skip
