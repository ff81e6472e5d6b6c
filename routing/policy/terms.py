"""What a policy's settings say of choosing: weights, aliases, trying out, staying (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from routing.policy import weights
from routing.policy.values import VIRTUAL
from routing.policy.weights import Weights

NAMED = "named-model"
SAYS = ("mode", "share", "sharpness")
"""What a rule or a route may say otherwise of trying out."""
Said = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Explore:
    """How much may be risked to learn of backends that do not look best today."""

    mode: str = "observe"
    """`apply` draws, `observe` only tells what it would have drawn from, `bypass` does neither."""
    share: float = 0.05
    """Of all requests, at most."""
    usd_a_day: float = 1.0
    """More than the best choices are expected to cost, at most, for a team."""
    sharpness: float = 20.0
    """How fast chances fall with the distance to the best score."""
    routes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By model asked for, what is otherwise there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sticky:
    """Whether conversations stay with their backend, and how long one is remembered."""

    enabled: bool = True
    minutes: float = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Alias:
    """A name of a team's own for a virtual model, with less choice or other weights."""

    use: str = "auto"
    only: frozenset[str] | None = None
    avoid: frozenset[str] = frozenset()
    weights: Mapping[str, float] = field(default_factory=dict)
    constraints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """What the choice for one request aims at."""

    goal: str = VIRTUAL["auto"]
    weights: Weights = weights.AUTO
    explore: Explore = Explore()
    sticky: Sticky = Sticky()
    ours_first: bool = False
    """Whatever the scores say, models of our own come before those of others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The settings of a scope that choosing looks at, read once for each version."""

    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    explore: Explore = Explore()
    sticky: Sticky = Sticky()

    def plain(self, model: str) -> str:
        """The virtual model that an alias stands for; any other name is itself."""
        alias = self.aliases.get(model)
        return alias.use if alias else model

    def aim(self, model: str, said: Said | None = None) -> Aim:
        """`said` is what rules that held say otherwise: `weights`, `explore`, `sticky`."""
        said = said or {}
        virtual, alias = self.plain(model), self.aliases.get(model)
        mine = weights.over(weights.DEFAULTS.get(virtual, weights.AUTO), self._of(virtual))
        if alias is not None:
            mine = weights.over(mine, {**alias.weights, **self._of(model)})
        return Aim(
            goal=VIRTUAL.get(virtual, NAMED),
            weights=weights.over(mine, _mine(said.get("weights"), model)),
            explore=_explored(self.explore, model, said.get("explore")),
            sticky=_stuck(self.sticky, said.get("sticky")),
        )

    def _of(self, model: str) -> Mapping[str, float]:
        return self.weights.get(model, {})


DEFAULT = Terms()


def _explored(known: Explore, model: str, said: Any) -> Explore:
    """What a rule says; as it stands there, it was read when it was saved."""
    route = known.routes.get(model)
    known = replace(known, **route) if route else known
    if said is None:
        return known
    if isinstance(said, bool):
        return replace(known, mode="apply" if said else "bypass")
    return replace(known, **{name: said[name] for name in SAYS if name in said})


def _stuck(known: Sticky, said: Any) -> Sticky:
    if said is None:
        return known
    return replace(known, enabled=said) if isinstance(said, bool) else replace(known, **said)


def _mine(said: Any, model: str) -> Mapping[str, float]:
    """A rule may give the weights themselves, or weights by model."""
    if not said:
        return {}
    by_model = any(isinstance(value, Mapping) for value in said.values())
    return said.get(model, {}) if by_model else said  # type: ignore[no-any-return]
