"""What a question says beside its meaning: the facts that two questions have to share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from caching.guards import (
    kinds,
    letters,
    naming,
    opposites,
    ordering,
    polarity,
    quantities,
    spelling,
    stems,
    tokens,
    words,
)

NON = re.compile(r"\bnon[\s-]+(?=[a-z])", re.IGNORECASE)
BOUND = re.compile(
    r"\b(more|greater|higher|over|above|at least|less|fewer|lower|under|below|at most|up to)"
    r"(?: than)? [^a-z]{0,3}\d"
)
UPWARD = frozenset({"more", "greater", "higher", "over", "above", "at least"})
NONE: frozenset[bool] = frozenset()
SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    words: tuple[str, ...]
    stems: frozenset[str]
    """Of all words, names in their one form."""
    content: tuple[str, ...]
    """Stems of the words that carry a topic, in their order."""
    squeezed: str
    """Letters and digits alone: `e-mail` is found in `email`."""
    initials: str
    numbers: frozenset[tuple[str, str]]
    counts: frozenset[str]
    measures: frozenset[str]
    dates: frozenset[str]
    codes: frozenset[str]
    led: frozenset[str]
    names: tuple[naming.Name, ...]
    narrowing: frozenset[naming.Name]
    capitals: frozenset[str]
    """Stems of all words with a capital letter, whether they name something or not."""
    literals: frozenset[str]
    quotes: frozenset[str]
    code: frozenset[str]
    operators: tuple[str, ...]
    negated: bool
    denied: frozenset[str]
    abating: int
    """2: asks how to be rid of something, 1: a word that may say so, 0: neither."""
    particles: frozenset[str]
    poles: frozenset[tuple[int, int]]
    grades: frozenset[tuple[int, int]]
    rows: dict[int, frozenset[str]]
    superlatives: frozenset[str]
    bounds: frozenset[bool]
    """Whether numbers are told to be the least (true) or the most (false)."""
    kind: str
    chain: tuple[ordering.Link, ...]
    routes: tuple[ordering.Route, ...]
    symmetric: bool
    rest: str
    """What is too far behind to be looked into."""
    letters: str
    """All letters that are not Latin, in their order."""
    signs: str
    """Emoji and other pictures, in their order."""


def read(text: str) -> Facts:
    text = NON.sub("non-", spelling.plain(text))
    text, rest = text[: tokens.LONGEST], text[tokens.LONGEST :]
    quoted, code, plain = _literals(text)
    cut = tokens.cut(plain)
    amounts = quantities.read(cut)
    lowers = tuple(token.lower for token in cut if token.kind in ("word", "code", "plus"))
    stemmed = frozenset(map(naming.canonical, lowers))
    lower = plain.lower()
    trusted = naming.capitals_tell(cut)
    names, narrowing = naming.read(cut, amounts.taken, trusted=trusted)
    links = ordering.chain(cut)
    negated, denied = polarity.negations(cut)
    return Facts(
        words=lowers,
        stems=stemmed,
        content=tuple(stem for stem, _ in links),
        squeezed="".join(filter(str.isalnum, text.lower())),
        initials="".join(word[0] for word in lowers),
        numbers=frozenset(amounts.numbers),
        counts=frozenset(amounts.counts),
        measures=frozenset(amounts.measures),
        dates=frozenset(amounts.dates),
        codes=frozenset(amounts.codes),
        led=frozenset(amounts.led),
        names=names,
        narrowing=narrowing,
        capitals=frozenset(
            naming.canonical(token.lower) for token in cut if token.text[0].isupper()
        ),
        literals=naming.literals(cut, trusted=trusted),
        quotes=quoted,
        code=code,
        operators=tuple(sorted(token.text for token in cut if token.kind == "operator")),
        negated=negated,
        denied=denied,
        abating=_abating(lowers),
        particles=polarity.particles(lower, stemmed) | polarity.welded(cut),
        poles=polarity.poles(stemmed),
        grades=polarity.grades(stemmed),
        rows=polarity.rows(stemmed),
        superlatives=frozenset(
            opposites.SUPERLATIVES[word] for word in lowers if word in opposites.SUPERLATIVES
        ),
        bounds=_bounds(lower) if amounts.numbers else NONE,
        kind=kinds.read(lowers),
        chain=links,
        routes=ordering.routes(links),
        symmetric=not ordering.SYMMETRIC.isdisjoint(lowers),
        rest=rest,
        letters=letters.other(text),
        signs=letters.signs(text),
    )


def _bounds(lower: str) -> frozenset[bool]:
    return frozenset(bound in UPWARD for bound in BOUND.findall(lower))


def _literals(text: str) -> tuple[frozenset[str], frozenset[str], str]:
    """Quoted strings, code, and the text in which code no longer stands."""
    code: frozenset[str] = frozenset()
    if "`" in text:
        code = frozenset(SPACE.sub(" ", a or b).strip() for a, b in tokens.FENCE.findall(text))
        text = tokens.FENCE.sub(" ", text)
    quoted: frozenset[str] = frozenset()
    if not {'"', "“", "„", "«", "'"}.isdisjoint(text):
        quoted = frozenset(
            squeezed
            for groups in tokens.QUOTE.findall(text)
            for quote in groups
            if (squeezed := "".join(filter(str.isalnum, quote.lower())))
        )
    return quoted, code, text


def _abating(lowers: tuple[str, ...]) -> int:
    stemmed = set(lowers) | {stems.stem(word) for word in lowers}
    if not words.ABATING.isdisjoint(stemmed):
        return 2
    return 0 if words.ABATED.isdisjoint(stemmed) else 1
