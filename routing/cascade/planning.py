"""Whether a request is answered here first, and by whom it is answered if that fails (pure)."""

from __future__ import annotations

from routing.cascade.values import Cascade, Legs
from routing.learning.values import Forecast, Outlook
from routing.policy import promptness
from routing.policy.values import Candidate, Decision

CHOSEN = ("policy:", "experiment:")
"""Reasons of choices that a cascade may take the place of: nobody has named who answers."""
NAMED = "policy:named-model"
KEEPS = frozenset({NAMED, "policy:sticky", "policy:explored"})
USUAL = Forecast(tokens=300.0, high=900.0)


def legs(
    terms: Cascade, decision: Decision, intent: str, *, left_s: float, outlook: Outlook
) -> Legs | None:
    if not terms.enabled or (terms.intents and intent not in terms.intents):
        return None
    if not decision.reason.startswith(CHOSEN) or decision.reason in KEEPS:
        return None
    well = [each for each in decision.order if not each.backend.failing]
    ours = [each for each in well if each.backend.is_ours]
    others = tuple(each for each in well if not each.backend.is_ours)
    if not ours or not others:
        return None
    first = min(ours, key=lambda each: (each.cost, -each.score))
    if expected_s(first, outlook) + expected_s(others[0], outlook) > left_s:
        return None
    return Legs(terms=terms, first=first, others=others)


def expected_s(candidate: Candidate, outlook: Outlook) -> float:
    """Of the whole answer: nothing of it is shown before it was checked."""
    fit = candidate.fit
    output = outlook.output_of(candidate.backend.name) or USUAL
    return promptness.expected_s(candidate.backend, fit.read, output, most_output=fit.longest)
