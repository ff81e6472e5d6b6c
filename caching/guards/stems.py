"""Brings the forms of an English word together: resets, resetting, reset."""

from __future__ import annotations

from functools import lru_cache

from caching.guards import words

VOWELS = frozenset("aeiouy")


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Light on purpose: better two stems for one word than one stem for two words."""
    word = word.removesuffix("'s").removesuffix("'")
    known = words.IRREGULAR.get(word)
    if known is not None:
        return _end(known)
    if len(word) <= 3 or not word.isascii():
        return word
    return _end(_without_suffix(_singular(word)))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_suffix(word: str) -> str:
    for suffix, least in (("ingly", 4), ("edly", 4), ("ing", 3), ("ed", 3), ("ly", 4)):
        root = word.removesuffix(suffix)
        if root != word and len(root) >= least and not VOWELS.isdisjoint(root):
            return _undoubled(root)
    return word


def _undoubled(root: str) -> str:
    if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz":
        return root[:-1]
    return root


def _end(word: str) -> str:
    if len(word) <= 3:
        return word
    if word.endswith("e"):
        return word[:-1]
    return word[:-1] + "i" if word.endswith("y") and word[-2] not in VOWELS else word
