"""Whether two answers say the same: equal when normalised, else by their vectors (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from caching import answers, guards

LIKE = 0.92
"""Answers whose vectors agree so far, and whose facts do not disagree, count as the same."""
UNLIKE = 0.55
"""Below this they count as different without asking anybody."""
LENGTHS = 2.0
"""An answer that says twice as much says something else, however alike the two are."""

NO_PROOF = frozenset({"letters", "signs", "sums"})
"""A smile more says nothing, nor how a sum is told; of other scripts than Latin none can tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What came out of comparing; `right` is empty where only a model could tell."""

    right: bool | None
    by: str


def same(stored: str, fresh: str) -> bool:
    """Word for word, but for case, spacing and kinds of quotes."""
    return answers.normalised(stored) == answers.normalised(fresh) != ""


def judge(stored: str, fresh: str, likeness: float | None = None) -> Finding:
    """`likeness` is the cosine of the answers' vectors; without it only equality can say yes."""
    if same(stored, fresh):
        return Finding(right=True, by="equal")
    objections = guards.all_of(guards.read(fresh), guards.read(stored))
    if not NO_PROOF.issuperset(objections):
        return Finding(right=False, by="guard")
    if likeness is None or "letters" in objections:
        return Finding(right=None, by="unsure")
    if likeness < UNLIKE:
        return Finding(right=False, by="embedding")
    if likeness >= LIKE and _as_long(stored, fresh):
        return Finding(right=True, by="embedding")
    return Finding(right=None, by="unsure")


def equal(stored: str, fresh: str, likeness: float | None = None) -> tuple[bool, str]:
    """The same as a plain word: what nobody can tell counts as different."""
    finding = judge(stored, fresh, likeness)
    return bool(finding.right), finding.by


def _as_long(one: str, other: str) -> bool:
    shorter, longer = sorted((len(one), len(other)))
    return longer <= shorter * LENGTHS
