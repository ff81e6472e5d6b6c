"""Sets of sentences that a turn may be near: the `like` of a policy's settings (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_SETS = 50
MOST_SENTENCES = 100
LONGEST = 600


def read(given: Any) -> Mapping[str, tuple[str, ...]]:
    """A ValueError says what is wrong, and where."""
    if not isinstance(given, Mapping) or len(given) > MOST_SETS:
        raise ValueError(f"an object of at most {MOST_SETS} sets is needed here")
    return {str(name): _set(str(name), sentences) for name, sentences in given.items()}


def _set(name: str, sentences: Any) -> tuple[str, ...]:
    if not name or len(name) > 80 or not name.isprintable():
        raise ValueError(f"{name!r}: a name of 1 to 80 characters is needed here")
    if not isinstance(sentences, list) or not 0 < len(sentences) <= MOST_SENTENCES:
        raise ValueError(f"{name}: a list of 1 to {MOST_SENTENCES} sentences is needed here")
    for index, sentence in enumerate(sentences):
        if not isinstance(sentence, str) or not 0 < len(sentence.strip()) <= LONGEST:
            raise ValueError(f"{name}[{index}]: a text of 1 to {LONGEST} characters is needed here")
    return tuple(sentences)
