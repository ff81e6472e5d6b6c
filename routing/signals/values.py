"""The signals of one prompt as a value (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Plain = bool | int | float | str


@dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """What each one says stands in `signals.names`; `None` is "cannot be told"."""

    prompt_tokens: int
    format_tokens: int
    """Of those, what describes the form of the answer: no model of our own reads it."""
    turns: int
    last_turn_characters: int
    tools: bool
    structured: bool
    images: bool
    code: bool
    injected_characters: int = 0
    system_characters: int = 0
    tool_loop: bool = False
    audio: bool = False
    files: bool = False
    modality: str = "text"
    code_share: float = 0.0
    maths: bool = False
    numbers: int = 0
    number_share: float = 0.0
    format: str = "none"
    language: str | None = None
    reasoning: bool = False
    asks: bool = False
    length: str = "short"
    likeness: float = 0.0
    re_ask: bool = False
    own: Mapping[str, Plain] = field(default_factory=dict)
    """By name, the house's own (`KORA_SIGNALS`)."""

    def as_json(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in NAMES}, **self.own}


NAMES = tuple(name for name in Signals.__slots__ if name != "own")
