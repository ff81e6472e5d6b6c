"""Where two questions that look alike are not the same: numbers, names, order, … (pure)."""

from __future__ import annotations

from caching.guards.comparing import GUARDS, all_of, compare
from caching.guards.facts import Facts, read

__all__ = ["GUARDS", "Facts", "all_of", "compare", "disagreement", "read"]


def disagreement(asked: str, stored: str) -> str:
    """The name of the guard that keeps these apart, or nothing."""
    return "" if asked == stored else compare(read(asked), read(stored))
