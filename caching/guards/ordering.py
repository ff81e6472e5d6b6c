"""Who does what to whom, and from where to where."""

from __future__ import annotations

from collections.abc import Sequence

from caching.guards import naming, stems, units, wordlists, words
from caching.guards.tokens import Token

Link = tuple[str, str]
"""A content word, and what stands between it and the content word before."""
Route = tuple[frozenset[str], frozenset[str]]
EVEN = frozenset({"and", "or", "vs", "versus", ",", "&", "/", "between", "(", "nor"})
TOWARDS = frozenset({"to", "into", "onto"})
BESIDE = wordlists.members("in on at for with of about as during like off over under without near")
SYMMETRIC = wordlists.members(
    """vs versus difference differences between distance compare compared comparison similar same
    differ different far relationship relation apart equal"""
)
MEASURES = frozenset(map(stems.stem, units.MEASURES))
REACH = 4


def chain(tokens: Sequence[Token]) -> tuple[Link, ...]:
    """Content words in order, each with the joint before it: even, by, from, to or nothing."""
    found: list[Link] = []
    joint = ""
    for token in tokens:
        if token.kind in ("word", "code", "number", "plus") and token.lower not in words.EMPTY:
            found.append((naming.canonical(token.lower), joint))
            joint = ""
        else:
            joint = _joint(token, joint)
    return tuple(found)


def _joint(token: Token, joint: str) -> str:
    if token.lower in EVEN:
        return "even"
    if token.kind == "stop":
        return "stop"
    if joint in ("even", "stop"):
        return joint
    if token.lower in TOWARDS:
        return "to"
    if token.lower in ("by", "from", "than"):
        return token.lower
    return "beside" if token.lower in BESIDE else joint


def routes(links: Sequence[Link]) -> tuple[Route, ...]:
    """`from A to B`, `A to B`, `A than B`: what stands before and behind, nearest first."""
    found = []
    for index, (stem, joint) in enumerate(links):
        measured = joint == "beside" and stem in MEASURES and links[index - 1][0] in MEASURES
        if index and (measured or joint in ("to", "than", "from")):
            behind = _behind(links, index)
            before = _before(links, index)
            found.append((behind, before) if joint == "from" else (before, behind))
    return tuple(found)


def _before(links: Sequence[Link], index: int) -> frozenset[str]:
    start = index - 1
    while start > 0 and index - start < REACH and links[start][1] == "":
        start -= 1
    return frozenset(stem for stem, _ in links[start:index])


def _behind(links: Sequence[Link], index: int) -> frozenset[str]:
    stop = index + 1
    while stop < len(links) and stop - index < REACH and links[stop][1] == "":
        stop += 1
    return frozenset(stem for stem, _ in links[index:stop])


def reversed_route(a: Sequence[Route], b: Sequence[Route]) -> bool:
    return any(_crossed(one, other) for one in a for other in b)


def _crossed(a: Route, b: Route) -> bool:
    across = len(a[0] & b[1]), len(a[1] & b[0])
    along = len(a[0] & b[0]) + len(a[1] & b[1])
    return min(across) > 0 and sum(across) > along


def reversed_triple(a: Sequence[Link], b: Sequence[Link]) -> bool:
    """`dog bites man` and `man bites dog`; a passive turns the sense once more."""
    if len(a) < 3 or len(b) < 3 or len(a) > 24 or len(b) > 24:
        return False
    there = dict(_triples(b))
    for (first, middle, last), passive in _triples(a):
        if first == last:
            continue
        same = there.get((first, middle, last))
        turned = there.get((last, middle, first))
        if same is not None and same != passive:
            return True
        if turned is not None and turned == passive:
            return True
    return False


def exchanged(a: Sequence[Link], b: Sequence[Link]) -> bool:
    """`replace foo with bar` and `replace bar with foo`: two neighbours, the same joint between."""
    if len(a) != len(b):
        return False
    other = [at for at, (one, two) in enumerate(zip(a, b, strict=True)) if one[0] != two[0]]
    if len(other) != 2 or other[0] + 1 != other[1]:
        return False
    first, second = other
    joint = a[second][1]
    turned = a[first][0] == b[second][0] and a[second][0] == b[first][0]
    return turned and joint == b[second][1] and joint not in ("", "even", "stop")


def _triples(links: Sequence[Link]) -> list[tuple[tuple[str, str, str], bool]]:
    found = []
    for index in range(len(links) - 2):
        (first, _), (middle, before), (last, behind) = links[index : index + 3]
        if before in ("", "by") and behind in ("", "by"):
            found.append(((first, middle, last), behind == "by"))
    return found
