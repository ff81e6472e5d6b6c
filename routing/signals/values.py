"""The signals of one prompt as a value (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    prompt_tokens: int
    format_tokens: int
    """Of those, what describes the form of the answer: no model of our own reads it."""
    turns: int
    last_turn_characters: int
    tools: bool
    structured: bool
    images: bool
    code: bool

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}
