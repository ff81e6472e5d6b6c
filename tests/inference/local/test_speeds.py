from __future__ import annotations

import pytest

from inference.local.speeds import Speeds


def test_reading_and_writing_are_told_apart_in_a_mixed_step() -> None:
    speeds = Speeds()
    for _ in range(50):
        speeds.step(0, 4, 0.02)
    speeds.step(100, 4, 0.07)
    assert speeds.decode_tps == pytest.approx(200)
    assert speeds.prefill_tps == pytest.approx(2000)


def test_the_last_seconds_weigh_most() -> None:
    speeds = Speeds()
    for _ in range(100):
        speeds.step(0, 1, 0.1)
    for _ in range(300):
        speeds.step(0, 4, 0.1)
    assert 35 < speeds.decode_tps <= 40


def test_nothing_is_claimed_before_anything_was_seen() -> None:
    speeds = Speeds()
    assert (speeds.prefill_tps, speeds.decode_tps) == (0, 0)
    assert speeds.still_to_write(3, 10) == 7


def test_what_is_still_to_write_goes_by_recent_answers_and_the_limit() -> None:
    speeds = Speeds()
    speeds.ended(20)
    assert speeds.still_to_write(5, 100) == 15
    assert speeds.still_to_write(5, 8) == 3
    assert speeds.still_to_write(40, 100) == 40
