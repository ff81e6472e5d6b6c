"""What a judge learns: an order of neighbours, and a bound that holds for what is served."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from caching.judge import features, minds
from caching.judge.minds import Mind, Sample
from caching.values import Neighbour

NEAR = Neighbour(
    entry_id=1, similarity=0.9, question="How do I pay?", answer_class=b"a", rights=0.0,
    wrongs=0.0, age_s=1.0,
)  # fmt: skip


def sample(similarity: float, *, right: bool, weight: float = 1.0) -> Sample:
    near = replace(NEAR, similarity=similarity)
    return Sample(features=features.of("How may I pay?", [near]), right=right, weight=weight)


def drawn(dice: random.Random) -> tuple[float, bool]:
    """Right the more often the nearer: never at 0.6, nearly always at 1."""
    similarity = dice.uniform(0.6, 1.0)
    return similarity, dice.random() < min(0.995, ((similarity - 0.6) / 0.4) ** 0.5)


def taught(seed: int = 1, number: int = 2_000) -> Mind:
    dice = random.Random(seed)
    met = [drawn(dice) for _ in range(number)]
    return minds.learn([sample(similarity, right=right) for similarity, right in met])


def lower(mind: Mind, similarity: float) -> float:
    return mind.lower(mind.score(sample(similarity, right=True).features))


def test_without_enough_evidence_nothing_is_learned() -> None:
    assert minds.learn([sample(0.9, right=True)] * (minds.ENOUGH - 1)) is minds.UNTAUGHT
    assert not minds.UNTAUGHT.taught


def test_the_bound_rises_with_similarity() -> None:
    mind = taught()
    bounds = [lower(mind, similarity) for similarity in (0.65, 0.75, 0.85, 0.95, 0.995)]
    assert bounds == sorted(bounds)
    assert bounds[0] < 0.75 < 0.93 < bounds[-1]


@pytest.mark.parametrize("epsilon", [0.02, 0.05, 0.1])
def test_what_is_served_at_the_bound_is_wrong_no_more_often_than_promised(epsilon: float) -> None:
    served = wrong = 0
    for seed in range(5):
        mind, dice = taught(seed), random.Random(seed + 100)
        for similarity, right in (drawn(dice) for _ in range(2_000)):
            if lower(mind, similarity) >= 1 - epsilon:
                served, wrong = served + 1, wrong + (not right)
    assert wrong <= epsilon * served * 1.1


def test_evidence_of_wrong_answers_lowers_the_bound() -> None:
    dice = random.Random(4)
    good = [sample(dice.uniform(0.95, 1.0), right=True) for _ in range(300)]
    bad = [sample(dice.uniform(0.95, 1.0), right=dice.random() < 0.7) for _ in range(300)]
    assert lower(minds.learn(good), 0.98) > 0.97 > 0.9 > lower(minds.learn([*good, *bad]), 0.98)


def test_what_was_looked_at_seldom_counts_for_the_many_it_stands_for() -> None:
    dice = random.Random(5)
    misses = [sample(dice.uniform(0.6, 0.9), right=dice.random() < 0.5) for _ in range(200)]
    rare = [sample(0.97, right=True) for _ in range(100)]
    heavy = [replace(each, weight=50.0) for each in rare]
    assert lower(minds.learn([*misses, *heavy]), 0.7) > lower(minds.learn([*misses, *rare]), 0.7)


def test_a_mind_is_read_as_it_was_written() -> None:
    mind = taught(number=200)
    assert minds.from_json(mind.as_json(), seen=mind.seen) == mind


def test_what_was_learned_about_other_features_is_not_used() -> None:
    kept = {**taught(number=200).as_json(), "features": ["one", "of another release"]}
    assert minds.from_json(kept, seen=200) is minds.UNTAUGHT


def test_the_fewer_hits_were_looked_at_the_more_are() -> None:
    shares = [replace(minds.UNTAUGHT, looked=looked).share(0.05) for looked in (0, 40, 160, 2_000)]
    assert shares == [0.5, 0.25, 0.1, 0.05]
    assert minds.UNTAUGHT.share(0.0) == 0.0


def test_hits_that_err_more_than_expected_lower_every_bound() -> None:
    dice = random.Random(6)
    misses = [sample(dice.uniform(0.8, 1.0), right=dice.random() < 0.99) for _ in range(1_000)]
    looks = [replace(sample(0.95, right=number % 10 > 0), served=True) for number in range(40)]
    audited, unaware = minds.learn([*misses, *looks]), minds.learn(
        [*misses, *(replace(each, served=False) for each in looks)]
    )  # fmt: skip
    assert lower(audited, 0.99) < lower(unaware, 0.99)
    assert audited.looked == 40
