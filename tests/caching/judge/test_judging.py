"""Which neighbour may answer: guards first, then the bound or, without evidence, the threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caching.judge import features, judging, minds
from caching.judge.minds import Mind, Sample
from caching.values import Neighbour, NoMatch, Terms, Verdict

NEAR = Neighbour(
    entry_id=7, similarity=0.98, question="How do I reset my password?", answer_class=b"a",
    rights=0.0, wrongs=0.0, age_s=1.0,
)  # fmt: skip
ASKED = "How can I reset my password?"


def judged(
    *near: Neighbour, asked: str = ASKED, mind: Mind = minds.UNTAUGHT, terms: Terms | None = None
) -> Verdict:
    verdict = judging.judge(asked, near, mind, terms or Terms())
    assert isinstance(verdict, Verdict)
    return verdict


def taught(*, right: float) -> Mind:
    """By 400 neighbours at 0.98 of which this share was right."""
    seen = features.of(ASKED, [NEAR])
    return minds.learn(
        [Sample(features=seen, right=number % 100 < right * 100) for number in range(400)]
    )


def test_nothing_near_is_said_so() -> None:
    assert judging.judge(ASKED, [], minds.UNTAUGHT, Terms()) == NoMatch(reason="nothing-near")


@pytest.mark.parametrize(
    ("similarity", "served", "reason"),
    [(0.98, True, "static"), (0.97, True, "static"), (0.96, False, "below-threshold")],
)
def test_without_evidence_the_static_threshold_decides_and_says_so(
    similarity: float, served: bool, reason: str
) -> None:
    verdict = judged(replace(NEAR, similarity=similarity))
    assert (verdict.served, verdict.reason) == (served, reason)


def test_without_evidence_other_words_are_another_question() -> None:
    """Vectors of such questions are nearer to each other than those of most paraphrases."""
    near = replace(NEAR, similarity=0.99, question="A farmer has 12 sheep and finds 4. How many?")
    asked = "A farmer has 12 sheep and feeds 4. How many?"
    assert judged(near, asked=asked).reason == "other-words"
    assert judged(replace(near, pinned=True), asked=asked).reason == "other-words"


def test_what_a_person_pinned_is_right_for_its_own_question_whatever_was_learned() -> None:
    """An FAQ stays one beside traffic of which most answers that are alike were wrong."""
    mind, pinned = taught(right=0.5), replace(NEAR, pinned=True)
    verdict = judged(pinned, mind=mind, asked="how can I reset my password")
    assert (verdict.served, verdict.reason) == (True, "pinned")
    fresh = replace(NEAR, entry_id=8, similarity=1.0, question="how can I reset my password")
    assert judged(fresh, pinned, mind=mind, asked="How do I reset my password").entry_id == 7
    assert judged(NEAR, mind=mind).reason == "below-bound"
    assert not judged(pinned, mind=mind, asked="How may my password be reset?").served


def test_who_asks_for_less_than_what_ships_takes_other_words_upon_himself() -> None:
    near = replace(NEAR, question="How do I renew my password?")
    assert judged(near).reason == "other-words"
    assert judged(near, terms=Terms(static_threshold=0.9)).served


def test_with_evidence_the_bound_decides() -> None:
    good, bad = judged(NEAR, mind=taught(right=1.0)), judged(NEAR, mind=taught(right=0.9))
    assert (good.served, good.reason) == (True, "bound")
    assert (bad.served, bad.reason) == (False, "below-bound")
    assert good.lower >= 0.98 > bad.lower


def test_a_team_that_accepts_more_errors_is_served_more() -> None:
    assert judged(NEAR, mind=taught(right=0.9), terms=Terms(epsilon=0.15)).served


def test_a_guard_overrules_everything() -> None:
    near = replace(NEAR, question="How do I pay 5 dollars?", similarity=1.0)
    verdict = judged(near, asked="How do I pay 50 dollars?", mind=taught(right=1.0))
    assert not verdict.served
    assert verdict.reason.startswith("guard:")


def test_complaints_about_an_entry_and_a_rival_answer_lower_its_probability() -> None:
    alone = judged(NEAR)
    doubted = judged(replace(NEAR, wrongs=3.0))
    rival = judged(NEAR, replace(NEAR, entry_id=8, similarity=0.979, answer_class=b"b"))
    assert doubted.p < alone.p
    assert rival.p < alone.p


def test_an_answer_in_doubt_is_not_served_unless_a_person_pinned_it() -> None:
    doubted = replace(NEAR, doubts=1)
    assert judged(doubted).reason == "doubted"
    assert not judged(doubted, mind=taught(right=1.0)).served
    assert judged(replace(doubted, pinned=True)).served
