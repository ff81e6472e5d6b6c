"""The background walk over a team's answers: what repeats becomes proposals.

Each step is idempotent and commits by itself: a run that was killed is taken up by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from caching import terms
from caching.models import Entry, Pattern, PatternState, PatternStep
from caching.patterns import gathering, lifecycle, proposing, steps
from caching.patterns.traffic import Demands, Occurrence, Proposal
from caching.scopes import of_team

log = structlog.get_logger(__name__)

FRESH_DAYS = 30
"""A team without an answer for so long is left alone."""
ANEW = (PatternState.ROLLED_BACK, PatternState.DECAYED)
NAMES_TRIED = 100


def teams() -> dict[int, int]:
    """Whose traffic there is to read, each with the id of its newest answer."""
    since = datetime.now(UTC) - timedelta(days=FRESH_DAYS)
    said = Entry.objects.exclude(shell="", surroundings="").values("team_id").order_by()
    rows = said.annotate(last=Max("created_at"), newest=Max("id")).filter(last__gt=since)
    return {row["team_id"]: row["newest"] for row in rows}


def mine(team_id: int) -> list[Pattern]:
    """What this run proposes for a team, new or with fresher evidence."""
    rows = gathering.rows(team_id)
    found = proposing.propose(rows, demands(team_id)) if rows else []
    kept = [pattern for each in found if (pattern := keep(team_id, each)) is not None]
    _see(team_id, rows)
    return kept


def demands(team_id: int) -> Demands:
    """By the strictest of a team's routes: its evidence is then enough for all of them."""
    agreed = terms.load().get(team_id, terms.UNSET)
    all_of = (agreed.terms, *agreed.routes.values())
    return Demands(epsilon=min(each.epsilon for each in all_of))


def keep(team_id: int, proposal: Proposal) -> Pattern | None:
    """One pattern for one kind of request: made once, its evidence renewed after that.

    What people have approved stays word for word what they approved. One that was taken back is
    proposed again only with another answer; a rejected one never.
    """
    known = Pattern.objects.filter(team_id=team_id, key=proposal.key).first()
    if known is None:
        return _made(team_id, proposal)
    if known.state == PatternState.REJECTED:
        return None
    if known.state in ANEW:
        return _again(known, proposal)
    changes: dict[str, Any] = {"evidence": dict(proposal.evidence)}
    if known.state == PatternState.PROPOSED:
        changes |= {"recipe": dict(proposal.recipe), "samples": list(proposal.samples)}
    Pattern.objects.filter(pk=known.pk, state=known.state).update(**changes)
    return known


def _made(team_id: int, proposal: Proposal) -> Pattern | None:
    taken = set(
        Pattern.objects.filter(team_id=team_id, name__startswith=proposal.name).values_list(
            "name", flat=True
        )
    )
    names = (proposal.name, *(f"{proposal.name}-{n}" for n in range(2, NAMES_TRIED)))
    name = next((each for each in names if each not in taken), "")
    if not name:
        return None
    try:
        with transaction.atomic():
            made = Pattern.objects.create(
                team_id=team_id,
                name=name,
                action=proposal.action,
                key=proposal.key,
                scope=of_team(team_id),
                surroundings=proposal.surroundings,
                recipe=dict(proposal.recipe),
                evidence=dict(proposal.evidence),
                samples=list(proposal.samples),
                intent_id=proposal.intent,
            )
            PatternStep.objects.create(
                pattern=made, became=PatternState.PROPOSED, actor=lifecycle.BY_ITSELF, why="mined"
            )
    except IntegrityError:  # another run was quicker
        return None
    return made


def _again(known: Pattern, proposal: Proposal) -> Pattern | None:
    """What it said when it was taken back it may not say again by itself."""
    is_new = _essence(known.recipe) != _essence(proposal.recipe)
    if known.state == PatternState.ROLLED_BACK and not is_new:
        return None
    why = "learned anew" if is_new else "seen again"
    if not steps.carry_out(known, lifecycle.Move(to=PatternState.PROPOSED, why=why)):
        return None
    Pattern.objects.filter(pk=known.pk, state=PatternState.PROPOSED).update(
        recipe=dict(proposal.recipe),
        evidence=dict(proposal.evidence),
        samples=list(proposal.samples),
        seen_at=datetime.now(UTC),
    )
    return known


def _essence(recipe: Mapping[str, Any]) -> Any:
    """An answer, or else a backend: what a pattern does, however its slots have widened."""
    return recipe.get("answer") or recipe.get("backend")


def _see(team_id: int, rows: Sequence[Occurrence]) -> None:
    """A proposal is seen while there is traffic in its surroundings, and so is a rule: no receipt
    names it."""
    newest = _newest(rows)
    by_hand = Q(state=PatternState.ACTIVE, action=lifecycle.RULE)
    for pattern in Pattern.objects.filter(
        by_hand | Q(state=PatternState.PROPOSED), team_id=team_id
    ):
        at = newest.get(pattern.surroundings)
        if at is not None and at > pattern.seen_at:
            Pattern.objects.filter(pk=pattern.pk).update(seen_at=at)


def _newest(rows: Iterable[Occurrence]) -> dict[str, datetime]:
    found: dict[str, float] = {}
    for row in rows:
        for around in filter(None, (row.shell, row.surroundings)):
            found[around] = max(found.get(around, 0.0), row.at_s)
    return {around: datetime.fromtimestamp(at, UTC) for around, at in found.items()}
