"""The task types that every KORA knows, and the examples that were written for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

EXAMPLES = Path(__file__).with_name("examples.txt")
OTHER = "other"
"""The section of sentences that are no request of any kind: they teach to abstain."""
LEARNED_BY = 1
"""Rises when the way of learning changes, so that minds are made anew."""
TYPES = (
    "greeting", "faq", "extraction", "formatting", "classification", "translation", "summary",
    "code-completion", "code-explanation", "debugging", "maths", "reasoning", "creative-writing",
    "planning", "tool-use",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    kind: str
    level: int
    """How hard it is, from 0 to 4."""
    text: str


@cache
def examples() -> tuple[Example, ...]:
    return tuple(read(EXAMPLES))


def read(path: Path) -> Iterator[Example]:
    """`[kind]`, then lines of a level, a space and the text with \\n for line ends."""
    kind = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("#"):
            level, _, text = line.partition(" ")
            yield Example(kind=kind, level=int(level), text=text.replace("\\n", "\n"))


@cache
def mark() -> str:
    """Changes whenever a mind of the shipped types has to be made anew."""
    return f"{LEARNED_BY}:{hashlib.sha256(EXAMPLES.read_bytes()).hexdigest()[:24]}"
