"""Sets of words and patterns, looked for all at once in one pass over a text (pure).

RE2 takes time in proportion to the text, whatever the patterns: no set that somebody saves can
make a request slow. What it does not know (looking around, repeating what was matched) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import re2

LONGEST = 1_000
MOST_PATTERNS = 500
MOST_SETS = 100
LOOKED_AT = 100_000
"""Characters at each end of a text in which patterns are looked for."""
MEMORY = 16 << 20
"""What the automata of one set may take."""
PLAIN = "text:"
"""What begins so is no pattern but words to be found as they stand."""


class Unfit(ValueError):  # noqa: N818
    """A pattern that cannot be looked for; `index` is which."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"[{index}]: {why}")
        self.index = index
        self.why = why


def options() -> Any:
    made = re2.Options()
    made.max_mem = MEMORY
    made.log_errors = False
    return made


class Patterns:
    """Looks for several patterns in one pass."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._set = re2.Set.SearchSet(options())
        for index, pattern in enumerate(patterns):
            self._add(index, pattern)
        self._size = len(patterns)
        if patterns:
            self._compile()

    def _compile(self) -> None:
        try:
            self._set.Compile()
        except re2.error as error:
            raise Unfit(self._size - 1, "up to here these patterns are too large") from error

    def _add(self, index: int, pattern: str) -> None:
        try:
            self._set.Add(pattern)
        except re2.error as error:
            raise Unfit(index, f"not a pattern of RE2's: {_why(pattern) or told(error)}") from error

    @property
    def size(self) -> int:
        return self._size

    def found(self, text: str) -> Sequence[int]:
        """The numbers of those that match somewhere."""
        if not self._size:
            return ()
        return self._set.Match(readable(text)) or ()


def groups(patterns: Sequence[str]) -> tuple[Patterns, ...]:
    """As few sets as these fit into, in their order; each pattern by itself has been compiled."""
    try:
        return (Patterns(patterns),)
    except Unfit:
        if len(patterns) == 1:
            raise
    middle = len(patterns) // 2
    return (*groups(patterns[:middle]), *groups(patterns[middle:]))


def _why(pattern: str) -> str:
    """A set does not say what is wrong with a pattern; compiled alone it does."""
    try:
        re2.compile(pattern, options())
    except re2.error as error:
        return told(error)
    return ""


def told(error: Exception) -> str:
    """RE2 speaks bytes."""
    why = error.args[0] if error.args else ""
    return why.decode(errors="replace") if isinstance(why, bytes) else str(why)


def readable(text: str) -> str:
    """Of a very long text the ends: time grows with its length, and for some patterns quickly. And
    a lone surrogate is no character that RE2 could read."""
    if len(text) > 2 * LOOKED_AT:
        text = f"{text[:LOOKED_AT]}\n{text[-LOOKED_AT:]}"
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def read(given: Any) -> Mapping[str, tuple[str, ...]]:
    """The word sets of a policy's settings; a ValueError says what is wrong, and where."""
    if not isinstance(given, Mapping) or len(given) > MOST_SETS:
        raise ValueError(f"an object of at most {MOST_SETS} sets is needed here")
    return {str(name): _set(str(name), patterns) for name, patterns in given.items()}


def _set(name: str, patterns: Any) -> tuple[str, ...]:
    if not name or len(name) > 80 or not name.isprintable():
        raise ValueError(f"{name!r}: a name of 1 to 80 characters is needed here")
    if not isinstance(patterns, list) or not 0 < len(patterns) <= MOST_PATTERNS:
        raise ValueError(f"{name}: a list of 1 to {MOST_PATTERNS} patterns is needed here")
    for index, pattern in enumerate(patterns):
        if not isinstance(pattern, str) or not 0 < len(pattern) <= LONGEST:
            raise ValueError(f"{name}[{index}]: a text of 1 to {LONGEST} characters is needed here")
    try:
        compiled(tuple(patterns))
    except Unfit as error:
        raise ValueError(f"{name}{error}") from error
    return tuple(patterns)


@lru_cache(maxsize=256)
def compiled(patterns: tuple[str, ...]) -> Patterns:
    """Upper and lower case are the same here."""
    return Patterns([_pattern(each) for each in patterns])


def _pattern(pattern: str) -> str:
    words = pattern.removeprefix(PLAIN)
    return f"(?i){re2.escape(words) if words != pattern else pattern}"


def holds(patterns: Sequence[str], text: str) -> bool:
    return bool(compiled(tuple(patterns)).found(text))
