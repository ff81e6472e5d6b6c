"""Everything that a rule may ask of a request, by name; what is dear is only found when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ABSENT = None
"""A fact that this request does not have: no condition but `missing` holds of it."""


class Facts:
    """`sources` find a fact by its name, each at most once a request."""

    __slots__ = ("_known", "_sources")

    def __init__(
        self, known: Mapping[str, Any], sources: Mapping[str, Callable[[], Any]] | None = None
    ) -> None:
        self._known = dict(known)
        self._sources = sources or {}

    def value(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        find = self._sources.get(name)
        found = find() if find is not None else ABSENT
        self._known[name] = found
        return found

    def known(self) -> Mapping[str, Any]:
        """What was looked at so far: the receipt keeps it, so that rules can be tried again."""
        return self._known
