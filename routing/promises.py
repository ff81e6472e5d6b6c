"""What SLAs ask of the choice, and how likely a call that runs is to break one."""

from __future__ import annotations

from dataclasses import replace

from routing import catalog
from routing.policy import promptness, strictness
from routing.policy.costs import USUAL_OUTPUT
from routing.policy.terms import Aim
from routing.policy.values import Candidate
from routing.way import Way


def stricter(way: Way, aim: Aim) -> Aim:
    """While an SLA that this request falls under burns too fast, its targets are the deadline."""
    known = catalog.known().slas.get(way.caller.team_id, ())
    model, intent = way.prompt.model, way.recognised.intent
    held = [each for each in known if each.promise.covers(model=model, intent=intent)]
    if not held or way.is_aside:
        return aim
    weights = strictness.stricter(aim.weights, held)
    changed = strictness.changed(aim.weights, weights)
    burning = [each.promise.name for each in held if each.burning]
    way.sla = {
        "under": [each.promise.name for each in held],
        **({"burning": burning} if burning else {}),
        **({"weights": changed} if changed else {}),
    }
    return replace(aim, weights=weights) if changed else aim


def p_late(way: Way, candidate: Candidate, elapsed_s: float) -> float:
    """That an attempt which has run for `elapsed_s` without content keeps this request waiting
    longer than was decided by; `candidate` is whose attempt it is, or would be at 0."""
    due = way.due
    if due is None:
        return 0.0
    spent_s = (way.clock.elapsed_ms - due.decided_ms) / 1000 - elapsed_s
    return p_late_within(way, candidate, due.late_after_s - max(0.0, spent_s), elapsed_s)


def p_late_within(way: Way, candidate: Candidate, left_s: float, elapsed_s: float) -> float:
    """The same of an attempt that had so long when it began; `elapsed_s` may be yet to come."""
    backend, fit = candidate.backend, candidate.fit
    output, most = way.outlook.output_of(backend.name) or USUAL_OUTPUT, fit.longest
    if not way.prompt.stream:
        return promptness.p_unfinished(
            backend, fit.read, output, most_output=most, deadline_s=left_s, elapsed_s=elapsed_s
        )
    return promptness.p_late(
        backend, fit.read, output, most_output=most, deadline_s=left_s, silent_s=elapsed_s
    )
