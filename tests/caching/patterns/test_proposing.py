"""Proposals: only what held-out occurrences bear out, above the bound."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from caching.patterns import bounds, pinning, proposing
from caching.patterns.traffic import Demands, Occurrence, Proposal, ordered
from tests.caching.patterns import traffic

LOOSE = Demands(epsilon=0.1)


def fills(rows: list[Occurrence], demands: Demands = LOOSE) -> list[Proposal]:
    return [each for each in proposing.propose(rows, demands) if each.action == "fill"]


def test_a_template_is_proposed_with_what_it_rests_on() -> None:
    (found,) = fills(traffic.occurrences(traffic.products(100, first=100)))
    assert found.name.startswith("fill-description")
    held = found.evidence["held_out"]
    assert held["right"] == held["seen"] > 50
    assert held["low"] > 0.9
    assert found.evidence["usd_a_month"] == pytest.approx(100 * 30 * 0.001, rel=0.05)
    assert found.evidence["share"] == 1
    assert len(found.samples) == 8


def test_few_occurrences_are_not_enough_however_good() -> None:
    assert not fills(traffic.occurrences(traffic.products(60, first=100)))
    assert not fills(traffic.occurrences(traffic.products(150, first=100)), Demands(epsilon=0.02))
    assert fills(traffic.occurrences(traffic.products(220, first=100)), Demands(epsilon=0.02))


def test_held_out_answers_that_differ_keep_it_from_being_proposed() -> None:
    pairs = traffic.products(100, first=100)
    pairs = [(a, t if n % 8 else f"{t} Enjoy!") for n, (a, t) in enumerate(pairs)]
    assert not fills(traffic.occurrences(pairs))


def test_a_slot_that_the_answer_ignores_takes_only_what_was_seen() -> None:
    words = ("mail", "search", "login", "export", "billing")
    chance = random.Random(3)
    pairs = [
        (f"Ping the {chance.choice(words)} service from host {n}", f"Ping from {n} sent.")
        for n in range(100, 200)
    ]
    (found,) = fills(traffic.occurrences(pairs))
    ignored = found.recipe["when"]["prompt"]["slots"][0]
    assert set(ignored["among"]) <= set(words)
    assert ignored["among"]


def test_other_shells_and_complaints_do_not_mix_in() -> None:
    pairs = traffic.products(100, first=100)
    halves = [traffic.occurrence(p, n, shell=f"s{n % 2}") for n, p in enumerate(pairs)]
    assert not fills(halves)
    assert not fills(traffic.occurrences(pairs, shell=""))
    assert not fills(traffic.occurrences(pairs, complained=True))


def about(number: int, **facts: Any) -> Occurrence:
    chance = np.random.default_rng(number)
    vector = np.eye(8, dtype=np.float32)[0] + chance.normal(0, 0.02, 8).astype(np.float32)
    said = {"question": f"how may the door {chr(97 + number % 26)} be opened", "surroundings": "r"}
    plain = {**said, "shell": "", "intent": 1, "vector": vector / np.linalg.norm(vector)}
    return traffic.occurrence(("", "Turn the key."), number, **{**plain, **facts})


def test_an_intent_with_one_answer_is_served_and_one_with_many_is_not() -> None:
    found = proposing.propose([about(n) for n in range(80)], LOOSE)
    (serve,) = [each for each in found if each.action == "serve"]
    assert serve.recipe["answer"] == ["Turn the key."]
    assert serve.evidence["stability"]["low"] > 0.9
    mixed = [about(n, answer_class=bytes([n % 3])) for n in range(80)]
    assert not [each for each in proposing.propose(mixed, LOOSE) if each.action == "serve"]


def test_an_intent_is_served_though_its_prompts_follow_templates_too_small_to_fill() -> None:
    ways = ("How may I open the {} door?", "Tell me what opens the {} door", "Which key: {} door?")
    rows = [
        about(n, shell="s", turn=ways[n % 3].format(f"{chr(97 + n % 26)}{chr(97 + n // 26)}"))
        for n in range(90)
    ]
    assert [each.action for each in proposing.propose(rows, LOOSE)] == ["serve"]


def test_the_cheapest_backend_that_proved_good_is_pinned() -> None:
    pairs = traffic.products(200, first=100)
    rows = [
        traffic.occurrence(p, n, backend="dear", cost=0.01)
        if n % 2
        else traffic.occurrence(p, n, backend="cheap", cost=0.001)
        for n, p in enumerate(pairs)
    ]
    found = {each.action: each for each in pinning.propose(_when(), "x", ordered(rows, 200), LOOSE)}
    assert found["pin"].recipe["backend"] == "cheap"
    assert found["rule"].recipe["rule"]["then"] == {"use": "cheap"}
    assert found["pin"].evidence["usd_a_month"] == pytest.approx(200 * 30 * 0.0045)
    few = ordered(rows[:40], 40)
    assert not list(pinning.propose(_when(), "x", few, LOOSE))
    bad = [traffic.occurrence(p, n, backend="cheap", cost=0.001, complained=n % 5 == 0)
           for n, p in enumerate(pairs)]  # fmt: skip
    both = ordered([*bad, *rows[1::2]], 300)
    assert not [p for p in pinning.propose(_when(), "x", both, LOOSE) if p.action == "pin"]


def test_a_first_choice_that_keeps_failing_is_skipped() -> None:
    rows = traffic.occurrences(traffic.products(80, first=100), failed=("frail",))
    (found,) = pinning.propose(_when(), "x", ordered(rows, 80), LOOSE)
    assert (found.action, found.recipe["backend"]) == ("strategy", "toy")
    assert found.recipe["escalated"] == 1
    assert found.recipe["prefix"] == "Write "


def _when() -> dict[str, Any]:
    return {"prompt": {"constants": ["Write ", ""], "slots": []}}


def test_the_exact_interval() -> None:
    assert bounds.lower(149, 149) > 0.98 > bounds.lower(148, 148)
    assert bounds.needed(0.98) == 149
    low, high = bounds.interval(90, 100)
    assert (low, high) == pytest.approx((0.8238, 0.9510), abs=1e-4)
    assert bounds.interval(0, 10)[0] == 0
    assert bounds.interval(10, 10)[1] == 1
