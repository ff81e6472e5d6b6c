"""What learning looks at in a request beside its vector: its signals as a row of numbers (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NAMES = (
    "one",
    "length",
    "last_turn",
    "turns",
    "tools",
    "structured",
    "images",
    "code",
    "maths",
    "numbers",
    "number_share",
    "reasoning",
    "asks",
    "formatted",
    "re_ask",
    "complexity",
    "complexity_unknown",
)
USUAL_TOKENS, USUAL_CHARACTERS = 100.0, 300.0
"""A request of this length has 0 for it, so that a weight is a change from the usual."""


def read(signals: Mapping[str, Any], complexity: float | None) -> tuple[float, ...]:
    """In the order of NAMES, each of about the size of one; what is not told is nothing."""
    told = signals.get
    return (
        1.0,
        _scale(told("prompt_tokens"), USUAL_TOKENS),
        _scale(told("last_turn_characters"), USUAL_CHARACTERS),
        math.log1p(max(0.0, _number(told("turns")) - 1.0)),
        _number(bool(told("tools"))),
        _number(bool(told("structured"))),
        _number(bool(told("images"))),
        max(_number(told("code")), min(1.0, _number(told("code_share")))),
        _number(told("maths")),
        min(2.0, math.log1p(_number(told("numbers"))) / 2),
        min(1.0, _number(told("number_share"))),
        _number(told("reasoning")),
        _number(told("asks")),
        _number(told("format") not in {None, "none"}),
        _number(told("re_ask")),
        0.0 if complexity is None else 2.0 * complexity - 1.0,
        _number(complexity is None),
    )


def _number(said: Any) -> float:
    return float(said) if isinstance(said, (int, float)) else 0.0


def _scale(said: Any, usual: float) -> float:
    return max(-2.0, min(2.0, math.log((_number(said) + 1.0) / usual) / 2))
