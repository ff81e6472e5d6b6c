"""Whether two questions are one in other words: while nothing is learned, only these are (pure).

Vectors of questions that differ in one word of ten lie nearer to each other than those of most
paraphrases. So where no evidence tells the two apart, nothing may differ but what never changes
an answer: case, marks, articles, politeness, and the ways to begin with `how`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from caching.guards import spelling
from caching.question import courtesy

IGNORED = re.compile(r"[\s.,;:!?\"“”„«»()\[\]…¿¡'。、،؟-]+")
CONTRACTIONS = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"\b(what|who|where|when|how|why|it|that|there|here|he|she)'s\b", r"\1 is"),
        (r"\bi'm\b", "i am"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
    )
)
WORDS = re.compile(r"[^\W_]+|[^\s\w]|_")
HOW = re.compile(r"\bhow (?:(?:do|can|could|would) (?:i|we|one)|to)\b")
OPENING = re.compile(
    r"^(?:(?:(?:can|could|would) you )?tell me|i (?:want|need|would like) to know|do you know) "
)
POLITE = frozenset({"please", "kindly"})
ARTICLES = frozenset({"a", "an", "the"})


def same(asked: str, stored: str) -> bool:
    return asked == stored or _said(asked) == _said(stored)


@lru_cache(maxsize=8_192)
def _said(text: str) -> tuple[str, ...]:
    written = courtesy.bare(spelling.plain(text))
    polite = frozenset[str]() if courtesy.is_about(written) else POLITE
    lower = written.casefold()
    for pattern, long in CONTRACTIONS:
        lower = pattern.sub(long, lower)
    bare = IGNORED.sub(" ", lower).strip()
    words = [word for word in WORDS.findall(bare) if word not in polite]
    kept = [word for word in words[:-1] if word not in ARTICLES] + words[-1:]
    said = HOW.sub("how to", OPENING.sub("", " ".join(kept))).split()
    return tuple(said) or (bare or lower,)
