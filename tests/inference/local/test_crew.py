from __future__ import annotations

from collections.abc import Callable

import pytest

from inference.local import crew
from inference.local.crew import Crew


def play(mine: Crew, steps: int, cost: Callable[[int, int], float], tokens: int = 4) -> list[int]:
    """Which counts it chose on a machine where a step of `threads` takes `cost(step, threads)`."""
    chosen = []
    for step in range(steps):
        threads = mine.choose(tokens)
        mine.saw(tokens, threads, cost(step, threads))
        chosen.append(threads)
    return chosen


@pytest.mark.parametrize("best", [1, 2, 4, 8])
def test_it_finds_the_quickest_and_seldom_asks_again(best: int) -> None:
    cost = {best: 1.0}
    chosen = play(Crew(crew.choices(8)), 2000, lambda _, threads: cost.get(threads, 1.5))
    assert chosen.count(best) > 1900


def test_on_a_machine_that_gets_busy_it_takes_fewer_and_later_more_again() -> None:
    def cost(step: int, threads: int) -> float:
        busy = 1000 <= step < 3000
        return {1: 1.0, 2: 10.0 if busy else 0.6}[threads]

    chosen = play(Crew((2, 1)), 8000, cost)
    assert chosen[100:1000].count(2) > 850
    assert chosen[1050:3000].count(1) > 1850
    assert chosen[-1000:].count(2) > 950


def test_one_slow_step_changes_nothing_for_long() -> None:
    chosen = play(
        Crew((2, 1)), 600, lambda step, threads: 50.0 if step == 300 else {1: 1.2, 2: 1.0}[threads]
    )
    assert chosen[320:].count(2) > 270


def test_small_and_large_steps_are_judged_apart() -> None:
    mine = Crew((2, 1))
    small = play(mine, 200, lambda _, threads: {1: 1.0, 2: 2.0}[threads], tokens=1)
    large = play(mine, 200, lambda _, threads: {1: 2.0, 2: 1.0}[threads], tokens=256)
    assert small[-20:].count(1) > 15
    assert large[-20:].count(2) > 15


def test_a_fixed_number_is_never_changed() -> None:
    assert set(play(Crew((3,)), 300, lambda step, _: float(1 + step % 7))) == {3}


def test_choices_are_all_and_halves() -> None:
    assert crew.choices(6) == (6, 3, 1)
    assert crew.choices(1) == (1,)
