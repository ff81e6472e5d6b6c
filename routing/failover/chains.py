"""Whom a policy names for certain failures: its settings key `fallbacks`, read (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from routing.failover import failures

LONGEST = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Chains:
    """Backends' names in the order in which they are asked."""

    policy: tuple[str, ...] = ()
    """After a refusal for what the request says; nobody else is asked then."""
    context: tuple[str, ...] = ()
    """After one that was too long: those of a bigger context among them come first."""
    any: tuple[str, ...] = ()
    """After any other failure, when all that were chosen from have failed."""

    def after(self, failure: str) -> tuple[str, ...]:
        named = {failures.POLICY: self.policy, failures.CONTEXT: self.context}
        return named.get(failure, self.any)


NONE = Chains()
NAMES = tuple(each.name for each in fields(Chains))


def read(said: Any) -> Chains:
    """ValueError with the place of what is wrong."""
    if not isinstance(said, Mapping):
        raise ValueError("fallbacks: must be an object")  # noqa: TRY004
    for key in said:
        if key not in NAMES:
            raise ValueError(f"fallbacks.{key}: is none of {', '.join(NAMES)}")
    return Chains(**{key: _names(value, f"fallbacks.{key}") for key, value in said.items()})


def forgiving(settings: Mapping[str, Any]) -> Chains:
    """For what stands already: what cannot be read names nobody."""
    said = settings.get("fallbacks")
    try:
        return NONE if said is None else read(said)
    except ValueError:
        return NONE


def _names(said: Any, place: str) -> tuple[str, ...]:
    whole = isinstance(said, (list, tuple)) and all(isinstance(each, str) for each in said)
    if not whole or len(said) > LONGEST:
        raise ValueError(f"{place}: must be a list of at most {LONGEST} backends' names")
    return tuple(said)
