"""Moves of patterns by people and by themselves: each a step with who and why, told at once.

A step's row bumps the revision, so that every web process knows within a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.functions import Now

from caching.errors import Unfit
from caching.models import Pattern, PatternState, PatternStep
from caching.patterns import lifecycle
from teams import audit

if TYPE_CHECKING:
    from teams.values import Actor

VERBS = ("approve", "canary", "reject", "rollback")
SHOWN = ("state", "share")


def move(actor: Actor, pattern: Pattern, verb: str, asked: Mapping[str, Any]) -> Pattern:
    """What a person wants done, as the API and the console say it; it is in the audit log."""
    before = {name: getattr(pattern, name) for name in SHOWN}
    why = str(asked.get("why", ""))
    with transaction.atomic():
        if verb == "approve":
            approve(pattern, actor.name, why=why)
        elif verb == "canary":
            canary(pattern, asked.get("share", lifecycle.CANARY_SHARE), actor.name, why=why)
        elif verb == "reject":
            reject(pattern, actor.name, why=why)
        elif verb == "rollback":
            roll_back(pattern, why or "by hand", actor.name)
        else:
            raise Unfit(f"A pattern cannot be moved by “{verb}”.", field="verb")
        after = {name: getattr(pattern, name) for name in SHOWN}
        audit.record(actor, verb, pattern, before=before, after=after)
    return pattern


def approve(pattern: Pattern, actor: str, *, why: str = "") -> None:
    """The first yes makes a canary of it, the second lets it answer nearly all; rules need one."""
    to = lifecycle.approved(pattern.state, pattern.action)
    share = lifecycle.share(to, pattern.action)
    _go(pattern, to, (actor, why or "approved"), share=share)


def canary(pattern: Pattern, share: float, actor: str, *, why: str = "") -> None:
    told = why or f"answers {share:.0%} of what it matches"
    _go(pattern, PatternState.CANARY, (actor, told), share=share)


def reject(pattern: Pattern, actor: str, *, why: str = "") -> None:
    _go(pattern, PatternState.REJECTED, (actor, why), share=0.0)


def roll_back(pattern: Pattern, why: str, actor: str) -> None:
    _go(pattern, PatternState.ROLLED_BACK, (actor, why), share=0.0)


def carry_out(pattern: Pattern, due: lifecycle.Move) -> bool:
    """A move that nobody asked for; False if somebody else has moved the pattern meanwhile."""
    try:
        _go(pattern, due.to, (lifecycle.BY_ITSELF, due.why), share=due.share)
    except Unfit:
        return False
    return True


def history(pattern: Pattern) -> Sequence[PatternStep]:
    """The newest first."""
    return list(PatternStep.objects.filter(pattern=pattern))


def reasons(patterns: Sequence[Pattern]) -> dict[int, str]:
    """By id, why each stands where it does."""
    if not patterns:
        return {}
    taken = PatternStep.objects.filter(pattern__in=patterns).order_by("id")
    return dict(taken.values_list("pattern_id", "why"))


def _go(pattern: Pattern, to: str, said: tuple[str, str], *, share: float) -> None:
    """A conditional update: of two who move the same pattern at once, one is told that it lost."""
    was = pattern.state
    if not lifecycle.may(was, to, pattern.action):
        if pattern.action == lifecycle.RULE and to == PatternState.CANARY:
            raise Unfit("A rule answers nothing by itself, so no share of it can begin.")
        raise Unfit(f"A pattern that is {was} cannot become {to}.", field="state")
    anew = _begins_anew(was, to)
    with transaction.atomic():
        rows = Pattern.objects.filter(pk=pattern.pk, state=was)
        if not rows.update(state=to, share=share, changed_at=Now(), **anew):
            raise Unfit("Somebody else has just moved this pattern.", field="state")
        if anew:
            pattern.checks.all().delete()
        PatternStep.objects.create(pattern=pattern, was=was, became=to, actor=said[0], why=said[1])
    pattern.state, pattern.share = to, share


def _begins_anew(was: str, to: str) -> dict[str, int]:
    """What a pattern was taken back for does not count against its second life."""
    over = {PatternState.ROLLED_BACK, PatternState.REJECTED, PatternState.DECAYED}
    return {"rights": 0, "wrongs": 0, "complaints": 0} if was in over and to not in over else {}
