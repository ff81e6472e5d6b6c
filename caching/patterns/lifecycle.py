"""When a pattern begins, answers more, is taken back or forgotten (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caching.patterns import bounds

PROPOSED, CANARY, ACTIVE = "proposed", "canary", "active"
ROLLED_BACK, REJECTED, DECAYED = "rolled-back", "rejected", "decayed"

STANDING = (CANARY, ACTIVE)
CANARY_SHARE = 0.1
AUDIT_SHARE = 0.1
"""Of what an active pattern matches, how much still goes to a model to see whether it holds."""
FEWEST_CHECKS = 20
"""Live comparisons before a canary may answer nearly all."""
DRIFT_ALPHA = 0.005
"""Each look at the newest few may err so rarely, for it is taken again and again."""
DRIFT_LOOKS = (2, 3, 5, 8, 13, 21, 34, 55)
COMPLAINTS = 3
HINT_EPSILON = 0.05
"""How often a preferred backend may fail: the next one is tried, so nothing wrong is served."""
UNSEEN_DAYS = 14.0
BY_ITSELF = "kora"
"""The actor of what nobody decided."""

MOVES: Mapping[str, frozenset[str]] = {
    PROPOSED: frozenset({CANARY, ACTIVE, REJECTED, DECAYED}),
    CANARY: frozenset({CANARY, ACTIVE, REJECTED, ROLLED_BACK, DECAYED}),
    ACTIVE: frozenset({CANARY, REJECTED, ROLLED_BACK, DECAYED}),
    ROLLED_BACK: frozenset({PROPOSED, CANARY, REJECTED}),
    REJECTED: frozenset({CANARY}),
    DECAYED: frozenset({PROPOSED, CANARY, REJECTED}),
}
RULE = "rule"
"""Is for people to write: it answers nothing, so it has no canary, and no share to begin with."""
ON_ITS_OWN = frozenset({"serve", "fill", "pin", "strategy"})
"""What may begin without a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """What is known of a pattern when it is looked at."""

    state: str
    action: str
    rights: int = 0
    wrongs: int = 0
    newest: Sequence[bool] = ()
    """The newest comparisons, the latest first: whether each was right."""
    complaints: int = 0
    served: int = 0
    low: float = 0.0
    """What its evidence promises at least of its answers being right."""
    unseen_days: float = 0.0
    epsilon: float = 0.02
    automatic: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    to: str
    why: str
    share: float = 0.0


def may(was: str, to: str, action: str = "") -> bool:
    if action == RULE and to in STANDING:
        return to == ACTIVE != was
    return to in MOVES.get(was, ())


def approved(was: str, action: str = "") -> str:
    """A first yes makes a canary, a yes to a canary lets it answer; there is no third."""
    return ACTIVE if was in STANDING or action == RULE else CANARY


def share(state: str, action: str = "") -> float:
    """Of the requests that it matches, how many it answers, unless a person says otherwise."""
    if action == RULE:
        return 0.0
    return {CANARY: CANARY_SHARE, ACTIVE: 1 - AUDIT_SHARE}.get(state, 0.0)


def due(life: Life) -> Move | None:
    """The one move that is due by itself, if any; what is wrong comes before what is old."""
    if life.state in {CANARY, ACTIVE}:
        wrong = trouble(life)
        if wrong:
            return Move(to=ROLLED_BACK, why=wrong)
    if life.state == ACTIVE and life.newest and not life.newest[0]:
        return Move(to=CANARY, why="the newest comparison was wrong", share=CANARY_SHARE)
    if life.unseen_days > UNSEEN_DAYS and may(life.state, DECAYED):
        return Move(to=DECAYED, why=f"unseen for {life.unseen_days:.0f} days")
    if life.state == PROPOSED and _begins(life):
        return Move(to=CANARY, why="its evidence meets the bound", share=CANARY_SHARE)
    if life.state == CANARY and _proved(life):
        return Move(to=ACTIVE, why=_score(life), share=share(ACTIVE))
    return None


def trouble(life: Life) -> str:
    """Why a pattern must not go on, or nothing."""
    seen = life.rights + life.wrongs
    if bounds.lower(life.wrongs, seen) > life.epsilon:
        return f"error-bound: {life.wrongs} of {seen} comparisons were wrong"
    for look in DRIFT_LOOKS:
        newest = life.newest[:look]
        wrongs = sum(not right for right in newest)
        if len(newest) == look and bounds.lower(wrongs, look, DRIFT_ALPHA) > life.epsilon:
            return f"drift: {wrongs} of the newest {look} comparisons were wrong"
    answered = max(life.served, life.complaints)
    many = life.complaints >= COMPLAINTS
    if life.complaints and (many or bounds.lower(life.complaints, answered) > life.epsilon):
        return f"complaints: {life.complaints} of {answered} answers"
    return ""


def _begins(life: Life) -> bool:
    return life.automatic and life.action in ON_ITS_OWN and life.low > 0


def _proved(life: Life) -> bool:
    """Live comparisons alone decide; a wrong one needs many right ones to outweigh it."""
    seen = life.rights + life.wrongs
    if seen < FEWEST_CHECKS:
        return False
    return life.wrongs == 0 or life.wrongs / seen <= life.epsilon / 2


def _score(life: Life) -> str:
    return f"{life.rights} of {life.rights + life.wrongs} comparisons were right"
