"""Where two questions disagree, so that the answer of the one is none to the other."""

from __future__ import annotations

from collections.abc import Callable

from caching.guards import kinds, ordering, places, polarity, stems, units, words
from caching.guards.facts import Facts
from caching.guards.naming import Name

LOOSE_UNITS = frozenset({frozenset({"pound", "gbp"}), frozenset({"pound", "lb"})})
WAYS = frozenset({"good", "fast", "easy"})
"""The best way to do a thing is the easiest, or the fastest."""
PHRASES = {
    (stems.stem(first), stems.stem(second)): name
    for (first, second), name in places.PHRASES.items()
}
PEOPLES = frozenset({"ish", "ic", "ian", "an", "ese", "i", "ist", "ism", "er", "al", "s"})
SAID = {"1": frozenset({"a", "an", "one", "single"}), "2": frozenset({"two", "both"})}
COUNTED = frozenset({"how-many", "how-much", "how-far", "how-long", "how-old"})
SHORTEST_SUM = 10
"""Words; what is shorter tells no story."""
SAID_ANYHOW = frozenset({"a", "an", "the", "please", "now", "then", "so", "hi", "hello"})
RANKS = {"1": frozenset({"first"}), "2": frozenset({"second"})}


def _code(a: Facts, b: Facts) -> bool:
    return a.code != b.code or a.operators != b.operators


def _quotes(a: Facts, b: Facts) -> bool:
    return any(quote not in b.squeezed for quote in a.quotes) or any(
        quote not in a.squeezed for quote in b.quotes
    )


def _numbers(a: Facts, b: Facts) -> bool:
    if a.numbers == b.numbers and a.codes == b.codes and a.counts == b.counts:
        return False
    if _number_missing(a, b) or _number_missing(b, a):
        return True
    return bool(_counts_missing(a, b)) and bool(_counts_missing(b, a))


def _counts_missing(a: Facts, b: Facts) -> frozenset[str]:
    return a.counts - b.counts - {value for value, _ in b.numbers}


def _number_missing(a: Facts, b: Facts) -> bool:
    """A number (or code) of `a` that `b` does not have, whatever its unit."""
    values = {value for value, unit in b.numbers if unit != "#"} | b.counts
    ranks = {value for value, unit in b.numbers if unit == "#"}
    for value, unit in a.numbers:
        if value in (ranks if unit == "#" else values) or _welded(value, a, b):
            continue
        if value in SAID and not (SAID[value] if unit != "#" else RANKS[value]).isdisjoint(b.words):
            continue
        return True
    return any(code not in b.led and not _stands(code, b.squeezed) for code in a.codes)


def _stands(code: str, squeezed: str) -> bool:
    """Whether `h1b` stands in `H-1B visa`; `b1` does not in `b12`."""
    at = squeezed.find(code)
    while at >= 0:
        before, behind = squeezed[max(0, at - 1) : at], squeezed[at + len(code) :][:1]
        if not (code[0].isdigit() and before.isdigit()) and not (
            code[-1].isdigit() and behind.isdigit()
        ):
            return True
        at = squeezed.find(code, at + 1)
    return False


def _welded(value: str, a: Facts, b: Facts) -> bool:
    """`ps 4` beside `ps4`."""
    return any(led.endswith(value) and led in b.codes for led in a.led)


def _units(a: Facts, b: Facts) -> bool:
    if _measured_apart(a.measures, b.measures):
        return True
    if a.numbers == b.numbers:
        return False
    there: dict[str, set[str]] = {}
    for value, unit in b.numbers:
        there.setdefault(value, set()).add(unit)
    return any(
        unit and "" not in there.get(value, {""}) and not _unit_among(unit, there[value])
        for value, unit in a.numbers
    )


def _unit_among(unit: str, units: set[str]) -> bool:
    return unit in units or any(frozenset({unit, other}) in LOOSE_UNITS for other in units)


def _measured_apart(a: frozenset[str], b: frozenset[str]) -> bool:
    for dimension in {units.DIMENSIONS[unit] for unit in a}:
        here = {unit for unit in a if units.DIMENSIONS[unit] == dimension}
        there = {unit for unit in b if units.DIMENSIONS[unit] == dimension}
        if there and here != there:
            return True
    return False


def _dates(a: Facts, b: Facts) -> bool:
    """Today and `each day` may stay unsaid; another day may not."""
    if a.dates == b.dates:
        return False
    only_a, only_b = a.dates - b.dates, b.dates - a.dates
    if only_a and only_b:
        return True
    return not all(map(_unsaid, only_a | only_b))


def _unsaid(date: str) -> bool:
    return date == "today" or date.startswith(("each:", "this:"))


def _names(a: Facts, b: Facts) -> bool:
    if _literal_missing(a, b) or _literal_missing(b, a) or _substituted(a, b):
        return True
    here, partly_here = _names_missing(a, b)
    there, partly_there = _names_missing(b, a)
    if here and there:
        return True
    if any(name in a.narrowing for name in here) or any(name in b.narrowing for name in there):
        return True
    return partly_here and partly_there


def _substituted(a: Facts, b: Facts) -> bool:
    """One word for another, both with a capital: names, in a title too."""
    here, there = frozenset(a.content), frozenset(b.content)
    only_a, only_b = here - there, there - here
    if not (len(only_a) == len(only_b) == 1 and only_a <= a.capitals and only_b <= b.capitals):
        return False
    return not _akin(min(only_a), min(only_b)) and not _known(min(only_a), b)


def _literal_missing(a: Facts, b: Facts) -> bool:
    return any(not _literal_known(literal, b) for literal in a.literals)


def _literal_known(literal: str, b: Facts) -> bool:
    if literal in b.literals or literal in b.stems or _spelled_out(literal, b):
        return True
    lower = literal.lower()
    if len(literal) == 1:
        return lower != "a" and lower in b.words
    if "".join(filter(str.isalnum, lower)) in b.squeezed and literal[-1] not in "+#":
        return True
    return "." in literal and literal.partition(".")[0] in b.stems


def _names_missing(a: Facts, b: Facts) -> tuple[list[Name], bool]:
    """The names of `a` that are not in `b` at all, and whether one is there only in part."""
    wholly: list[Name] = []
    partly = False
    for name in a.names:
        missing = [part for part in name if not _known(part, b)]
        if missing and len(missing) < len(name):
            partly = True
        elif missing and not _abbreviated(name, b):
            wholly.append(name)
    return wholly, partly


def _known(part: str, b: Facts) -> bool:
    if part in b.stems or (len(part) > 3 and part in b.squeezed):
        return True
    if 3 <= len(part) <= 6 and part in b.initials:
        return True
    if part in ("america", "britain") and _spelled_out(part, b):
        return True
    return part not in places.PLACES and any(_akin(part, other) for other in b.stems)


def _akin(part: str, other: str) -> bool:
    """Jew and Jewish; or a slip of the pen: Hilary and Hillary."""
    if part[0] != other[0] or abs(len(part) - len(other)) > 3 or other in places.PLACES:
        return False
    short, long = sorted((part, other), key=len)
    if len(short) >= 3 and long.removeprefix(short) in PEOPLES:
        return True
    return len(short) >= 6 and len(long) - len(short) <= 1 and _one_slip(short, long)


def _one_slip(short: str, long: str) -> bool:
    """One letter more, another letter, or two letters changed about."""
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    swapped = short[start + 1 : start + 2] + short[start : start + 1]
    return short[start + 1 :] == long[start + 1 :] or swapped + short[start + 2 :] == long[start:]


def _spelled_out(part: str, b: Facts) -> bool:
    pairs = zip(b.words, b.words[1:], strict=False)
    return any(places.PHRASES.get(pair) == part for pair in pairs) or (part in b.literals)


def _abbreviated(name: Name, b: Facts) -> bool:
    if len(name) == 2 and PHRASES.get((name[0], name[1])) in b.stems:
        return True
    initials = "".join(part[0] for part in name)
    return len(name) > 1 and (initials in b.stems or initials in b.literals)


def _negation(a: Facts, b: Facts) -> bool:
    flips = polarity.opposed(a.poles, b.poles) + _prefixed(a, b)
    if a.negated != b.negated:
        return flips % 2 == 0 and not _both_abate(a, b)
    if flips or _turned(a, b):
        return True
    if a.negated:
        only_a, only_b = a.denied - b.denied, b.denied - a.denied
        return not only_a.isdisjoint(b.stems) and not only_b.isdisjoint(a.stems)
    return abs(a.abating - b.abating) == 2 and _else_alike(a, b)


def _else_alike(a: Facts, b: Facts) -> bool:
    """Whether the wish to be rid of it is all that differs."""
    return frozenset(a.content) ^ frozenset(b.content) <= polarity.ABATING


def _both_abate(a: Facts, b: Facts) -> bool:
    """`How do I stop X` asks what `how do I not X` asks."""
    return max(a.abating, b.abating) == 2 and min(a.abating, b.abating) == 0


def _turned(a: Facts, b: Facts) -> bool:
    """Turned on here, turned off there."""
    if not a.particles or not b.particles or a.particles & b.particles:
        return False
    verbs = {turn.partition(":")[0] for turn in a.particles}
    return any(turn.partition(":")[0] in verbs for turn in b.particles)


def _prefixed(a: Facts, b: Facts) -> int:
    """`healthy` here, `unhealthy` there."""
    only_a, only_b = a.stems - b.stems, b.stems - a.stems
    return sum(_undone(word) in only_b for word in only_a) + sum(
        _undone(word) in only_a for word in only_b
    )


def _undone(word: str) -> str:
    if len(word) < 6 or word in words.NOT_NEGATED:
        return "\0"
    for prefix in ("un", "dis", "in", "im", "ir", "il", "non", "de", "mis"):
        if word.startswith(prefix) and len(word) - len(prefix) >= 4:
            return word[len(prefix) :]
    return "\0"


def _comparison(a: Facts, b: Facts) -> bool:
    if polarity.opposed(a.grades, b.grades):
        return True
    if len(a.bounds) == 1 and len(b.bounds) == 1 and a.bounds != b.bounds:
        return True
    both = a.superlatives | b.superlatives
    if not (a.superlatives and b.superlatives) or not a.superlatives.isdisjoint(b.superlatives):
        return False
    return not (both <= WAYS and "way" in a.stems and "way" in b.stems)


def _choice(a: Facts, b: Facts) -> bool:
    """Tea here, coffee there."""
    for row, members in a.rows.items():
        others = b.rows.get(row)
        if others and members.isdisjoint(others):
            return True
    return False


def _order(a: Facts, b: Facts) -> bool:
    """Only where the same words stand: other words have other orders."""
    if (a.symmetric and b.symmetric) or len(frozenset(a.content) ^ frozenset(b.content)) > 1:
        return False
    return (
        ordering.reversed_route(a.routes, b.routes)
        or ordering.reversed_triple(a.chain, b.chain)
        or ordering.exchanged(a.chain, b.chain)
    )


def _kind(a: Facts, b: Facts) -> bool:
    return kinds.conflict(a.kind, b.kind)


def _rest(a: Facts, b: Facts) -> bool:
    return a.rest != b.rest


def _letters(a: Facts, b: Facts) -> bool:
    return a.letters != b.letters


def _signs(a: Facts, b: Facts) -> bool:
    return a.signs != b.signs


def _sums(a: Facts, b: Facts) -> bool:
    """A sum told in words: `buys` or `sells`, `each day` or `every other day` is all its answer."""
    if not (_is_sum(a) and _is_sum(b)):
        return False
    return not SAID_ANYHOW.issuperset(frozenset(a.words) ^ frozenset(b.words))


def _is_sum(facts: Facts) -> bool:
    return bool(facts.numbers) and facts.kind in COUNTED and len(facts.words) >= SHORTEST_SUM


GUARDS: dict[str, Callable[[Facts, Facts], bool]] = {
    "length": _rest,
    "letters": _letters,
    "signs": _signs,
    "code": _code,
    "quotes": _quotes,
    "numbers": _numbers,
    "units": _units,
    "dates": _dates,
    "names": _names,
    "negation": _negation,
    "comparison": _comparison,
    "choice": _choice,
    "order": _order,
    "sums": _sums,
    "kind": _kind,
}


def compare(a: Facts, b: Facts) -> str:
    """The name of the first guard that holds the questions for different ones, or nothing."""
    return next((name for name, differs in GUARDS.items() if differs(a, b)), "")


def all_of(a: Facts, b: Facts) -> tuple[str, ...]:
    return tuple(name for name, differs in GUARDS.items() if differs(a, b))
