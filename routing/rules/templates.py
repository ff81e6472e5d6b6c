"""What a rule answers: a text in which names of facts stand for what they are (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from routing.rules.errors import Unreadable
from routing.signals import names

LONGEST = 20_000
MOST_PLACES = 50
PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """`pieces` are texts and, at every odd place, names of facts."""

    pieces: tuple[str, ...]

    def fill(self, value: Callable[[str], Any]) -> str:
        """A fact that is not there is nothing; what is put in is never looked at again."""
        return "".join(
            _written(value(piece)) if index % 2 else piece
            for index, piece in enumerate(self.pieces)
        )


def read(given: Any, place: str) -> Template:
    """A text with `{{names}}`, or `{"text": …}`, in which braces are braces."""
    if isinstance(given, Mapping) and set(given) == {"text"}:
        return Template(pieces=(_text(given["text"], f"{place}.text"),))
    pieces = tuple(PLACE.split(_text(given, place)))
    if len(pieces) > 2 * MOST_PLACES + 1:
        raise Unreadable(place, f"at most {MOST_PLACES} names can stand in a reply")
    for name in pieces[1::2]:
        known = names.find(name)
        if known is None or known.cost > names.AT_HAND:
            raise Unreadable(place, f"{{{{{name}}}}} is no name that can stand in a reply")
    return Template(pieces=pieces)


def _text(given: Any, place: str) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST:
        raise Unreadable(place, f"a text of 1 to {LONGEST:,} characters is needed here")
    return given


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
