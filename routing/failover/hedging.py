"""Whether a second backend is asked beside one that is silent, and which (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from routing.failover.hedges import Hedge
from routing.policy.values import Candidate

LIKELY = 0.5
"""A second backend that would more likely be late than not helps nobody."""
BETTER = 0.5
"""And it must be late at most this many times as likely as the first."""
NEARLY_S = 0.005
LEAST_A_MINUTE = 1
"""So many a minute may have a second attempt, however little is asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rival:
    """A backend that could be asked as well, if it began now."""

    candidate: Candidate
    p_late: float
    extra_usd: float
    """What asking it costs at the worst."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What was spent and asked of late: the bounds of hedging are shares of that."""

    spent_usd: float
    lost_usd: float
    """By losers, of that."""
    requests: int
    hedged: int


def should_hedge(p_late_now: float, extra_usd: float, terms: Hedge) -> bool:
    return terms.enabled and p_late_now > terms.when and extra_usd <= terms.max_extra_usd


def has_room(standing: Standing, extra_usd: float, terms: Hedge) -> bool:
    """The first of a day is held against what one may cost, for nothing is spent then."""
    most_usd = max(terms.max_extra_share * standing.spent_usd, terms.max_extra_usd)
    most = max(LEAST_A_MINUTE, terms.share * standing.requests)
    return standing.lost_usd + extra_usd <= most_usd and standing.hedged < most


def who(rivals: Iterable[Rival], p_late_now: float, terms: Hedge) -> Rival | None:
    """The likeliest to be in time; of those as likely, the cheapest."""
    able = [
        each
        for each in rivals
        if each.p_late <= min(LIKELY, BETTER * p_late_now)
        and should_hedge(p_late_now, each.extra_usd, terms)
    ]
    return min(able, key=lambda each: (round(each.p_late, 1), each.extra_usd), default=None)


def moment_s(
    p_late: Callable[[float], float], terms: Hedge, *, from_s: float, until_s: float
) -> float | None:
    """When a silent attempt is first late more likely than `when`, in seconds of its silence; none
    where it never is before `until_s`. The longer the silence the likelier, so halving finds it.
    """
    if p_late(from_s) > terms.when:
        return from_s
    low, high = from_s, until_s
    if high <= low or p_late(high) <= terms.when:
        return None
    while high - low > NEARLY_S:
        middle = (low + high) / 2
        low, high = (low, middle) if p_late(middle) > terms.when else (middle, high)
    return high
