"""Which words of a question name something: people, places, products, sites."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from caching.guards import dates, places, stems, units, wordlists, words
from caching.guards.tokens import Token

TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "sir", "president", "ceo", "pm"})
NEVER = TITLES | words.EMPTY | words.NEGATORS | units.NUMBERS.keys() | dates.WEEKDAYS.keys()
NARROWING = wordlists.members(
    """in on at for with of about as during like to into from by than vs versus and or the my your
    our a an this that these those per via using without near"""
)
LITERALS = ("url", "mail", "plus", "abbr", "snake")
Name = tuple[str, ...]


@lru_cache(maxsize=16_384)
def canonical(lower: str) -> str:
    """One form for a name and what is called after it: India, Indian, indias."""
    single = lower.removesuffix("'s").replace("-", "")
    known = places.COUNTRIES.get(single)
    if known is None and single.endswith("s"):
        known = places.COUNTRIES.get(single[:-1])
    return known or stems.stem(single)


def read(
    tokens: Sequence[Token], taken: set[int], *, trusted: bool
) -> tuple[tuple[Name, ...], frozenset[Name]]:
    """Names as phrases, `Donald Trump` being one of two words; and which of them narrow what is
    asked: `in Paris`, `my Premium plan`, and what everybody knows."""
    found: list[Name] = []
    narrowing: set[Name] = set()
    phrase: list[str] = []
    for index in range(len(tokens) + 1):
        if index < len(tokens) and index not in taken and _is_name(tokens, index, trusted):
            phrase.append(canonical(tokens[index].lower))
        elif phrase:
            name = tuple(phrase)
            found.append(name)
            if not places.PLACES.isdisjoint(phrase) or _narrows(tokens, index - len(phrase) - 1):
                narrowing.add(name)
            phrase = []
    return tuple(found), frozenset(narrowing)


def _narrows(tokens: Sequence[Token], before: int) -> bool:
    return before >= 0 and tokens[before].lower in NARROWING


def literals(tokens: Sequence[Token], *, trusted: bool) -> frozenset[str]:
    """What has to stand in both to the letter: addresses, files, flags, vitamin C."""
    found = {_literal(token) for token in tokens if token.kind in LITERALS}
    if trusted:
        found.update(token.text for token in tokens if _is_letter(token))
    return frozenset(found | {token.lower for token in tokens if _is_site(token)})


def _is_letter(token: Token) -> bool:
    return len(token.text) == 1 and token.text.isupper() and not token.begins and token.text != "I"


def _literal(token: Token) -> str:
    if token.kind == "abbr":
        return canonical(token.lower.replace(".", ""))
    if token.kind == "snake":
        return token.text
    lower = token.lower if token.kind != "url" else token.text
    return lower.removeprefix("https://").removeprefix("http://").rstrip("/.,?!)")


def _is_site(token: Token) -> bool:
    return token.kind == "dotted" and token.lower not in ("e.g", "i.e")


def capitals_tell(tokens: Sequence[Token]) -> bool:
    """Not In A Title Like This, NOR IN A SHOUT."""
    long = [t for t in tokens if t.kind == "word" and len(t.text) > 3 and not t.begins]
    capital = sum(t.text[0].isupper() for t in long)
    return len(long) < 3 or capital * 10 < len(long) * 7


def _is_name(tokens: Sequence[Token], index: int, trusted: bool) -> bool:
    token = tokens[index]
    if token.kind != "word":
        return False
    lower = token.lower.removesuffix("'s")
    if lower in places.AMBIGUOUS and not (trusted and token.text[0].isupper()):
        return False
    if lower == "us":
        return token.text == "US"
    if lower in places.PLACES or lower in places.COUNTRIES:
        return True
    return trusted and lower not in NEVER and _is_capital(tokens, index)


def _is_capital(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    if len(token.text) < 2:
        return False
    if not any(map(str.isupper, token.text)):
        return False
    if not token.text[0].isupper() or (token.text.isupper() and len(token.text) < 7):
        return True
    if not token.begins:
        return True
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    return (
        following is not None
        and following.kind == "word"
        and following.text[0].isupper()
        and following.lower not in NEVER
    )
