"""Conditions as alternatives, each a list of leaves that have to hold together (pure).

What is told from them is certain where it is "no": no request can make this hold, no request can
make the one hold without the other. Conditions with too many alternatives are told nothing of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from routing.rules import possible
from routing.rules.possible import Literal
from routing.rules.trees import AllOf, Condition, Leaf, Not

MOST = 256
"""Alternatives of one condition."""
Clause = Mapping[str, frozenset[Literal]]
"""By fact, what is wanted of it."""
EMPTY: Clause = {}


class TooLarge(Exception):  # noqa: N818
    """This condition has too many alternatives to be looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """A condition's alternatives, and those of its opposite; impossible ones are left out."""

    holds: tuple[Clause, ...] | None
    fails: tuple[Clause, ...] | None
    """None: too many to say."""

    @property
    def never(self) -> bool:
        return self.holds == ()

    @property
    def always(self) -> bool:
        return self.fails == ()


def read(condition: Condition) -> Meaning:
    return Meaning(holds=_told(condition, wanted=True), fails=_told(condition, wanted=False))


def implies(one: Meaning, other: Meaning) -> bool:
    """Whenever the one holds the other does: no alternative of the one goes with any in which the
    other fails."""
    if one.holds is None or other.fails is None:
        return False
    return all(_clash(first, second) for first in one.holds for second in other.fails)


def _told(condition: Condition, *, wanted: bool) -> tuple[Clause, ...] | None:
    try:
        return tuple(_alternatives(condition, wanted))
    except TooLarge:
        return None


def _alternatives(condition: Condition, wanted: bool) -> list[Clause]:
    if isinstance(condition, Leaf):
        literal = Literal(leaf=condition, holds=wanted)
        found: list[Clause] = [{condition.signal: frozenset({literal})}]
        return found if possible.together([literal]) else []
    if isinstance(condition, Not):
        return _alternatives(condition.part, not wanted)
    parts = (_alternatives(part, wanted) for part in condition.parts)
    if isinstance(condition, AllOf) is wanted:
        return reduce(_both, parts, [EMPTY])
    return _either(parts)


def _either(parts: Iterator[list[Clause]]) -> list[Clause]:
    every = [clause for part in parts for clause in part]
    if len(every) > MOST:
        raise TooLarge
    return every


def _both(first: list[Clause], second: list[Clause]) -> list[Clause]:
    if len(first) * len(second) > MOST:
        raise TooLarge
    joined = (_joined(one, other) for one in first for other in second)
    return [clause for clause in joined if clause is not None]


def _joined(one: Clause, other: Clause) -> Clause | None:
    """None where they cannot hold together."""
    if _clash(one, other):
        return None
    return {**one, **{name: one.get(name, frozenset()) | wanted for name, wanted in other.items()}}


def _clash(one: Clause, other: Clause) -> bool:
    """Each is possible by itself, so only facts that both ask can make it impossible."""
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    return any(
        name in large and not possible.together(wanted | large[name])
        for name, wanted in small.items()
    )
