"""What a feasible backend is worth to a request, in points of quality (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from routing.learning.values import Estimate, Forecast, Outlook
from routing.policy import costs, promptness
from routing.policy.terms import Aim
from routing.policy.values import Backend, Candidate, Fit, Parts, Wants
from routing.policy.weights import Weights

PRIOR_DEVIATION = 0.25
"""Of a stated quality that no outcome has confirmed: about a quarter of the scale either way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prospect:
    """A request as all its candidates are held against it."""

    asked: Wants
    outlook: Outlook
    aim: Aim
    late_after_s: float

    def output_of(self, backend: Backend) -> Forecast:
        return self.outlook.output_of(backend.name) or costs.USUAL_OUTPUT


def prospect(asked: Wants, outlook: Outlook, aim: Aim) -> Prospect:
    return Prospect(
        asked=asked,
        outlook=outlook,
        aim=aim,
        late_after_s=deadline_s(asked, aim.weights),
    )


def deadline_s(asked: Wants, weights: Weights) -> float:
    """What the caller asked for, else what this virtual model implies; never more than is left."""
    limit_ms = asked.constraints.max_latency_ms
    wanted = weights.deadline_s if limit_ms is None else limit_ms / 1000
    return wanted if asked.left_s is None else min(wanted, asked.left_s)


def expect(of: Prospect, fit: Fit, excluded: str) -> Candidate:
    """One that is excluded too: under other rules it might not be, and receipts are tried again."""
    backend, asked = fit.backend, of.asked
    output = of.output_of(backend)
    estimate = of.outlook.estimates.get(backend.name) or prior(backend)
    if asked.embeds:
        return Candidate(fit=fit, estimate=estimate, excluded=excluded)
    usd, usd_high = costs.expected_usd(asked, fit, output)
    raw = promptness.raw_miss(
        backend, fit.read, output, most_output=fit.longest, deadline_s=of.late_after_s
    )
    late = backend.lateness.right(raw) if of.late_after_s > promptness.SHORTEST_S else 1.0
    parts = worth(
        of.aim.weights,
        quality=estimate.quality,
        usd=usd,
        p_miss=late,
        switching=asked.seat.backend not in ("", backend.name),
        first_s=fit.first_content_s,
    )
    return Candidate(
        fit=fit,
        estimate=estimate,
        excluded=excluded,
        cost=usd,
        cost_high=usd_high,
        p_miss=late,
        raw_miss=raw,
        parts=parts,
        score=total(parts),
    )


def prior(backend: Backend) -> Estimate:
    return Estimate(quality=backend.quality, deviation=PRIOR_DEVIATION)


def worth(
    weights: Weights,
    *,
    quality: float,
    usd: float,
    p_miss: float,
    switching: bool,
    first_s: float | None = None,
) -> Parts:
    """From numbers alone, so that receipts can be scored again under other weights."""
    return Parts(
        quality=quality,
        cost=-weights.usd * usd,
        miss=-weights.miss * p_miss,
        switch=-weights.switch if switching else 0.0,
        speed=-weights.second * first_s if first_s and weights.second else 0.0,
    )


def total(parts: Parts) -> float:
    return parts.quality + parts.cost + parts.miss + parts.switch + parts.speed
