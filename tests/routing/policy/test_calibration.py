"""Predictions are put right by what came true of them, and never made worse than they were."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from routing.policy import calibration
from routing.policy.calibration import Line, Seen


def drawn(number: int, truth: Callable[[float], float], backend: str = "b") -> list[Seen]:
    rng = random.Random(5)
    chances = [rng.random() for _ in range(number)]
    return [Seen(backend=backend, chance=c, late=rng.random() < truth(c)) for c in chances]


@pytest.mark.parametrize(
    ("shift", "slope"), [(-2.0, 1.0), (1.5, 1.0), (0.0, 0.3), (-1.0, 0.5), (0.0, 2.0)]
)
def test_a_bent_line_is_found_and_made_straight(shift: float, slope: float) -> None:
    truth = Line(shift=shift, slope=slope)
    lines, facts = calibration.learned(drawn(2000, truth.right), least=50)
    assert facts["calibrated"] < facts["plain"]
    for chance in (0.1, 0.5, 0.9):
        assert calibration.of(lines, "b").right(chance) == pytest.approx(
            truth.right(chance), abs=0.06
        )


def test_right_predictions_stay_as_they_are_or_nearly() -> None:
    lines, _ = calibration.learned(drawn(2000, lambda chance: chance), least=50)
    assert calibration.of(lines, "b").right(0.3) == pytest.approx(0.3, abs=0.05)


def test_what_does_worse_on_the_newer_half_is_not_taken() -> None:
    """The older half says that nobody is ever late; then the world changes."""
    before = [Seen(backend="b", chance=0.5, late=False) for _ in range(200)]
    after = [Seen(backend="b", chance=0.5, late=True) for _ in range(200)]
    lines, facts = calibration.learned([*before, *after], least=50)
    assert calibration.of(lines, "b").right(0.5) == 0.5
    assert facts["calibrated"] == facts["plain"]


def test_a_backend_of_which_little_was_seen_goes_by_all() -> None:
    many = drawn(1000, Line(shift=-2.0).right, "old")
    few = [Seen(backend="new", chance=0.5, late=False) for _ in range(3)]
    lines = calibration.fit([*many, *few])
    for chance in (0.2, 0.5, 0.8):
        assert lines["new"].right(chance) == pytest.approx(lines[""].right(chance), abs=0.05)
    assert calibration.of(lines, "never seen") is lines[""]


def test_too_few_requests_change_nothing() -> None:
    lines, _ = calibration.learned(drawn(60, lambda _: 0.0), least=50)
    assert lines == {}
    assert calibration.of(lines, "b") is calibration.PLAIN


def test_nothing_is_ever_certain_and_the_order_stays() -> None:
    lines = calibration.fit([Seen(backend="b", chance=0.0, late=False)] * 500)
    found = [calibration.of(lines, "b").right(chance) for chance in (0.0, 0.2, 0.6, 1.0)]
    assert found == sorted(found)
    assert 0 < found[0] < found[-1] < 1
