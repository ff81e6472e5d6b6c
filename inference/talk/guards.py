"""What clients wrote can never become a control token: guarded before a template sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

MARKS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
"""Characters that Unicode keeps for programs' own use and that no text should have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of a prompt: one control token, or text in which there is none."""

    text: str
    control: bool


class Guard:
    """A mark, which is taken out again after the template ran, splits whatever reads as one."""

    def __init__(self, controls: Collection[str]) -> None:
        names = sorted((name for name in controls if len(name) > 1), key=len, reverse=True)
        self._controls = re.compile("|".join(map(re.escape, names)) or r"(?!)")
        openings = map(re.escape, sorted({name[0] for name in names}))
        self._openings = re.compile("|".join(openings) or r"(?!)")
        self._heads = frozenset(name[:end] for name in names for end in range(1, len(name)))
        self._tails = frozenset(name[start:] for name in names for start in range(1, len(name)))
        self._longest = max(map(len, names), default=0)

    def parts(self, written: str, mark: str) -> Iterator[Part]:
        at = 0
        for found in self._controls.finditer(written):
            yield from self._text(written[at : found.start()], mark)
            yield Part(text=found[0], control=True)
            at = found.end()
        yield from self._text(written[at:], mark)

    def _text(self, written: str, mark: str) -> Iterator[Part]:
        if plain := written.replace(mark, ""):
            yield Part(text=plain, control=False)

    def light(self, text: str, mark: str) -> str:
        """Splits control tokens, and ends that a neighbour could complete to one: a template that
        looks for something else in the text still finds it."""
        while found := self._controls.search(text):
            text = f"{text[: found.start() + 1]}{mark}{text[found.start() + 1 :]}"
        ends = range(1, min(self._longest, len(text) + 1))
        before = mark if any(text[:n] in self._tails for n in ends) else ""
        after = mark if any(text[-n:] in self._heads for n in ends) else ""
        return f"{before}{text}{after}"

    def strict(self, text: str, mark: str) -> str:
        """Splits wherever one could begin, so that no cutting and joining makes one."""
        return self._openings.sub(lambda found: f"{found[0]}{mark}", text)


def free_mark(value: Any) -> str | None:
    """One that nothing in it has; None when somebody used them all."""
    used = {character for text in _texts(value) for character in MARKS if character in text}
    return next((mark for mark in MARKS if mark not in used), None)


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """The same value with every text in it changed, names of fields included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [each_text(item, change) for item in value]
    if isinstance(value, dict):
        return {change(name): each_text(item, change) for name, item in value.items()}
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
