"""What a request demands of a backend: of itself, by its key, its alias and the rules (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from routing.policy.terms import Alias
from routing.policy.values import EMBEDDINGS, NOWHERE, Seat, Wants
from routing.questions import Constraints, Prompt
from routing.rules import effects as joining
from routing.rules.values import NO_EFFECTS, Effects
from routing.signals.values import Signals

NAMES = {
    "max_cost": "max-cost",
    "max_latency_ms": "max-latency",
    "min_quality": "min-quality",
    "locality": "locality",
}
"""Of constraints as rules and aliases write them, and as a refusal names them."""
NO_ALIAS = Alias()


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What is known of a request beside its words: whose, under which rules, where it sits."""

    model: str = ""
    """What stands for the model asked for, by a rule or an alias."""
    allowed: frozenset[str] = frozenset()
    alias: Alias = NO_ALIAS
    effects: Effects = NO_EFFECTS
    left_s: float | None = None
    seat: Seat = NOWHERE
    protected: str = ""


LOCAL = "auto:local"
PLAINLY = Circumstances()


def wants(prompt: Prompt, signals: Signals, around: Circumstances = PLAINLY) -> Wants:
    alias, effects = around.alias, around.effects
    demanded = {**alias.constraints, **effects.constraints}
    return Wants(
        model=around.model or prompt.model,
        prompt_tokens=signals.prompt_tokens,
        format_tokens=signals.format_tokens,
        output_tokens=prompt.max_tokens,
        choices=prompt.choices,
        needs=_needs(prompt, signals),
        constraints=prompt.constraints,
        allowed=around.allowed if prompt.model not in around.allowed else frozenset(),
        inputs=prompt.inputs,
        only=_both(alias.only, effects.only),
        avoid=alias.avoid | effects.avoid,
        data_class=demanded.get("data_class", ""),
        region=demanded.get("region", ""),
        left_s=around.left_s,
        fixed=_fixed(prompt.constraints, demanded) | _stayed(prompt.model, around.model),
        seat=around.seat,
        protected=around.protected,
    )


def narrowed(given: Constraints, alias: Alias) -> Constraints:
    """What the caller asked for and what the alias demands, whichever is stricter."""
    demanded = {name: value for name, value in alias.constraints.items() if name in NAMES}
    asked = {name: getattr(given, name) for name in demanded}
    known = {name: value for name, value in asked.items() if value is not None}
    return replace(given, **joining.stricter(known, demanded)) if demanded else given


def protected(prompt: Prompt, *, aside: bool, in_loop: bool) -> str:
    """Who asked for something definite gets it: why nothing is tried out on this request."""
    limits = prompt.constraints
    reasons = {
        "aside": aside,
        "min-quality": limits.min_quality is not None,
        "deadline": prompt.stream and limits.max_latency_ms is not None,
        "tool-loop": in_loop,
    }
    return next((why for why, holds in reasons.items() if holds), "")


def _needs(prompt: Prompt, signals: Signals) -> frozenset[str]:
    needs = {
        "tools": signals.tools,
        "json_schema": signals.structured,
        "vision": signals.images,
        "completions": prompt.form == "text",
        EMBEDDINGS: prompt.form == "embeddings",
    }
    return frozenset(name for name, needed in needs.items() if needed)


def _both(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _fixed(constraints: Constraints, demanded: Mapping[str, Any]) -> frozenset[str]:
    """Where the caller asked for still less, it is the caller's to relax, but only so far."""
    return frozenset(
        name
        for key, name in NAMES.items()
        if key in demanded and getattr(constraints, key) == demanded[key]
    )


def _stayed(asked: str, stands: str) -> frozenset[str]:
    """Who asked for `auto:local` can ask for another; whom a rule or an alias sent there cannot."""
    return frozenset({NAMES["locality"]} if stands == LOCAL != asked else ())
