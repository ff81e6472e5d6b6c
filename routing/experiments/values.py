"""An experiment as requests see it, and what a read-out says of it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from routing.rules.compiling import Held
from routing.rules.values import NO_EFFECTS, Effects
from routing.signals.facts import Facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way of answering, beside the others."""

    name: str
    effects: Effects = NO_EFFECTS
    share: float = 0.5
    stopped: str = ""
    """Why a guardrail took its traffic away, if one did; the first arm has it then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """An experiment that takes requests."""

    experiment_id: int
    name: str
    arms: tuple[Arm, ...]
    holds: Held
    unasked: tuple[Any, ...]
    share: float = 1.0

    @property
    def salt(self) -> str:
        """Of no other experiment, so that who is in one says nothing of who is in another."""
        return f"{self.experiment_id}:{self.name}"

    def wants(self, facts: Facts) -> bool:
        return bool(self.holds(facts, list(self.unasked)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """The arm that a request is in, and how it would be without it."""

    experiment: str
    arm: Arm
    propensity: float
    by: str
    """`session`, `user` or `request`."""
    without: tuple[Any, Any]
    """The ruling and the prompt before the arm narrowed them."""
    left: str = ""
    """Why it was taken out again: no backend may answer under this arm."""

    @property
    def reason(self) -> str:
        return f"experiment:{self.label}"

    @property
    def label(self) -> str:
        return f"{self.experiment}/{self.arm.name}"

    def as_json(self) -> dict[str, Any]:
        told = {"name": self.experiment, "arm": self.arm.name, "by": self.by}
        return {
            **told,
            "propensity": round(self.propensity, 6),
            **({"left": self.left} if self.left else {}),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """What was seen, and between what the truth lies, however often one looks."""

    seen: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        bounds = {"mean": self.mean, "low": self.low, "high": self.high}
        shown = {name: None if v is None else float(f"{v:.6g}") for name, v in bounds.items()}
        return {"seen": self.seen, **shown}


UNSEEN = Interval()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a read-out comes to: who won, which arms lost or broke a guardrail, and why."""

    winner: str = ""
    why: str = ""
    lost: Mapping[str, str] = field(default_factory=dict)
    """By arm, to whom."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """By arm, which guardrail it broke."""
