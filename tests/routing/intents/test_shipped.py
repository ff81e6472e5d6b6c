"""The shipped task types: told from requests nobody learned from, and hard ones from easy ones."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from routing.intents import minds, shipped
from routing.intents.shipped import Example
from tests.routing.intents.conftest import General


def test_every_type_has_examples_enough_and_of_different_levels() -> None:
    counts = Counter(each.kind for each in shipped.examples())
    assert set(counts) == {*shipped.TYPES, shipped.OTHER}
    assert min(counts.values()) >= 40
    assert {each.level for each in shipped.examples()} == {0, 1, 2, 3, 4}
    texts = [each.text for each in shipped.examples()]
    assert len(set(texts)) == len(texts)


def test_no_request_that_is_held_out_was_learned_from(held_out: list[Example]) -> None:
    learned = {each.text.casefold().strip(" !.?") for each in shipped.examples()}
    assert sum(each.text.casefold().strip(" !.?") in learned for each in held_out) <= 5


def test_tells_the_kind_of_requests_it_has_never_seen(
    general: General, held_out: list[Example]
) -> None:
    words = general.hear(*(each.text for each in held_out))
    right = [word.intent == each.kind for word, each in zip(words, held_out, strict=True)]
    wrong = [word.intent not in {"", each.kind} for word, each in zip(words, held_out, strict=True)]
    assert sum(right) / len(right) >= 0.85
    assert sum(wrong) / len(wrong) <= 0.06


@pytest.mark.parametrize(
    "text", ["asdf", "The tiles in the hall were laid in 1931.", "ok then", "blue", "1234-AB"]
)
def test_says_nothing_of_what_is_no_request(general: General, text: str) -> None:
    (word,) = general.hear(text)
    assert (word.intent, word.by) == ("", "")
    assert word.why == "unsure"


def test_of_two_requests_the_harder_one_is_said_to_be(
    general: General, held_out: list[Example]
) -> None:
    said = general.hear(*(each.text for each in held_out))
    known = [
        (word.complexity, each)
        for word, each in zip(said, held_out, strict=True)
        if word.complexity is not None
    ]
    assert len(known) >= 0.9 * len(held_out)
    ordered = [
        (one > other) == (a.level > b.level)
        for (one, a), (other, b) in combinations(known, 2)
        if a.level != b.level and a.kind == b.kind
    ]
    assert len(ordered) > 300
    assert sum(ordered) / len(ordered) >= 0.8


@pytest.mark.parametrize(
    ("easier", "harder"),
    [
        ("What is 2 + 2?", "Prove that there are infinitely many primes."),
        ("hello", "Compare three migration strategies for our payment system and justify one."),
        (
            "Write a function that adds two numbers.",
            "Write a function that adds two numbers without using +, in constant time, for any "
            "size, with tests that prove it never overflows and exactly one allocation.",
        ),
        (
            "Plan a weekend in Rome.",
            "Plan the move of a hospital's records to a new system without downtime: phases, "
            "fallback at each step, training, legal duties, and how to decide to stop.",
        ),
    ],
)
def test_more_that_must_be_met_is_harder(general: General, easier: str, harder: str) -> None:
    one, other = general.hear(easier, harder)
    assert one.complexity is not None
    assert other.complexity is not None
    assert one.complexity + 0.1 < other.complexity


@pytest.mark.parametrize("text", ["ok", "?", "zxcv qqq", "Пожалуйста"])
def test_no_evidence_is_not_called_easy(general: General, text: str) -> None:
    (word,) = general.hear(text)
    assert word.complexity is None


def test_a_mind_comes_back_from_its_bytes_as_it_was(general: General) -> None:
    back = minds.from_bytes(minds.as_bytes(general.mind))
    again = General(mind=back, report=general.report, embedder=general.embedder)
    texts = ["Translate this to Spanish: good night", "How do I fix a KeyError in Python?"]
    for before, after in zip(general.hear(*texts), again.hear(*texts), strict=True):
        assert before.intent == after.intent
        assert before.confidence == pytest.approx(after.confidence, abs=1e-3)
        assert before.complexity == pytest.approx(after.complexity, abs=1e-3)
    assert minds.from_bytes(b"") is minds.UNTAUGHT
    assert minds.from_bytes(minds.as_bytes(minds.UNTAUGHT)) == minds.UNTAUGHT
