"""OpenAI's way to write a span of time."""

from __future__ import annotations

import pytest

from routing.fairness import durations


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"), (-1, "0ms"), (0.0001, "1ms"), (0.02, "20ms"), (1, "1s"), (1.5, "1.5s"),
        (59.9, "59.9s"), (60, "1m0s"), (60.2, "1m1s"), (360, "6m0s"), (3661, "1h1m1s"),
    ],
)  # fmt: skip
def test_a_span(seconds: float, text: str) -> None:
    assert durations.written(seconds) == text
