"""Whether a question asks for a thing or for its opposite."""

from __future__ import annotations

import re
from collections.abc import Sequence

from caching.guards import naming, opposites, stems, words
from caching.guards.tokens import Token

TURNED = re.compile(
    r"\b(" + "|".join(sorted(opposites.PARTICLED)) + r")(?:s|ed|ing|ned|ning|ged|ging)?"
    r"(?:\s+[\w']{1,30}){0,3}?[\s-]+(on|off|in|out|up|down)\b"
)


def _sides(pairs: Sequence[Sequence[frozenset[str]]]) -> dict[str, list[tuple[int, int]]]:
    """For each stem, in which pairs it stands and on which side."""
    found: dict[str, list[tuple[int, int]]] = {}
    for index, pair in enumerate(pairs):
        for side, members in enumerate(pair):
            for word in members:
                entry = (index, side)
                entries = found.setdefault(stems.stem(word), [])
                if entry not in entries:
                    entries.append(entry)
    return found


OPPOSITES = _sides(opposites.OPPOSITES)
GRADES = _sides(opposites.GRADES)
ABATING = frozenset(map(stems.stem, words.ABATING))
EXCLUSIVE: dict[str, list[int]] = {}
for _row, _members in enumerate(opposites.EXCLUSIVE):
    for _word in _members:
        EXCLUSIVE.setdefault(stems.stem(_word), []).append(_row)


def negations(tokens: Sequence[Token]) -> tuple[bool, frozenset[str]]:
    """Whether something is denied, and the stems of the words denied."""
    denied: set[str] = set()
    negated = False
    listed = [token for token in tokens if token.kind in ("word", "stop", "number", "comma")]
    for index, token in enumerate(listed):
        if token.lower not in words.NEGATORS or _is_courtesy(listed, index):
            continue
        negated = True
        denied.update(_next_content(listed, index))
    return negated, frozenset(denied)


def _is_courtesy(tokens: Sequence[Token], index: int) -> bool:
    """`Isn't it late?`, `or not`, `not only`, `No. 5` deny nothing."""
    token = tokens[index]
    after = tokens[index + 1].lower if index + 1 < len(tokens) else ""
    if token.begins and token.lower in words.ASKING_NEGATED:
        return after in words.SUBJECTS or _is_capital(tokens, index + 1)
    if token.lower == "not":
        before = tokens[index - 1].lower if index else ""
        return after == "only" or before == "or" or (before in ("if", "why") and _ends(after))
    if token.lower == "no":
        return (token.begins and after == "seriously") or (
            after == "." and index + 2 < len(tokens) and tokens[index + 2].kind == "number"
        )
    return False


def _ends(after: str) -> bool:
    return after in ("", "?", ".", "!", ",")


def _is_capital(tokens: Sequence[Token], index: int) -> bool:
    return index < len(tokens) and tokens[index].text[0].isupper()


def _next_content(tokens: Sequence[Token], index: int) -> list[str]:
    """What is denied: the next words that carry a topic."""
    found: list[str] = []
    for token in tokens[index + 1 : index + 8]:
        if token.kind == "stop" or len(found) == 3:
            break
        if token.kind == "word" and token.lower not in words.EMPTY:
            found.append(naming.canonical(token.lower))
    return found


def particles(lower: str, stemmed: frozenset[str]) -> frozenset[str]:
    if stemmed.isdisjoint(opposites.PARTICLED):
        return frozenset()
    found = {f"{verb}:{particle}" for verb, particle in TURNED.findall(lower)}
    return frozenset(found)


def welded(tokens: Sequence[Token]) -> frozenset[str]:
    return frozenset(
        opposites.WELDED[token.lower] for token in tokens if token.lower in opposites.WELDED
    )


def poles(stemmed: frozenset[str]) -> frozenset[tuple[int, int]]:
    return frozenset(place for stem in stemmed & OPPOSITES.keys() for place in OPPOSITES[stem])


def grades(stemmed: frozenset[str]) -> frozenset[tuple[int, int]]:
    return frozenset(place for stem in stemmed & GRADES.keys() for place in GRADES[stem])


def rows(stemmed: frozenset[str]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for stem in stemmed & EXCLUSIVE.keys():
        for row in EXCLUSIVE[stem]:
            found.setdefault(row, set()).add(stem)
    return {row: frozenset(members) for row, members in found.items()}


def opposed(a: frozenset[tuple[int, int]], b: frozenset[tuple[int, int]]) -> int:
    """In how many pairs the one stands on this side only and the other only on that."""
    count = 0
    for pair, side in a:
        other = (pair, 1 - side)
        if other in b and other not in a and (pair, side) not in b:
            count += 1
    return count
