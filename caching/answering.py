"""Which backends could be asked to compare answers, as the data plane knows them."""

from __future__ import annotations

from collections.abc import Callable, Collection

_known: Callable[[], Collection[str]] | None = None


def use(known: Callable[[], Collection[str]]) -> None:
    """The data plane owns the backends; this room is told how to reach their names at the start."""
    global _known
    _known = known


def fault(name: str) -> str:
    """A sentence about a judge that could not be asked, or nothing; no judge at all is fine."""
    if not name or _known is None or name in _known():
        return ""
    return f"No backend is called “{name}” and answers questions."
