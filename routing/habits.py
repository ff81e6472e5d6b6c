"""What a request is that was often seen before: filled, served, or asked where it went well."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from caching.patterns import serving, shells
from caching.patterns.serving import Hint, Withheld
from caching.patterns.shells import Shell
from caching.values import Match, NoMatch
from routing import catalog, semantics
from routing.policy import deciding
from routing.policy.values import VIRTUAL, Decision
from routing.way import Way


def look(way: Way) -> Match | NoMatch:
    """A match is an answer; a hint and what is withheld are only noted on the way."""
    way.shell = shell(way)
    asked = replace(semantics.asked(way), shell=way.shell.shell, turn=way.shell.turn)
    known = catalog.current().patterns.get(way.caller.team_id, ())
    found = serving.match(asked, known, draw=random.random(), may_answer=_may_answer(way))  # noqa: S311
    if isinstance(found, Match):
        way.pattern = _told(found.pattern_id, found.reason.partition(":")[2], "answered")
        return found
    if isinstance(found, NoMatch):
        return found
    way.habit = found
    did = "hinted" if isinstance(found, Hint) else "withheld"
    way.pattern = _told(found.pattern_id, found.name, did)
    return NoMatch(reason=found.reason)


def shell(way: Way) -> Shell:
    prompt, wanted = way.prompt, way.prompt.constraints
    around = (wanted.locality, wanted.min_quality)
    found = shells.read(prompt.body, form=prompt.form, wanted=around)
    return (
        replace(found, shell=semantics.salted(found.shell, way.demands)) if way.demands else found
    )


def _may_answer(way: Way) -> bool:
    """Nothing that was not asked for this very request may answer it where freshness is wanted."""
    wanted = way.prompt.constraints
    return wanted.reads_stored and wanted.max_age_s is None and not way.is_aside


def _told(pattern_id: int | None, name: str, did: str) -> dict[str, Any]:
    return {"id": pattern_id, "name": name, "did": did}


def preferred(way: Way, decision: Decision) -> Decision:
    """What worked before goes first, if it may answer at all; the others stay behind it."""
    hint = way.habit
    if not isinstance(hint, Hint) or way.prompt.model not in VIRTUAL:
        return decision
    return deciding.preferring(decision, hint.backend, hint.because)


def withheld(way: Way) -> tuple[int, str] | None:
    """What a pattern would have said, to be compared with what a model said."""
    found = way.habit
    return (found.pattern_id, found.said) if isinstance(found, Withheld) else None
