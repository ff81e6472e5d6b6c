"""Which backends may answer at all: hard constraints, of which the first broken is named (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from routing.policy.values import EMBEDDINGS, Candidate, Fit, Wants

NEARLY = 1e-9
"""Floats tell which is dearer unless they are as close as this; then the exact sums do."""
LEAST_USD = 1e-11
Check = Callable[[Wants, Fit], bool]
Named = tuple[str, Check]


def _not_allowed(asked: Wants, fit: Fit) -> bool:
    return fit.backend.name not in asked.allowed and asked.model not in asked.allowed


def _not_among(asked: Wants, fit: Fit) -> bool:
    return asked.only is not None and fit.backend.name not in asked.only


def _avoided(asked: Wants, fit: Fit) -> bool:
    return fit.backend.name in asked.avoid


def _drained(asked: Wants, fit: Fit) -> bool:
    del asked
    return fit.backend.weight <= 0


def _elsewhere(asked: Wants, fit: Fit) -> bool:
    del asked
    return not fit.backend.is_ours


def _not_cleared(asked: Wants, fit: Fit) -> bool:
    return asked.data_class not in fit.backend.data_classes


def _abroad(asked: Wants, fit: Fit) -> bool:
    return asked.region != fit.backend.region


def _unable(asked: Wants, fit: Fit) -> bool:
    """An embedder makes vectors and nothing else."""
    able = fit.backend.capabilities
    return not asked.needs <= able or (EMBEDDINGS in able) != asked.embeds


def _too_long(asked: Wants, fit: Fit) -> bool:
    del asked
    return fit.context_needed > fit.backend.context


def _too_dear(asked: Wants, fit: Fit) -> bool:
    most = asked.constraints.max_cost
    return most is not None and costs_more(fit, most)


def _too_poor(asked: Wants, fit: Fit) -> bool:
    least = asked.constraints.min_quality
    return least is not None and fit.backend.quality < least


def _too_slow(asked: Wants, fit: Fit) -> bool:
    most, first_s = asked.constraints.max_latency_ms, fit.first_content_s
    return most is not None and first_s is not None and first_s * 1000 > most


def _too_late(asked: Wants, fit: Fit) -> bool:
    left_s, first_s = asked.left_s, fit.first_content_s
    return left_s is not None and first_s is not None and first_s > left_s


def _full(asked: Wants, fit: Fit) -> bool:
    del asked
    return fit.backend.in_flight >= fit.backend.max_parallel or fit.backend.load.full


CHECKS: dict[str, Check] = {
    "not-allowed": _not_allowed,
    "rule-only": _not_among,
    "rule-avoid": _avoided,
    "drained": _drained,
    "locality": _elsewhere,
    "data-class": _not_cleared,
    "region": _abroad,
    "capability": _unable,
    "context": _too_long,
    "max-cost": _too_dear,
    "min-quality": _too_poor,
    "max-latency": _too_slow,
    "deadline": _too_late,
    "busy": _full,
}
"""In the order in which they are looked at. Busy is the last: it would do, were it only free."""


def checks(asked: Wants) -> tuple[Named, ...]:
    """Those that can be broken by this request at all."""
    limits = asked.constraints
    idle = {
        "not-allowed": not asked.allowed,
        "rule-only": asked.only is None,
        "rule-avoid": not asked.avoid,
        "locality": not asked.local_only,
        "data-class": not asked.data_class,
        "region": not asked.region,
        "context": asked.embeds,
        "max-cost": limits.max_cost is None,
        "min-quality": limits.min_quality is None,
        "max-latency": limits.max_latency_ms is None,
        "deadline": asked.left_s is None,
    }
    return tuple(named for named in CHECKS.items() if not idle.get(named[0]))


def first_broken(asked: Wants, fit: Fit, looked_at: Sequence[Named]) -> str:
    for name, is_broken in looked_at:
        if is_broken(asked, fit):
            return name
    return ""


def broken(asked: Wants, fit: Fit) -> tuple[str, ...]:
    """Every one, for those who want to know what it would take."""
    return tuple(name for name, is_broken in checks(asked) if is_broken(asked, fit))


def costs_more(fit: Fit, most: Decimal) -> bool:
    rates, limit = fit.backend.rates, float(most)
    usd = fit.prompt_tokens * max(rates.into, rates.cached) + fit.output_tokens * rates.out
    usd += fit.compute_s * rates.compute_s
    if abs(usd - limit) > NEARLY * max(usd, limit) + LEAST_USD:
        return usd > limit
    return fit.worst_case > most


def still(candidate: Candidate, *, left_s: float, left_usd: Decimal | None) -> bool:
    """Whether a backend may be tried after others have failed: what time and money are left."""
    first_s = candidate.first_content_s
    if first_s is not None and first_s > left_s:
        return False
    return left_usd is None or candidate.worst_case <= left_usd
