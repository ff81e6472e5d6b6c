"""Tables of words, written as words."""

from __future__ import annotations


def members(text: str) -> frozenset[str]:
    return frozenset(text.split())


def mapping(text: str) -> dict[str, str]:
    """`a=b c=d`."""
    return dict(pair.split("=", 1) for pair in text.split())


def opposites(text: str) -> tuple[tuple[frozenset[str], ...], ...]:
    """`a/b-c`: what stands on the one side, and what on the other."""
    return tuple(
        tuple(frozenset(side.split("/")) for side in pair.split("-")) for pair in text.split()
    )
