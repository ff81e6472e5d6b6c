"""The rules stage: what the published rules make of a request, and what they may ask about it."""

from __future__ import annotations

from routing.rules import judging
from routing.rules.values import Ruling
from routing.signals.facts import Facts
from routing.way import Way


def judge(way: Way) -> Ruling:
    """Everyone's rules first; where they neither refuse nor answer, the team's own."""
    facts = Facts({})
    way.ruling = judging.judge(way.standing.everyone, facts)
    way.facts = facts.known()
    return way.ruling
