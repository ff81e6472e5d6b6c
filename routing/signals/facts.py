"""Everything that a rule may ask of a request, by name; what is dear is only found when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from routing.signals import names

ABSENT: Final = None
"""A fact that this request does not have: no condition but `exists` false holds of it."""
LONGEST_TOLD = 200


class Words(str):
    """A long text that many conditions look into: what they make of it is made once."""

    _folded: str | None = None

    @property
    def folded(self) -> str:
        if self._folded is None:
            self._folded = self.casefold()
        return self._folded


def folded(text: str) -> str:
    return text.folded if isinstance(text, Words) else text.casefold()


class _Unkept:
    """What was not written down when a request came: nobody can say it now."""

    def __repr__(self) -> str:
        return "UNKEPT"


UNKEPT: Final = _Unkept()
"""In a simulation, a fact of which the receipt says nothing: what hangs on it is undecided."""
_NEW: Final = object()


class Facts:
    """`sources` find a fact by its name, `families` by its first word and the rest; each at most
    once a request."""

    __slots__ = ("_asked", "_families", "_known", "_sources")

    def __init__(
        self,
        known: Mapping[str, Any],
        sources: Mapping[str, Callable[[], Any]] | None = None,
        families: Mapping[str, Callable[[str], Any]] | None = None,
    ) -> None:
        self._known = known
        self._sources = sources or {}
        self._families = families or {}
        self._asked: dict[str, Any] = {}

    def value(self, name: str) -> Any:
        found = self._asked.get(name, _NEW)
        if found is _NEW:
            found = self._known.get(name, _NEW)
            self._asked[name] = found = self._find(name) if found is _NEW else found
        return found

    def _find(self, name: str) -> Any:
        find = self._sources.get(name)
        if find is not None:
            return find()
        family, dot, rest = name.partition(".")
        of_family = self._families.get(family) if dot else None
        return of_family(rest) if of_family is not None else ABSENT

    def known(self) -> Mapping[str, Any]:
        """What was asked: the receipt keeps it, so that rules can be tried again. What somebody
        wrote is left out, and so are signals, which the receipt has anyway."""
        return {name: _told(value) for name, value in self._asked.items() if _may_be_kept(name)}


def _may_be_kept(name: str) -> bool:
    about = names.find(name)
    return name not in names.SIGNALS and not (about is not None and about.secret)


def _told(value: Any) -> Any:
    return value[:LONGEST_TOLD] if isinstance(value, str) else value
