"""Which arm a unit is in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from routing.experiments import splitting
from routing.experiments.values import Arm, Running

THREE = (Arm(name="a", share=2.0), Arm(name="b", share=1.0), Arm(name="c", share=1.0))
WHOLE = Running(
    experiment_id=1, name="e", arms=THREE, holds=lambda facts, answers: True, unasked=()
)


def arms(experiment: Running, count: int = 4_000) -> dict[int, str]:
    found = {unit: splitting.arm(experiment, f"s:{unit}") for unit in range(count)}
    return {unit: each[0].name for unit, each in found.items() if each}


def test_arms_get_their_shares_and_a_unit_always_the_same() -> None:
    once, again = arms(WHOLE), arms(WHOLE)
    assert once == again
    counted = Counter(once.values())
    assert abs(counted["a"] / 4_000 - 0.5) < 0.04
    assert abs(counted["b"] / 4_000 - 0.25) < 0.04


def test_another_experiment_splits_others_together() -> None:
    first, second = arms(WHOLE), arms(replace(WHOLE, experiment_id=2))
    both = Counter((first[unit], second[unit]) for unit in first)
    assert abs(both["a", "a"] / 4_000 - 0.25) < 0.04


def test_only_the_share_takes_part_and_who_did_still_does_when_it_grows() -> None:
    some, more = arms(replace(WHOLE, share=0.1)), arms(replace(WHOLE, share=0.3))
    assert abs(len(some) / 4_000 - 0.1) < 0.02
    assert some.items() <= more.items()


def test_a_stopped_arms_traffic_goes_to_the_first_and_nobody_else_moves() -> None:
    stopped = (*THREE[:2], replace(THREE[2], stopped="errors"))
    before, after = arms(WHOLE), arms(replace(WHOLE, arms=stopped))
    assert all(after[unit] == ("a" if name == "c" else name) for unit, name in before.items())
    chances = [splitting.arm(replace(WHOLE, arms=stopped), f"s:{n}") for n in range(50)]
    told = {(found[0].name, found[1]) for found in chances if found}
    assert told == {("a", 0.75), ("b", 0.25)}
