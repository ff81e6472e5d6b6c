"""Reads an experiment as somebody wrote it; every error names its place (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from routing.experiments.values import Arm
from routing.rules import conditions, effects
from routing.rules.errors import Unreadable
from routing.rules.trees import Condition
from routing.rules.values import NO_EFFECTS, Effects

NAME = re.compile(r"^[-a-zA-Z0-9_]{1,40}$")
METRICS = ("reward", "cost", "late", "errors")
GUARDRAILS = {"errors": 1.0, "p95_ms": 86_400_000.0, "cost_usd": 1e6}
"""With the most that each may be."""
MOST_ARMS = 6
FIELDS = frozenset({"name", "then", "share", "stopped"})
TOO_LATE = ("deny", "reply", "cache", "continue")
"""An arm chooses among models: what ends a request or reads stored answers comes before it."""


def arms(given: Any) -> tuple[Arm, ...]:
    """The first is what is done today; it may ask for nothing."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) < 2:
        raise ValueError("arms: two or more are needed, the first of which is done today.")
    if len(given) > MOST_ARMS:
        raise ValueError(f"arms: {MOST_ARMS} are the most.")
    read = tuple(_arm(each, f"arms[{index}]") for index, each in enumerate(given))
    names = [each.name for each in read]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"arms: two are called {twice}.")
    return read


def condition(given: Any, own: frozenset[str] = conditions.NOBODYS) -> Condition:
    try:
        return conditions.read(given, own=own)
    except Unreadable as error:
        raise ValueError(f"{error.place}: {error.why}") from error


def guardrails(given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise ValueError("guardrails: must be an object.")  # noqa: TRY004
    for name, most in given.items():
        if name not in GUARDRAILS:
            raise ValueError(f"guardrails.{name}: is none of {', '.join(GUARDRAILS)}.")
        if type(most) not in (int, float) or not 0 < most <= GUARDRAILS[name]:
            limit = GUARDRAILS[name]
            raise ValueError(f"guardrails.{name}: must be a number above 0, at most {limit:g}.")
    return {name: float(most) for name, most in given.items()}


def metric(given: str, rails: Mapping[str, float]) -> str:
    if given not in METRICS:
        raise ValueError(f"metric: must be one of {', '.join(METRICS)}.")
    if given == "late" and "p95_ms" not in rails:
        raise ValueError("metric: late is known only where guardrails.p95_ms says from when on.")
    return given


def _arm(given: Any, place: str) -> Arm:
    if not isinstance(given, Mapping):
        raise ValueError(f"{place}: must be an object.")  # noqa: TRY004
    unknown = next((name for name in given if name not in FIELDS), None)
    if unknown is not None:
        raise ValueError(f"{place}.{unknown}: there is no such field; {', '.join(sorted(FIELDS))}.")
    name = given.get("name")
    if not isinstance(name, str) or not NAME.match(name):
        raise ValueError(f"{place}.name: letters, digits, - and _, at most 40.")
    share = given.get("share", 1.0)
    if type(share) not in (int, float) or not 0 < share <= 1000:
        raise ValueError(f"{place}.share: must be a number above 0, at most 1000.")
    return Arm(
        name=name,
        effects=_effects(given.get("then", {}), f"{place}.then"),
        share=float(share),
        stopped=str(given.get("stopped", "")),
    )


def _effects(given: Any, place: str) -> Effects:
    if given == {}:
        return NO_EFFECTS
    late = next((name for name in TOO_LATE if isinstance(given, Mapping) and name in given), None)
    if late is not None:
        raise ValueError(f"{place}.{late}: an arm chooses who answers, and does nothing else.")
    try:
        return effects.read(given, place)[0]
    except Unreadable as error:
        raise ValueError(f"{error.place}: {error.why}") from error
