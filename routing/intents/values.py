"""What was recognised of a request (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """No intent is `""`, by nobody; complexity None is "no evidence", which is not "simple"."""

    intent: str = ""
    confidence: float = 0.0
    by: str = ""
    """`rules`, `examples`, or nothing where it abstained."""
    complexity: float | None = None
    runner_up: str = ""
    why: str = ""
    """Why there is no intent: `unsure`, `untaught`, `embedder-busy`, `no-embedder`, `no-words`."""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


NOTHING = Recognised()
