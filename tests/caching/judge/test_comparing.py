"""Which answers say the same, and what tells."""

from __future__ import annotations

import pytest

from caching.judge import comparing

LONG = "Open the settings and press the red button"


@pytest.mark.parametrize(
    ("stored", "fresh", "likeness", "right", "by"),
    [
        ("Press the red button.", "press the RED  button", None, True, "equal"),
        ("It costs 20 euros.", "It costs 30 euros.", 0.999, False, "guard"),
        ("You can return it.", "You can not return it.", 0.999, False, "guard"),
        (LONG, "Go to the settings, then press the red button", 0.95, True, "embedding"),
        ("Yes, of course", "bananas are yellow fruit", 0.1, False, "embedding"),
        (LONG, "Go to the settings, then press the red button", 0.8, None, "unsure"),
        (LONG, "Go to the settings, then press the red button", None, None, "unsure"),
        (LONG, f"{LONG}. " + "and much more is to be said of it " * 4, 0.95, None, "unsure"),
    ],
)
def test_a_finding_says_what_told(
    stored: str, fresh: str, likeness: float | None, right: bool | None, by: str
) -> None:
    assert comparing.judge(stored, fresh, likeness) == comparing.Finding(right=right, by=by)
    assert comparing.equal(stored, fresh, likeness) == (bool(right), by)


def test_nothing_is_like_nothing() -> None:
    assert not comparing.same("", "")
    assert not comparing.same("...", "!")


def test_a_smile_more_is_no_other_answer() -> None:
    assert comparing.judge("Press the red button.", "Press the red button! 😊", 0.99).right


def test_of_other_scripts_only_a_model_can_tell() -> None:
    finding = comparing.judge("首都是首尔。", "首都是曼谷。", 1.0)
    assert (finding.right, finding.by) == (None, "unsure")
