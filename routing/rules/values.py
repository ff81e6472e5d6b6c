"""What rules come to: one request's ruling, and what it asks of everything after (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Effects:
    """What the rules that held ask for; nothing here ever loosens what the caller asked for."""

    use: str = ""
    """A backend, an alias or a virtual model instead of the model asked for."""
    only: frozenset[str] | None = None
    avoid: frozenset[str] = frozenset()
    cache: Mapping[str, Any] = field(default_factory=dict)
    """`mode`, `max_age`, `similarity`: as the headers of these names, and stricter ones win."""
    constraints: Mapping[str, Any] = field(default_factory=dict)
    """`max_cost`, `max_latency_ms`, `min_quality`, `locality`, `data_class`; stricter ones win."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the policy's settings say otherwise here: `weights`, `explore`, `cascade`, `sticky`."""


NO_EFFECTS = Effects()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """Which rules held, in order, and what follows: a refusal, an answer, or effects."""

    held: tuple[str, ...] = ()
    effects: Effects = NO_EFFECTS
    deny: str | None = None
    reply: str | None = None

    @property
    def is_final(self) -> bool:
        """No model is asked."""
        return self.deny is not None or self.reply is not None

    @property
    def reason(self) -> str:
        """Of a refusal or an answer, which rule it was."""
        return f"rule:{self.held[-1]}" if self.is_final else ""

    def as_json(self) -> dict[str, Any]:
        said = {"deny": self.deny, "reply": self.reply is not None or None}
        effects = {name: getattr(self.effects, name) for name in Effects.__slots__}
        told = {**said, **effects}
        kept = {name: _plain(value) for name, value in told.items() if _says(name, value)}
        return {"held": list(self.held), **kept}


NO_RULING = Ruling()


def _says(name: str, value: Any) -> bool:
    """`only` nothing says a lot; anything else that is empty says nothing."""
    return bool(value) or (name == "only" and value is not None)


def _plain(value: Any) -> Any:
    """As JSON has it; amounts of money as everywhere as texts."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return f"{value:f}" if isinstance(value, Decimal) else value
