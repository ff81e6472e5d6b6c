"""What outcomes teach of backends: who is good at what, how sure, and when one has changed."""

from __future__ import annotations

import dataclasses
import random

import numpy as np

from routing.learning import evidence, quality
from tests.routing.learning import school


def _answers(backend: str, share: float, number: int, **at: object) -> list[evidence.Seen]:
    dice = random.Random(f"{backend}{share}{number}{at}")
    where = school.case(**at)  # type: ignore[arg-type]
    return [school.seen(backend, float(dice.random() < share), where) for _ in range(number)]


def test_the_better_backend_of_each_intent_is_found_out() -> None:
    outcomes = [
        *_answers("small", 0.9, 60, intent="greeting"),
        *_answers("small", 0.2, 60, intent="maths"),
        *_answers("large", 0.9, 60, intent="maths"),
        *_answers("large", 0.9, 60, intent="greeting"),
    ]
    random.Random(1).shuffle(outcomes)
    _, learned = school.taught(outcomes)
    at = {
        (name, intent): school.expected(learned, name, school.case(intent=intent))
        for name in ("small", "large")
        for intent in ("greeting", "maths")
    }
    assert at["small", "greeting"] > 0.75
    assert at["small", "maths"] < 0.4
    assert abs(at["large", "maths"] - at["large", "greeting"]) < 0.15


def test_a_team_for_which_a_backend_is_bad_learns_so_and_others_hardly_notice() -> None:
    outcomes = _answers("one", 0.9, 300, intent="faq", team_id=1)
    outcomes += _answers("one", 0.1, 60, intent="faq", team_id=2)
    random.Random(2).shuffle(outcomes)
    _, learned = school.taught(outcomes)
    mine = school.expected(learned, "one", school.case(intent="faq", team_id=1))
    theirs = school.expected(learned, "one", school.case(intent="faq", team_id=2))
    assert mine > 0.7
    assert theirs < mine - 0.25


def test_more_outcomes_make_it_surer() -> None:
    few = school.taught(_answers("one", 0.7, 10, intent="faq"))[1]
    many = school.taught(_answers("one", 0.7, 400, intent="faq"))[1]
    at = school.case(intent="faq")
    assert quality.expect(many, at).deviation[0] < quality.expect(few, at).deviation[0] / 2
    assert quality.expect(few, at).seen[0] < 20 < quality.expect(many, at).seen[0]


def test_a_backend_that_became_bad_is_believed_bad_within_thirty_outcomes() -> None:
    known, learned = school.taught(_answers("one", 0.9, 400) + _answers("two", 0.6, 400))
    assert school.expected(learned, "one") > 0.85
    known, learned = school.taught(_answers("one", 0.05, 30), known, at_once=10)
    assert known.watches[0].changes >= 1
    assert school.expected(learned, "one") < 0.45
    assert abs(school.expected(learned, "two") - 0.6) < 0.1


def test_and_its_recovery_is_seen_as_well() -> None:
    known, _ = school.taught(_answers("one", 0.9, 500))
    known, _ = school.taught(_answers("one", 0.05, 100), known)
    known, learned = school.taught(_answers("one", 0.9, 40), known, at_once=10)
    assert school.expected(learned, "one") > 0.6


def test_steady_backends_are_not_suspected() -> None:
    known, _ = school.taught(_answers("one", 0.7, 2000), at_once=50)
    assert known.watches[0].changes == 0


def test_a_word_that_comes_late_is_put_in_its_place() -> None:
    outcomes = _answers("one", 1.0, 50)
    known, before = school.taught(outcomes)
    wrong = [dataclasses.replace(each, reward=0.0) for each in outcomes]
    known, after = school.taught(wrong, known)
    assert len(known.ring.rewards) == 50
    assert school.expected(after, "one") < 0.2 < 0.8 < school.expected(before, "one")


def test_what_is_remembered_no_longer_still_counts() -> None:
    outcomes = _answers("one", 0.8, 300)
    whole = school.taught(outcomes)[0]
    short = evidence.shortened(whole, 100)
    assert len(short.ring.who) == 100
    found = evidence.sums(short.ring, 1)
    np.testing.assert_allclose(
        found[0] + short.grams, evidence.sums(whole.ring, 1)[0] + whole.grams
    )
