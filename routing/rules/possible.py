"""Whether one fact can be as several leaves want it at once (pure).

"No" is always right. "Yes" may be wrong, where texts are asked for by patterns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from routing.rules.operators import OPERATORS
from routing.rules.trees import Leaf
from routing.signals import names
from routing.signals.names import Known

PARTS_OF_TEXTS = ("contains", "starts_with", "ends_with")
PATTERNS = (*PARTS_OF_TEXTS, "matches")
NAMED = ("is", "in")


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A leaf that shall hold, or shall not."""

    leaf: Leaf
    holds: bool = True

    @property
    def allows_absence(self) -> bool:
        """A leaf is false of what is not there, but for `exists` false."""
        asks_for_absence = self.leaf.operator == "exists" and not self.leaf.operand
        return self.holds is asks_for_absence

    def fits(self, value: Any) -> bool:
        """For a fact that is there."""
        leaf = self.leaf
        if leaf.operator == "exists":
            return bool(leaf.operand) is self.holds
        return OPERATORS[leaf.operator].test(leaf.operand)(value) is self.holds


def together(literals: Collection[Literal]) -> bool:
    """All of one fact."""
    if all(each.allows_absence for each in literals):
        return True
    signal = next(iter(literals)).leaf.signal
    known = names.find(signal) or names.OWN
    kinds = WAYS if known.kind == names.ANY else (known.kind,)
    return any(WAYS[kind](literals, known) for kind in kinds)


def _as_flag(literals: Collection[Literal], known: Known) -> bool:
    del known
    return any(all(each.fits(value) for each in literals) for value in (True, False))


def _as_number(literals: Collection[Literal], known: Known) -> bool:
    """Between two neighbouring bounds nothing changes: one number of each stretch tells all."""
    return any(all(each.fits(value) for each in literals) for value in _numbers(literals, known))


def _numbers(literals: Collection[Literal], known: Known) -> Iterator[float]:
    bounds = sorted({*_bounds(literals), *(b for b in (known.low, known.high) if b is not None)})
    if not bounds:
        bounds = [0]
    between = [each for pair in pairwise(bounds) for each in _between(*pair)]
    for value in (bounds[0] - 1, *bounds, *between, bounds[-1] + 1):
        inside = (known.low is None or value >= known.low) and (
            known.high is None or value <= known.high
        )
        if inside and (not known.whole or value == math.floor(value)):
            yield value


def _bounds(literals: Collection[Literal]) -> Iterator[float]:
    for each in literals:
        operand = each.leaf.operand
        for value in operand if isinstance(operand, tuple) else (operand,):
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield value


def _between(low: float, high: float) -> Iterator[float]:
    """A number of the stretch, and a whole one if there is any."""
    yield (low + high) / 2
    yield math.floor(low) + 1


def _as_text(literals: Collection[Literal], known: Known) -> bool:
    named = _named(literals, known)
    if named is not None:
        return any(all(each.fits(value) for each in literals) for value in named)
    if not all(map(_can_be_of_a_text, literals)):
        return False
    shapes = [each for each in literals if _is_shape(each)]
    wanted = [each.leaf for each in shapes if each.holds]
    unwanted = [each.leaf for each in shapes if not each.holds]
    if any(_implies(one, other) for one in wanted for other in unwanted):
        return False
    return not any(_exclude(*pair) for pair in combinations(wanted, 2))


def _named(literals: Collection[Literal], known: Known) -> Collection[str] | None:
    """All the texts that are left where a leaf, or the fact itself, names them."""
    if known.choices:
        return known.choices
    for each in literals:
        leaf = each.leaf
        if each.holds and leaf.operator in NAMED:
            given = leaf.operand if leaf.operator == "in" else (leaf.operand,)
            return [value for value in given if isinstance(value, str)]
        if not each.holds and leaf.operator in ("is_not", "not_in"):
            given = leaf.operand if leaf.operator == "not_in" else (leaf.operand,)
            return [value for value in given if isinstance(value, str)]
    return None


def _can_be_of_a_text(literal: Literal) -> bool:
    """Of any that no other leaf names."""
    operator = literal.leaf.operator
    if operator == "exists":
        return literal.fits("")
    return not literal.holds or operator in (*PATTERNS, "is_not", "not_in")


def _is_shape(literal: Literal) -> bool:
    return literal.leaf.operator in PATTERNS


def _implies(one: Leaf, other: Leaf) -> bool:
    """Every text that has the one has the other."""
    if (one.operator, one.operand) == (other.operator, other.operand):
        return True
    if "matches" in (one.operator, other.operator):
        return False
    small, large = other.operand.casefold(), one.operand.casefold()
    if other.operator == "contains":
        return small in large
    if other.operator != one.operator:
        return False
    return bool(getattr(large, FITS[other.operator])(small))


FITS = {"starts_with": "startswith", "ends_with": "endswith"}


def _exclude(one: Leaf, other: Leaf) -> bool:
    """No text has both: two beginnings, or two ends, of which neither is the other's."""
    if one.operator != other.operator or one.operator not in FITS:
        return False
    return not (_implies(one, other) or _implies(other, one))


WAYS: dict[str, Callable[[Collection[Literal], Known], bool]] = {
    names.YES_NO: _as_flag,
    names.NUMBER: _as_number,
    names.TEXT: _as_text,
}
