"""Whether a second backend is asked, which, and when: decisions alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

import routing.hedging
from kora_site import environment
from routing.failover import hedges, hedging
from routing.failover.hedges import Hedge
from routing.failover.hedging import Rival, Standing

ON = Hedge(enabled=True, max_extra_usd=0.02)
QUIET = Standing(spent_usd=0, lost_usd=0, requests=0, hedged=0)


@pytest.mark.parametrize(
    ("p_late", "usd", "terms", "does"),
    [
        (0.6, 0.01, ON, True),
        (0.5, 0.01, ON, False),
        (0.6, 0.03, ON, False),
        (0.6, 0.01, replace(ON, when=0.7), False),
        (1.0, 0.0, hedges.OFF, False),
    ],
)
def test_a_likely_miss_within_the_money_is_worth_a_second(
    p_late: float, usd: float, terms: Hedge, does: bool
) -> None:
    assert hedging.should_hedge(p_late, usd, terms) is does


@pytest.mark.parametrize(
    ("standing", "usd", "has"),
    [
        (QUIET, 0.02, True),
        (QUIET, 0.03, False),
        (replace(QUIET, spent_usd=10, lost_usd=0.4), 0.05, True),
        (replace(QUIET, spent_usd=10, lost_usd=0.48), 0.05, False),
        (replace(QUIET, requests=100, hedged=4), 0.01, True),
        (replace(QUIET, requests=100, hedged=5), 0.01, False),
        (replace(QUIET, requests=5, hedged=1), 0.01, False),
    ],
)
def test_losers_are_a_small_share_of_the_money_and_of_the_requests(
    standing: Standing, usd: float, has: bool
) -> None:
    assert hedging.has_room(standing, usd, ON) is has


def rival(name: str, p_late: float, usd: float) -> Rival:
    return Rival(candidate=name, p_late=p_late, extra_usd=usd)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rivals", "p_late", "who"),
    [
        ([rival("a", 0.3, 0.01), rival("b", 0.05, 0.02)], 0.9, "b"),
        ([rival("a", 0.02, 0.02), rival("b", 0.04, 0.01)], 0.9, "b"),
        ([rival("a", 0.6, 0.0)], 1.0, None),
        ([rival("a", 0.4, 0.0)], 0.6, None),
        ([rival("a", 0.0, 0.03)], 1.0, None),
        ([], 1.0, None),
    ],
)
def test_the_likeliest_to_be_in_time_is_asked(
    rivals: list[Rival], p_late: float, who: str | None
) -> None:
    found = hedging.who(rivals, p_late, ON)
    assert who == (found and str(found.candidate))


def test_the_moment_is_when_silence_has_said_enough() -> None:
    def p_late(silent_s: float) -> float:
        return 1 - math.exp(-silent_s / 2)

    found = hedging.moment_s(p_late, ON, from_s=0, until_s=10)
    assert found is not None
    assert p_late(found - 2 * hedging.NEARLY_S) < 0.5 < p_late(found)
    assert hedging.moment_s(p_late, ON, from_s=3, until_s=10) == 3
    assert hedging.moment_s(p_late, ON, from_s=0, until_s=1) is None
    assert hedging.moment_s(p_late, ON, from_s=2, until_s=1) == 2


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (3, "hedge"),
        ({"whne": 1}, "hedge.whne"),
        ({"enabled": 1}, "hedge.enabled"),
        ({"when": 2}, "hedge.when"),
        ({"share": True}, "hedge.share"),
        ({"max_extra_usd": -1}, "hedge.max_extra_usd"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named(said: Any, place: str) -> None:
    with pytest.raises(ValueError, match=rf"^{place}: "):
        hedges.read(said)
    assert hedges.forgiving({"hedge": said}) == hedges.OFF


def test_what_is_set_is_read() -> None:
    assert hedges.forgiving({}) == hedges.OFF
    assert hedges.read(True) == Hedge(enabled=True)
    said = {"when": 0.4, "max_extra_usd": 1, "max_extra_share": 0.1, "share": 0.2}
    assert hedges.read(said) == Hedge(enabled=True, **said)


def test_every_setting_and_word_of_it_is_in_the_document() -> None:
    page = (environment.ROOT / "docs" / "failures.md").read_text()
    words = (*hedges.NAMES, routing.hedging.SECOND, routing.hedging.WON, "hedge-lost")
    assert [word for word in words if f"`{word}`" not in page] == []
